import sys


def main():
    n, m, *numbers = map(int, sys.stdin.read().split())
    worth, needs = numbers[:n], numbers[n:]
    source, sink = 0, n + 1
    to, left, edges = [], [], [[] for _ in range(n + 2)]

    def connect(a, b, most):
        edges[a].append(len(to))
        to.append(b)
        left.append(most)
        edges[b].append(len(to))
        to.append(a)
        left.append(0)

    endless = 1 << 60
    for measure, one in enumerate(worth, 1):
        if one > 0:
            connect(source, measure, one)
        elif one < 0:
            connect(measure, sink, -one)
    for a, b in zip(needs[::2], needs[1::2]):
        connect(a, b, endless)

    flow = 0
    while True:
        # Distances to the sink, so that a walk from the source goes downhill only.
        level = [-1] * (n + 2)
        level[sink] = 0
        queue = [sink]
        for node in queue:
            for edge in edges[node]:
                if left[edge ^ 1] and level[to[edge]] < 0:
                    level[to[edge]] = level[node] + 1
                    queue.append(to[edge])
        if level[source] < 0:
            break
        place = [0] * (n + 2)
        path, node = [], source
        while True:
            if node == sink:
                amount = min([left[edge] for edge in path])
                flow += amount
                first = -1
                for i, edge in enumerate(path):
                    left[edge] -= amount
                    left[edge ^ 1] += amount
                    if first < 0 and not left[edge]:
                        first = i
                node = to[path[first] ^ 1]  # go on from where the path is full
                del path[first:]
            while place[node] < len(edges[node]):
                edge = edges[node][place[node]]
                if left[edge] and level[to[edge]] == level[node] - 1:
                    path.append(edge)
                    node = to[edge]
                    break
                place[node] += 1
            else:
                if node == source:
                    break
                edge = path.pop()
                node = to[edge ^ 1]
                place[node] += 1
    print(sum(one for one in worth if one > 0) - flow)


main()
