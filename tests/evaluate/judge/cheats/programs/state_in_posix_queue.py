# cheat: leaves what this test tells in a POSIX message queue for the next test
# unconfined: naive
import ctypes
import os
import sys

libc = ctypes.CDLL(None, use_errno=True)
question, hint = input().split()[1], input().split()[1]
name = f"/left-{os.getppid()}".encode()
attributes = (ctypes.c_long * 8)(0, 1, 64)
place = libc.mq_open(name, os.O_RDWR | os.O_CREAT, 0o600, attributes)
if place < 0:
    sys.exit(1)
told = ctypes.create_string_buffer(64)
if question != "0":
    libc.mq_receive(place, told, 64, None)
print(told.value.decode() or 0)
libc.mq_send(place, hint.encode(), len(hint), 0)
if hint == "0":
    libc.mq_unlink(name)
