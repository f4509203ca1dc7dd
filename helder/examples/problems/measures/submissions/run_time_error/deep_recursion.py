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

    for measure, one in enumerate(worth, 1):
        if one > 0:
            connect(source, measure, one)
        elif one < 0:
            connect(measure, sink, -one)
    for a, b in zip(needs[::2], needs[1::2]):
        connect(a, b, 1 << 60)

    def push(node, most):
        if node == sink:
            return most
        while place[node] < len(edges[node]):
            edge = edges[node][place[node]]
            if left[edge] and level[to[edge]] == level[node] - 1:
                amount = push(to[edge], min(most, left[edge]))
                if amount:
                    left[edge] -= amount
                    left[edge ^ 1] += amount
                    return amount
            place[node] += 1
        return 0

    flow = 0
    while True:
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
        while amount := push(source, 1 << 60):
            flow += amount
    print(sum(one for one in worth if one > 0) - flow)


main()
