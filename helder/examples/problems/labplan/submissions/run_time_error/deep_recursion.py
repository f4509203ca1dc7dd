import sys

n, m, *numbers = map(int, sys.stdin.read().split())
after = [[] for _ in range(n + 1)]
for a, b in zip(numbers[::2], numbers[1::2]):
    after[a].append(b)
state, order = [0] * (n + 1), []
possible = True


def visit(analysis):
    global possible
    state[analysis] = 1
    for later in after[analysis]:
        if state[later] == 1:
            possible = False
        elif state[later] == 0:
            visit(later)
    state[analysis] = 2
    order.append(analysis)


for analysis in range(1, n + 1):
    if not state[analysis]:
        visit(analysis)
print(*reversed(order)) if possible else print("impossible")
