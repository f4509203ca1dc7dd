# cheat: forks without end
# unconfined: not run, it would take the machine
import os

while True:
    try:
        os.fork()
    except OSError:
        pass
