print(*reversed(input().lower().split()))
