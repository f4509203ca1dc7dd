"""Opens taps for the submission and counts the trips."""

import re
import sys
from pathlib import Path

TRIPS = 30


def end(code, why):
    Path(sys.argv[3], "judgemessage.txt").write_text(why + "\n", encoding="utf-8")
    sys.exit(code)


def say(text):
    try:
        print(text, flush=True)
    except BrokenPipeError:
        end(43, "the submission no longer reads")


taps, leak = map(int, Path(sys.argv[1]).read_text().split())
say(taps)
for trip in range(TRIPS + 1):
    line = sys.stdin.buffer.readline(64).decode("ascii", "replace")
    match = re.fullmatch(r"\s*([?!])\s+([0-9]{1,10})\s*", line)
    if not match:
        end(43, f"not a question or an answer: {line!r}")
    kind, tap = match[1], int(match[2])
    if not 1 <= tap <= taps:
        end(43, f"there is no tap {tap}")
    if kind == "!":
        if sys.stdin.buffer.read(4096).strip():
            end(43, "more output behind the answer")
        end(42 if tap == leak else 43, f"answered {tap} after {trip} trips; the first dry tap is {leak}")
    if trip == TRIPS:
        end(43, f"more than {TRIPS} trips")
    say("water" if tap < leak else "dry")
