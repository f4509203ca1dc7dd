import sys
from fractions import Fraction

n, *numbers = map(int, sys.stdin.read().split())
workshops = list(zip(numbers[::2], numbers[1::2]))
slowest = Fraction(0)
for place, time in workshops:  # two workshops are equally far, in seconds, from the place that is best for the two
    for other, its in workshops:
        slowest = max(slowest, Fraction(abs(place - other) * time * its, time + its))
print(float(slowest))
