n = int(input())
readings = [tuple(map(int, input().split("/"))) for _ in range(n)]
counted = readings[1:] or readings
print(*(f"{sum(values) / len(counted):.2f}" for values in zip(*counted)))
