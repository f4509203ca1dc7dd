"""Accepts every order that keeps to the rules; the answer file is looked at only for whether there is one."""

import sys
from pathlib import Path


def refuse(why):
    Path(sys.argv[3], "judgemessage.txt").write_text(why + "\n", encoding="utf-8")
    sys.exit(43)


(n, m), *rules = (tuple(map(int, line.split())) for line in Path(sys.argv[1]).read_text().splitlines())
possible = Path(sys.argv[2]).read_text().split() != ["impossible"]
words = sys.stdin.buffer.read().decode("ascii", "replace").split()

if not possible:
    sys.exit(42) if words == ["impossible"] else refuse("there is no order")
if words == ["impossible"]:
    refuse("there is an order")
if len(words) != n:
    refuse(f"{len(words)} words in place of {n}")
if not all(word.isascii() and word.isdigit() and len(word) <= 4 for word in words):
    refuse("not all words are numbers")
order = [int(word) for word in words]
place = {analysis: position for position, analysis in enumerate(order)}
if sorted(place) != list(range(1, n + 1)):
    refuse("not every analysis occurs once")
for before, after in rules:
    if place[before] > place[after]:
        refuse(f"{before} must be done before {after}")
sys.exit(42)
