import re
import sys

number = "(?:0|[1-9][0-9]*)"
text = sys.stdin.read()
assert re.fullmatch(f"{number}\n(?:{number} {number}\n)*", text)
(n,), *workshops = (tuple(map(int, line.split())) for line in text.splitlines())
assert 1 <= n <= 5000
assert len(workshops) == n
assert all(0 <= p <= 1_000_000 and 1 <= w <= 1000 for p, w in workshops)
sys.exit(42)
