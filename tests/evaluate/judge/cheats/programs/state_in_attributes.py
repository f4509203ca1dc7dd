# cheat: leaves what this test tells in an extended attribute of its own program for the next test
# unconfined: not run, not every file system has extended attributes
import os

question, hint = input().split()[1], input().split()[1]
print(os.getxattr(__file__, "user.left").decode() if question != "0" else 0)
os.setxattr(__file__, "user.left", hint.encode())
