n = int(input())
beds = list(map(int, input().split()))
print(sum(beds[i] for i in range(n - 1)))
