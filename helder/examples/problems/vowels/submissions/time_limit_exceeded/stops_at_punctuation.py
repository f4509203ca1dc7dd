line = input().lower()
count = place = 0
while place < len(line):
    if line[place] in "aeiou":
        count += 1
        place += 1
    elif line[place].isalpha():
        place += 1
    # anything else is looked at for ever
print(count)
