n = int(input())
days = list(map(int, input().split()))
first = 0
while days[first] < 0:  # when there is no gain the search begins again, for ever
    first = (first + 1) % n
best = ending = 0
for day in days[first:]:
    ending = max(ending, 0) + day
    best = max(best, ending)
print(best)
