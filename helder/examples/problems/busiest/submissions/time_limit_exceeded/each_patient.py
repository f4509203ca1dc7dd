patients = [tuple(map(int, input().split())) for _ in range(int(input()))]
most = first = 0
for second, _ in sorted(patients):
    there = len([patient for patient in patients if patient[0] <= second and patient[1] > second])
    if there > most:
        most, first = there, second
print(most, first)
