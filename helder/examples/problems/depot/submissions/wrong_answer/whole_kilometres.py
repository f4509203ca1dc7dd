import sys


def main():
    n, *numbers = map(int, sys.stdin.read().split())
    workshops = list(zip(numbers[::2], numbers[1::2]))

    def slowest(depot):
        return max([time * abs(depot - place) for place, time in workshops])

    low, high = 0, 1_000_000
    while low < high:
        middle = (low + high) // 2
        if slowest(middle) <= slowest(middle + 1):
            high = middle
        else:
            low = middle + 1
    print(slowest(low))


main()
