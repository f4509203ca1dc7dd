import sys

n, m, *numbers = map(int, sys.stdin.read().split())
rules = list(zip(numbers[::2], numbers[1::2]))
order, left = [], list(range(1, n + 1))
while left:
    for analysis in left:
        if not any(b == analysis and a in left for a, b in rules):
            break
    else:
        print("impossible")
        sys.exit()
    order.append(analysis)
    left.remove(analysis)
print(*order)
