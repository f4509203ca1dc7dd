import sys


def main():
    n, m, *numbers = map(int, sys.stdin.read().split())
    worth = [0, *numbers[:n]]
    needs = [[] for _ in range(n + 1)]
    for a, b in zip(numbers[n::2], numbers[n + 1 :: 2]):
        needs[a].append(b)
    taken = set()
    for measure in range(1, n + 1):
        group, stack = {measure}, [measure]
        while stack:
            for needed in needs[stack.pop()]:
                if needed not in group and needed not in taken:
                    group.add(needed)
                    stack.append(needed)
        if measure not in taken and sum(worth[one] for one in group) > 0:
            taken |= group
    print(sum(worth[one] for one in taken))


main()
