n, k = map(int, input().split())
minutes = list(map(int, input().split()))
share = sum(minutes) / k
effort = total = 0
for place, one in enumerate(minutes):
    total += one
    if (total >= share and k > 1) or n - place - 1 < k:
        effort += total * total
        total = 0
        k -= 1
print(effort + total * total)
