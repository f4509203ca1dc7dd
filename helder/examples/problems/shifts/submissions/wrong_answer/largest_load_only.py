n, m = map(int, input().split())
loads = [0] * m
for minutes in sorted(map(int, input().split()), reverse=True):
    loads[loads.index(min(loads))] += minutes
print(max(loads))
