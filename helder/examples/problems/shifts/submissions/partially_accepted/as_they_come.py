n, m = map(int, input().split())
loads = [0] * m
nurses = []
for minutes in map(int, input().split()):
    nurse = loads.index(min(loads))
    loads[nurse] += minutes
    nurses.append(nurse + 1)
print(*nurses)
