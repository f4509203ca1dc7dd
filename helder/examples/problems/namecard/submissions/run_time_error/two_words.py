family, given = input().split()
print(given, family)
