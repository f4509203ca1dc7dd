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

    def nearest(village, before):
        least = 0 if is_open[village] else 10**9
        for other, length in roads[village]:
            if other != before:
                least = min(least, length + nearest(other, village))
        return least

    for place in range(2 + 3 * (n - 1), len(words), 2):
        kind, village = words[place], int(words[place + 1])
        if kind == b"?":
            least = nearest(village, 0)
            print("none" if least >= 10**9 else least)
        else:
            is_open[village] = kind == b"+"


main()
