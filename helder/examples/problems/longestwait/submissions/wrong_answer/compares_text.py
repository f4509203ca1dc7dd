n = int(input())
patients = [input().split() for _ in range(n)]
print(max(patients, key=lambda patient: patient[1])[0])
