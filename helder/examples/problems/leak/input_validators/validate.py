import re
import sys

text = sys.stdin.read()
assert re.fullmatch("[1-9][0-9]* [1-9][0-9]*\n", text)
taps, leak = map(int, text.split())
assert 1 <= leak <= taps <= 10**9
sys.exit(42)
