# cheat: stops the process that started it, and everybody else whom it may
# unconfined: not run, it would stop what it reaches
import os
import signal

for number in (signal.SIGSTOP, signal.SIGTERM, signal.SIGKILL):
    for process in (os.getppid(), -1, 0 - os.getppid()):
        try:
            os.kill(process, number)
        except OSError:
            pass
