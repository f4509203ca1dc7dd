input()
best = ending = -10_000
for day in map(int, input().split()):
    ending = max(ending, 0) + day
    best = max(best, ending)
print(best)
