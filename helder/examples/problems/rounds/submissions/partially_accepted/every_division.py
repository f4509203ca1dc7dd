from itertools import combinations

n, k = map(int, input().split())
minutes = list(map(int, input().split()))
least = None
for borders in combinations(range(1, n), k - 1):
    effort = sum(sum(minutes[a:b]) ** 2 for a, b in zip((0, *borders), (*borders, n)))
    if least is None or effort < least:
        least = effort
print(least)
