import sys


def main():
    n, *numbers = map(int, sys.stdin.read().split())
    slowness = {}  # of several workshops at one place the slowest counts
    for place, time in zip(numbers[::2], numbers[1::2]):
        slowness[place] = max(time, slowness.get(place, 0))
    workshops = list(slowness.items())
    low, high = 0.0, 1e9
    for _ in range(55):
        middle = (low + high) / 2
        left = max([place - middle / time for place, time in workshops])
        right = min([place + middle / time for place, time in workshops])
        if left <= right:  # one depot is within `middle` seconds of all
            high = middle
        else:
            low = middle
    print(f"{high:.9f}")


main()
