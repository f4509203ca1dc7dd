# cheat: stops itself, so that it neither ends nor uses time
# unconfined: not run, nothing comes of it
import os
import signal

os.kill(os.getpid(), signal.SIGSTOP)
