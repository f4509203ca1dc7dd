n = int(input())
sides = [0, 0]
for _ in range(n):
    sides[0 if input().strip()[-1] in "02468" else 1] += 1
print(*sides)
