import re
import sys

text = sys.stdin.read()
assert re.fullmatch("[1-9][0-9]*\n[1-9][0-9]*( [1-9][0-9]*)*\n", text)
n, *weights = map(int, text.split())
assert 1 <= n <= 200
assert sorted(weights) == list(range(1, n + 1))
sys.exit(42)
