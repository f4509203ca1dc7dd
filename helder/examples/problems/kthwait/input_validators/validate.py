import re
import sys

text = sys.stdin.read()
assert re.fullmatch("(0|[1-9][0-9]*)( (0|[1-9][0-9]*)){3}\n", text)
n, q, seed, most = map(int, text.split())
assert 1 <= n <= 150_000
assert 1 <= q <= 150_000
assert 0 <= seed < 2**31
assert 1 <= most <= 2**23
sys.exit(42)
