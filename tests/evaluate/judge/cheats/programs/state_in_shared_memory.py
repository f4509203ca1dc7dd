# cheat: leaves what this test tells in a segment of System V's shared memory for the next test
# unconfined: naive
import ctypes
import os
import sys

libc = ctypes.CDLL(None, use_errno=True)
libc.shmat.restype = ctypes.c_void_p
question, hint = input().split()[1], input().split()[1]
place = libc.shmget(0x48000000 | os.getppid(), 4096, 0o1600)
if place < 0:
    sys.exit(1)
segment = ctypes.c_uint64.from_address(libc.shmat(place, None, 0))
print(segment.value)
segment.value = int(hint)
if hint == "0":
    libc.shmctl(place, 0, None)  # IPC_RMID
