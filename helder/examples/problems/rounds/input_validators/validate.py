import re
import sys

most_rooms, most_rounds = map(int, sys.argv[1:]) if sys.argv[1:] else (20_000, 20_000)
text = sys.stdin.read()
assert re.fullmatch("[1-9][0-9]* [1-9][0-9]*\n[1-9][0-9]?( [1-9][0-9]?)*\n", text)
n, k, *rooms = map(int, text.split())
assert 1 <= k <= n <= most_rooms
assert k <= most_rounds
assert len(rooms) == n
sys.exit(42)
