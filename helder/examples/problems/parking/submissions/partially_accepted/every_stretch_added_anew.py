def main():
    n = int(input())
    days = list(map(int, input().split()))
    best = days[0]
    for first in range(n):
        for last in range(first, n):
            total = 0
            for day in range(first, last + 1):
                total += days[day]
            best = max(best, total)
    print(best)


main()
