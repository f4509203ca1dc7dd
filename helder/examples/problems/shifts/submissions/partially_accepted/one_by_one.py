n, m = map(int, input().split())
print(*(task % m + 1 for task in range(n)))
