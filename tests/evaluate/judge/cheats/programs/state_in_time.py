# cheat: leaves what this test tells in the time stamps of its own program for the next test
# unconfined: naive
import os

question, hint = input().split()[1], input().split()[1]
print(os.stat(__file__).st_mtime_ns if question != "0" else 0)
os.utime(__file__, ns=(0, int(hint)))
