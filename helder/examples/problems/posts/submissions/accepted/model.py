import heapq
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
    posts = [[] for _ in range(n + 1)]  # of each centroid: a heap of posts below it that are or were open
    is_open = [False] * (n + 1)
    answers = []
    for place in range(2 + 3 * (n - 1), len(words), 2):
        kind, village = words[place], int(words[place + 1])
        if kind == b"+":
            is_open[village] = True
            for centroid, distance in above[village]:
                heapq.heappush(posts[centroid], (distance, village))
        elif kind == b"-":
            is_open[village] = False
        else:
            nearest = None
            for centroid, distance in above[village]:
                heap = posts[centroid]
                while heap and not is_open[heap[0][1]]:
                    heapq.heappop(heap)
                if heap and (nearest is None or distance + heap[0][0] < nearest):
                    nearest = distance + heap[0][0]
            answers.append("none" if nearest is None else str(nearest))
    print("\n".join(answers))


main()
