import sys


def main():
    n, m, *numbers = map(int, sys.stdin.read().split())
    after = [[] for _ in range(n + 1)]
    waits_for = [0] * (n + 1)
    for a, b in zip(numbers[::2], numbers[1::2]):
        after[a].append(b)
        waits_for[b] += 1
    order = [analysis for analysis in range(1, n + 1) if not waits_for[analysis]]
    for analysis in order:
        for later in after[analysis]:
            waits_for[later] -= 1
            if not waits_for[later]:
                order.append(later)
    print(*order)


main()
