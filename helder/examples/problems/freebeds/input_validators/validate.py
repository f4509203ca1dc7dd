import re
import sys

text = sys.stdin.read()
number = "(0|[1-9][0-9]*)"
assert re.fullmatch(f"[1-9][0-9]*\n{number}( {number})*\n", text)
n, *beds = map(int, text.split())
assert 1 <= n <= 1000
assert len(beds) == n
assert all(0 <= one <= 1000 for one in beds)
sys.exit(42)
