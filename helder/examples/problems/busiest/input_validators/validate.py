import re
import sys

number = "(0|[1-9][0-9]{0,9})"
first, *lines = sys.stdin.read().split("\n")
assert re.fullmatch("[1-9][0-9]{0,5}", first)
assert 1 <= int(first) <= 200_000
assert lines.pop() == ""
assert len(lines) == int(first)
for line in lines:
    assert re.fullmatch(f"{number} {number}", line)
    came, left = map(int, line.split())
    assert 0 <= came < left <= 10**9
sys.exit(42)
