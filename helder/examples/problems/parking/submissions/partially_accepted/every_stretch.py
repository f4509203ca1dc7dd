def main():
    n = int(input())
    days = list(map(int, input().split()))
    best = days[0]
    for first in range(n):
        total = 0
        for last in range(first, n):
            total += days[last]
            if total > best:
                best = total
    print(best)


main()
