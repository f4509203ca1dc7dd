import heapq
import sys

times = list(map(int, sys.stdin.buffer.read().split()))[1:]
there = []  # when those who are there leave
most = first = 0
for came, left in sorted(zip(times[::2], times[1::2])):
    while there and there[0] <= came:
        heapq.heappop(there)
    heapq.heappush(there, left)
    if len(there) > most:
        most, first = len(there), came
print(most, first)
