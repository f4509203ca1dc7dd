n = int(input())
beds = list(map(int, input().split()))
total = place = 0
while place < n:
    if beds[place] > 0:  # a full ward is never left
        total += beds[place]
        place += 1
print(total)
