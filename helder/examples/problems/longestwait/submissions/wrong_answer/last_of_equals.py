n = int(input())
longest, who = -1, ""
for _ in range(n):
    name, minutes = input().split()
    if int(minutes) >= longest:
        longest, who = int(minutes), name
print(who)
