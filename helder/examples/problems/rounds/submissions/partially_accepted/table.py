from itertools import accumulate


def main():
    n, k = map(int, input().split())
    before = list(accumulate(map(int, input().split()), initial=0))
    least = [0] + [1 << 60] * n
    for round in range(1, k + 1):
        following = [1 << 60] * (n + 1)
        for i in range(round, n + 1):
            here, best = before[i], 1 << 60
            for j in range(round - 1, i):
                effort = least[j] + (here - before[j]) ** 2
                if effort < best:
                    best = effort
            following[i] = best
        least = following
    print(least[n])


main()
