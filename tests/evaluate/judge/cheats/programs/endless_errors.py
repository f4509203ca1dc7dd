# cheat: writes to standard error without end
# unconfined: not run, it would fill the disk
import sys

while True:
    sys.stderr.write("0" * 1_000_000)
