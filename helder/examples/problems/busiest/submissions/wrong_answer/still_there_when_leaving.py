import sys

times = list(map(int, sys.stdin.buffer.read().split()))[1:]
# At the same second those who come stand before those who leave.
events = sorted([(came, 0) for came in times[::2]] + [(left, 1) for left in times[1::2]])
there = most = first = 0
for second, leaves in events:
    there += -1 if leaves else 1
    if there > most:
        most, first = there, second
print(most, first)
