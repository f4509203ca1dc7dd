import sys

times = list(map(int, sys.stdin.buffer.read().split()))[1:]
events = sorted([(came, 1) for came in times[::2]] + [(left, -1) for left in times[1::2]])
there = most = first = 0
for second, change in events:  # who leaves in a second stands before who comes in it
    there += change
    if there > most:
        most, first = there, second
print(most, first)
