import re
import sys

most, line, closing = (sys.argv[1:] + ["50000", "tree", "closing"][len(sys.argv) - 1 :])[:3]
first, *lines = sys.stdin.read().split("\n")
assert re.fullmatch("[1-9][0-9]{0,5} [1-9][0-9]{0,5}", first)
n, q = map(int, first.split())
assert n <= int(most)
assert q <= int(most)
assert lines.pop() == ""
assert len(lines) == n - 1 + q

leader = list(range(n + 1))


def find(village):
    while leader[village] != village:
        leader[village] = leader[leader[village]]
        village = leader[village]
    return village


for i, road in enumerate(lines[: n - 1], 1):
    assert re.fullmatch("[1-9][0-9]{0,5} [1-9][0-9]{0,5} [1-9][0-9]{0,3}", road)
    a, b, d = map(int, road.split())
    assert max(a, b) <= n
    assert d <= 1000
    assert line == "tree" or (a, b) == (i, i + 1)
    assert find(a) != find(b)  # no way round
    leader[find(a)] = find(b)

is_open = [False] * (n + 1)
for event in lines[n - 1 :]:
    assert re.fullmatch("[-+?] [1-9][0-9]{0,5}", event)
    kind, village = event[0], int(event[2:])
    assert village <= n
    if kind != "?":
        assert is_open[village] == (kind == "-")
        assert kind == "+" or closing == "closing"
        is_open[village] = not is_open[village]
sys.exit(42)
