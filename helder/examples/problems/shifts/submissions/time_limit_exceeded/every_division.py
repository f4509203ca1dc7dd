from itertools import product

n, m = map(int, input().split())
minutes = list(map(int, input().split()))
best, kept = sum(minutes) + 1, None
for nurses in product(range(m), repeat=n):
    loads = [0] * m
    for task, nurse in enumerate(nurses):
        loads[nurse] += minutes[task]
    if max(loads) < best:
        best, kept = max(loads), nurses
print(*(nurse + 1 for nurse in kept))
