"""Scores a division by how far its largest load is above the smallest that is possible, that of the answer file."""

import sys
from pathlib import Path

STEEPNESS = 20  # nothing is left of the points at a twentieth above the smallest load


def refuse(why):
    Path(sys.argv[3], "judgemessage.txt").write_text(why + "\n", encoding="utf-8")
    sys.exit(43)


def largest_load(words):
    if len(words) != n:
        refuse(f"{len(words)} words in place of {n}")
    loads = [0] * m
    for word, length in zip(words, minutes):
        if not (word.isascii() and word.isdigit() and len(word) <= 2 and 1 <= int(word) <= m):
            refuse(f"no nurse: {word[:20]!r}")
        loads[int(word) - 1] += length
    return max(loads)


n, m, *minutes = map(int, Path(sys.argv[1]).read_text().split())
least = largest_load(Path(sys.argv[2]).read_text().split())
load = largest_load(sys.stdin.buffer.read().decode("ascii", "replace").split())
Path(sys.argv[3], "judgemessage.txt").write_text(f"largest load {load}, smallest possible {least}\n", encoding="utf-8")
# Hundred thousandths, rounded down in whole numbers, so that every machine writes the same text.
part = max(0, 100_000 * least - STEEPNESS * 100_000 * (load - least)) // least
if not sys.argv[4:]:
    Path(sys.argv[3], "score_multiplier.txt").write_text(f"{part / 100_000:.5f}\n", encoding="utf-8")
elif sys.argv[4] == "points":  # for judges that know no multipliers
    Path(sys.argv[3], "score.txt").write_text(f"{int(sys.argv[5]) * part / 100_000:.5f}\n", encoding="utf-8")
else:
    assert sys.argv[4] == "unscored"  # a sample has no points
sys.exit(42)
