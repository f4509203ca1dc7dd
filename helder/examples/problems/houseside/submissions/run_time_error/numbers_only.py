n = int(input())
sides = [0, 0]
for _ in range(n):
    sides[int(input()) % 2] += 1
print(*sides)
