import sys

n, *numbers = map(int, sys.stdin.read().split())
places, times = numbers[::2], numbers[1::2]
depot = (min(places) + max(places)) / 2
print(max(time * abs(depot - place) for place, time in zip(places, times)))
