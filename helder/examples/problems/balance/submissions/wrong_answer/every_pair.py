n = int(input())
lighter_ones = [0] * (n + 1)
for a in range(1, n + 1):
    for b in range(1, a):
        print("?", a, b, flush=True)
        said = input()
        lighter_ones[b if said == "<" else a] += 1
print("!", *sorted(range(1, n + 1), key=lambda bottle: lighter_ones[bottle]), flush=True)
