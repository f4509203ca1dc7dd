import sys


def main():
    words = sys.stdin.buffer.read().split()
    n = int(words[0])
    roads = [[] for _ in range(n + 1)]
    for place in range(2, 2 + 3 * (n - 1), 3):
        a, b, d = int(words[place]), int(words[place + 1]), int(words[place + 2])
        roads[a].append((b, d))
        roads[b].append((a, d))
    is_open = [False] * (n + 1)
    for place in range(2 + 3 * (n - 1), len(words), 2):
        kind, village = words[place], int(words[place + 1])
        if kind != b"?":
            is_open[village] = kind == b"+"
            continue
        away = [(village, 0, 0)]
        for here, before, distance in away:  # stops at the post that the fewest roads lead to
            if is_open[here]:
                print(distance)
                break
            away += [(other, here, distance + length) for other, length in roads[here] if other != before]
        else:
            print("none")


main()
