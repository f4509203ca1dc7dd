import re
import sys

number = "[1-9][0-9]*"
text = sys.stdin.read()
assert re.fullmatch(f"{number} {number}\n{number}( {number})*\n", text)
t, m, *sizes = map(int, text.split())
assert 1 <= t <= 20_000
assert 1 <= m <= 20
assert len(set(sizes)) == len(sizes) == m
assert max(sizes) <= 20_000
sys.exit(42)
