import sys

n, m, *numbers = map(int, sys.stdin.read().split())
waits_for = [0] * (n + 1)
for b in numbers[1::2]:
    waits_for[b] += 1
print(*sorted(range(1, n + 1), key=lambda analysis: waits_for[analysis]))
