n = int(input())
taps = 0
for _ in range(n):
    taps += 1
low, high = 1, taps
while low < high:
    middle = (low + high) // 2
    print("?", middle, flush=True)
    if input() == "water":
        low = middle + 1
    else:
        high = middle
print("!", low, flush=True)
