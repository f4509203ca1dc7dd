# cheat: asks /proc which file its standard input is, and reads the answer beside that
# unconfined: naive
import os

with open(os.readlink("/proc/self/fd/0").removesuffix(".in") + ".ans") as file:
    print(file.read())
