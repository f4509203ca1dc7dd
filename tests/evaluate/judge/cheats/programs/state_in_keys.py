# cheat: leaves what this test tells in the kernel's key ring of the user for the next test
# unconfined: not run, a key of the user's outlives the test
import ctypes

libc = ctypes.CDLL(None, use_errno=True)
question, hint = input().split()[1], input().split()[1]
told = ctypes.create_string_buffer(64)
found = libc.syscall(249, b"user", b"left", None, -4)  # request_key, in the user's ring
libc.syscall(250, 11, found, told, 64)  # KEYCTL_READ
print(told.value.decode() or 0)
libc.syscall(248, b"user", b"left", hint.encode(), len(hint), -4)  # add_key
