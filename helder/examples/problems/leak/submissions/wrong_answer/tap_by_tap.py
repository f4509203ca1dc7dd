n = int(input())
for tap in range(1, n + 1):
    print("?", tap, flush=True)
    if input() != "water":
        break
print("!", tap, flush=True)
