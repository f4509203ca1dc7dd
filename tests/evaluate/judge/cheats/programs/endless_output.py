# cheat: writes without end
# unconfined: not run, it would fill the disk
import sys

while True:
    sys.stdout.write("0" * 1_000_000)
