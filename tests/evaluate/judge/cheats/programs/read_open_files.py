# cheat: reads files that the process which started it holds open
# unconfined: naive
import os

folder = f"/proc/{os.getppid()}/fd"
for place in os.listdir(folder):
    if os.path.exists(f"{folder}/{place}") and os.readlink(f"{folder}/{place}").endswith(".ans"):
        with open(f"{folder}/{place}") as file:
            print(file.read())
