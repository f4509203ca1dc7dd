import re
import sys

first, *lines = sys.stdin.read().split("\n")
assert re.fullmatch("[1-9][0-9]*", first)
assert 1 <= int(first) <= 1000
assert lines.pop() == ""
assert len(lines) == int(first)
assert all(re.fullmatch("[1-9][0-9]{1,2}/[1-9][0-9]{1,2}", line) for line in lines)
assert all(30 <= int(value) <= 250 for line in lines for value in line.split("/"))
sys.exit(42)
