n = int(input())
longest, who = None, None
for _ in range(n):
    name, minutes = input().split()
    if int(minutes) > longest:
        longest, who = int(minutes), name
print(who)
