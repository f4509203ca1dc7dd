patients = [tuple(map(int, input().split())) for _ in range(int(input()))]
most = first = 0
for second in sorted({time for patient in patients for time in patient}):
    there = sum(came <= second < left for came, left in patients)
    if there > most:
        most, first = there, second
print(most, first)
