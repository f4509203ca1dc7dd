# cheat: replaces its own output by a symbolic link to the expected answer
# unconfined: naive
import os

question = input().split()[1]
os.unlink("output")
os.symlink(f"{question}.ans", "output")
