import sys

n, *numbers = map(int, sys.stdin.read().split())
workshops = list(zip(numbers[::2], numbers[1::2]))


def search(low, high):
    if high - low < 1e-12:  # with large numbers never reached: the halves are equal before
        return high
    middle = (low + high) / 2
    left = max(place - middle / time for place, time in workshops)
    right = min(place + middle / time for place, time in workshops)
    return search(low, middle) if left <= right else search(middle, high)


print(search(0, 1e9))
