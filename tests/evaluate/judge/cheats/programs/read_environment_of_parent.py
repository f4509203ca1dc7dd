# cheat: reads the environment of the process that started it, which its own was cleared of
# unconfined: naive
import os

question = input().split()[1]
with open(f"/proc/{os.getppid()}/environ") as file:
    words = dict(word.split("=", 1) for word in file.read().split("\0") if "=" in word)
with open(f"{words['TESTS']}/{question}.ans") as file:
    print(file.read())
