n = int(input())
sides = [0, 0]
for _ in range(n):
    number = input().strip()
    while not number.isdigit():
        number = number.rstrip("a")
    sides[int(number) % 2] += 1
print(*sides)
