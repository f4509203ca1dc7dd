# cheat: sleeps, so that no processor time passes
# unconfined: not run, nothing comes of it
import time

time.sleep(1_000_000)
