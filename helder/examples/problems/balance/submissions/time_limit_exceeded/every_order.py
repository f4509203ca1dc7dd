from itertools import permutations

n = int(input())
known = {}


def lighter(a, b):
    if (a, b) not in known:
        print("?", a, b, flush=True)
        known[a, b] = input() == "<"
        known[b, a] = not known[a, b]
    return known[a, b]


for order in permutations(range(n, 0, -1)):
    if all(lighter(a, b) for a, b in zip(order, order[1:])):
        print("!", *order, flush=True)
        break
