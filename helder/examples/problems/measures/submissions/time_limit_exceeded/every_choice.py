import sys

n, m, *numbers = map(int, sys.stdin.read().split())
worth = numbers[:n]
needs = list(zip(numbers[n::2], numbers[n + 1 :: 2]))
best = 0
for choice in range(1 << n):
    if all(choice >> b - 1 & 1 for a, b in needs if choice >> a - 1 & 1):
        best = max(best, sum(one for place, one in enumerate(worth) if choice >> place & 1))
print(best)
