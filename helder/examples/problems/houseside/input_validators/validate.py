import re
import sys

first, *lines = sys.stdin.read().split("\n")
assert re.fullmatch("[1-9][0-9]{0,3}", first)
assert 1 <= int(first) <= 1000
assert lines.pop() == ""
assert len(lines) == int(first)
assert all(re.fullmatch("[1-9][0-9]{0,3}[a-z]?", line) for line in lines)
sys.exit(42)
