n = int(input())
patients = []
for _ in range(n):
    name, minutes = input().split()
    patients.append((int(minutes), name))
sorting = True
while sorting:
    sorting = False
    for i in range(n - 1):
        if patients[i][0] <= patients[i + 1][0]:  # equal ones change places in every round
            patients[i], patients[i + 1] = patients[i + 1], patients[i]
            sorting = True
print(patients[0][1])
