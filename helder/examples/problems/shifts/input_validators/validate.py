import re
import sys

most = int(sys.argv[1]) if sys.argv[1:] else 500
text = sys.stdin.read()
assert re.fullmatch("[1-9][0-9]* [1-9][0-9]*\n[1-9][0-9]*( [1-9][0-9]*)*\n", text)
n, m, *minutes = map(int, text.split())
assert 1 <= m <= n <= most
assert m <= 50
assert len(minutes) == n
assert max(minutes) <= 3000
sys.exit(42)
