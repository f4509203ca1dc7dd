n = int(input())
sides = [0, 0]
for _ in range(n):
    number = input().strip().rstrip("abcdefghijklmnopqrstuvwxyz")
    sides[int(number) % 2] += 1
print(sides[1], sides[0])
