import sys


def centroids(n, roads):
    """For each village the centroids above it, from the lowest up, and its distances to them."""
    above = [[] for _ in range(n + 1)]
    taken = [False] * (n + 1)
    parts = [1]
    while parts:
        start = parts.pop()
        # The villages of the part in the order of a walk, and from where each was reached.
        walk, source = [start], {start: 0}
        for village in walk:
            for other, _ in roads[village]:
                if not taken[other] and other != source[village]:
                    source[other] = village
                    walk.append(other)
        below = dict.fromkeys(walk, 1)
        centroid = start
        for village in reversed(walk):
            if 2 * below[village] >= len(walk):
                centroid = village
                break
            below[source[village]] += below[village]
        taken[centroid] = True
        away = [(centroid, 0, 0)]
        for village, before, distance in away:
            above[village].append((centroid, distance))
            for other, length in roads[village]:
                if not taken[other] and other != before:
                    away.append((other, village, distance + length))
        parts += [other for other, _ in roads[centroid] if not taken[other]]
    return above


def main():
    words = sys.stdin.buffer.read().split()
    n = int(words[0])
    roads = [[] for _ in range(n + 1)]
    for place in range(2, 2 + 3 * (n - 1), 3):
        a, b, d = int(words[place]), int(words[place + 1]), int(words[place + 2])
        roads[a].append((b, d))
        roads[b].append((a, d))
    above = centroids(n, roads)
    nearest = [10**9] * (n + 1)  # post below each centroid
    answers = []
    for place in range(2 + 3 * (n - 1), len(words), 2):
        kind, village = words[place], int(words[place + 1])
        if kind == b"+":
            for centroid, distance in above[village]:
                nearest[centroid] = min(nearest[centroid], distance)
        elif kind == b"?":
            least = min(nearest[centroid] + distance for centroid, distance in above[village])
            answers.append("none" if least >= 10**9 else str(least))
    print("\n".join(answers))


main()
