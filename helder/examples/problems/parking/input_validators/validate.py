import re
import sys

most, least = map(int, sys.argv[1:]) if sys.argv[1:] else (15_000, -9999)
text = sys.stdin.read()
number = "(0|-?[1-9][0-9]{0,3})"
assert re.fullmatch(f"[1-9][0-9]*\n{number}( {number})*\n", text)
n, *days = map(int, text.split())
assert 1 <= n <= most
assert len(days) == n
assert min(days) >= least
sys.exit(42)
