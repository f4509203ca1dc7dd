# cheat: replaces its own output by another name of the expected answer
# unconfined: naive
import os

question = input().split()[1]
os.unlink("output")
os.link(f"{question}.ans", "output")
