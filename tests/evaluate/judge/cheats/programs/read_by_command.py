# cheat: reads from the command line of the process that started it where the tests are
# unconfined: naive
import os

question = input().split()[1]
with open(f"/proc/{os.getppid()}/cmdline") as file:
    words = file.read().split("\0")
for word in words:
    if os.path.exists(f"{word}/{question}.ans"):
        with open(f"{word}/{question}.ans") as file:
            print(file.read())
