# cheat: closes its output and writes to every other open file
# unconfined: not run, nothing comes of it
import os

os.close(1)
for place in (0, *range(2, 256)):
    try:
        os.write(place, b"0\nAC\n")
    except OSError:
        pass
