words = input().split()
place = len(words) - 1
turned = ""
while place >= 0:
    if len(words[place]) <= 10:
        turned += words[place] + " "
        place -= 1
print(turned)
