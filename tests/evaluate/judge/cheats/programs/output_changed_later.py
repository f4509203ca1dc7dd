# cheat: leaves a process that writes into its output after it has ended, when the judge has its answer in hand
# unconfined: not run, which of the two is first is chance
import os
import time

question = input().split()[1]
if os.fork() == 0:
    time.sleep(0.1)
    with open(f"{question}.ans") as file:
        os.pwrite(1, file.read().encode(), 0)
    os._exit(0)
print(0)
