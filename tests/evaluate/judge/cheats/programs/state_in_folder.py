# cheat: leaves what this test tells in a file of its folder for the next test
# unconfined: naive
import os

question, hint = input().split()[1], input().split()[1]
print(open("left").read() if os.path.exists("left") else 0)
with open("left", "w") as file:
    file.write(hint)
