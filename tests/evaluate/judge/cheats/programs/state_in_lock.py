# cheat: leaves what this test tells, bit by bit, in which bytes of a file of the machine a process left behind has locked
# unconfined: naive
import fcntl
import os
import struct
import time

question, hint = int(input().split()[1]), int(input().split()[1])
place = os.open(__file__, os.O_RDWR)
base = 1000


def lock(kind, start):
    return struct.pack("hhqqi4x", kind, os.SEEK_SET, start, 1, 0)


found = 0
for bit in range(63):
    told = fcntl.fcntl(place, fcntl.F_GETLK, lock(fcntl.F_WRLCK, base + 100 * question + bit))
    found |= (struct.unpack("hhqqi4x", told)[0] != fcntl.F_UNLCK) << bit
print(found)
reads, writes = os.pipe()
if os.fork() == 0:
    for number in range(63):
        if hint >> number & 1:
            fcntl.fcntl(place, fcntl.F_SETLK, lock(fcntl.F_WRLCK, base + 100 * (question + 1) + number))
    for number in (0, 1, 2):
        os.close(number)
    os.write(writes, b"1")
    time.sleep(5)
    os._exit(0)
os.read(reads, 1)
