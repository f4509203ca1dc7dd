import re
import sys

number = "[1-9][0-9]*"
text = sys.stdin.read()
assert re.fullmatch(f"{number} (0|{number})\n({number} {number}\n)*", text)
(n, m), *rules = (tuple(map(int, line.split())) for line in text.splitlines())
assert 1 <= n <= 2000
assert 0 <= m <= 8000
assert len(rules) == m
assert all(a != b and max(a, b) <= n for a, b in rules)
sys.exit(42)
