n = int(input())
readings = [tuple(map(int, input().split("/"))) for _ in range(n)]
upper = sum(reading[0] for reading in readings[1:])
lower = sum(reading[1] for reading in readings[1:])
print(upper / (n - 1), lower / (n - 1))
