n = int(input())
days = list(map(int, input().split()))
best = max(days[0], days[1], days[0] + days[1])
ending = max(days[1], days[0] + days[1])
for day in days[2:]:
    ending = max(ending, 0) + day
    best = max(best, ending)
print(best)
