# cheat: leaves what this test tells in a queue of System V's messages for the next test
# unconfined: naive
import ctypes
import os
import sys

libc = ctypes.CDLL(None, use_errno=True)
question, hint = input().split()[1], input().split()[1]
place = libc.msgget(0x48000000 | os.getppid(), 0o1600)
if place < 0:
    sys.exit(1)
message = (ctypes.c_uint64 * 2)(1, 0)
if question != "0":
    libc.msgrcv(place, message, 8, 0, 0o4000)
print(message[1])
message[0], message[1] = 1, int(hint)
libc.msgsnd(place, message, 8, 0)
if hint == "0":
    libc.msgctl(place, 0, None)  # IPC_RMID
