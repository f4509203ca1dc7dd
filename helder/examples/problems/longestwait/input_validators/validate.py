import re
import sys

first, *lines = sys.stdin.read().split("\n")
assert re.fullmatch("[1-9][0-9]*", first)
assert 1 <= int(first) <= 1000
assert lines.pop() == ""
assert len(lines) == int(first)
assert all(re.fullmatch("[A-Za-z]{1,20} (0|[1-9][0-9]*)", line) for line in lines)
assert all(int(line.split()[1]) <= 1000 for line in lines)
assert len({line.split()[0] for line in lines}) == len(lines)
sys.exit(42)
