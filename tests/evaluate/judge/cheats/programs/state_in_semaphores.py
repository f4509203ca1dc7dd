# cheat: leaves what this test tells in the values of System V's semaphores for the next test
# unconfined: naive
import ctypes
import os
import sys

libc = ctypes.CDLL(None, use_errno=True)
question, hint = input().split()[1], int(input().split()[1])
place = libc.semget(0x48000000 | os.getppid(), 8, 0o1600)
if place < 0:
    sys.exit(1)
print(sum(libc.semctl(place, number, 12) << 8 * number for number in range(8)))  # GETVAL
for number in range(8):
    libc.semctl(place, number, 16, hint >> 8 * number & 255)  # SETVAL
if hint == 0:
    libc.semctl(place, 0, 0)  # IPC_RMID
