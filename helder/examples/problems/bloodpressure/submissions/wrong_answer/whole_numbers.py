n = int(input())
readings = [tuple(map(int, input().split("/"))) for _ in range(n)]
counted = readings[1:] or readings
print(*(sum(values) // len(counted) for values in zip(*counted)))
