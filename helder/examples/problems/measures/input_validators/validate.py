import re
import sys

text = sys.stdin.read()
number = "(?:0|-?[1-9][0-9]*)"
assert re.fullmatch(f"[1-9][0-9]* (?:0|[1-9][0-9]*)\n{number}(?: {number})*\n(?:[1-9][0-9]* [1-9][0-9]*\n)*", text)
(n, m), worth, *needs = (tuple(map(int, line.split())) for line in text.splitlines())
assert 1 <= n <= 1500
assert 0 <= m <= 4000
assert len(worth) == n
assert len(needs) == m
assert all(-(10**6) <= one <= 10**6 for one in worth)
assert all(a != b and max(a, b) <= n for a, b in needs)
sys.exit(42)
