"""Who reads what models write in the standard tasks, and how far that goes.

number   the last number of the text is the right one (as OLMES reads GSM8K). An answer without a number is wrong.
         Blind to the way there, and fooled by a number after the answer.
math     what stands after "The final answer is", else in the last \\boxed{}, is the right answer after plain
         rewriting (spaces, \\left and \\right, fractions and roots in one way, units in text left out). No algebra:
         an answer that is equal and written otherwise counts as wrong, so the share is a lower bound.
words    exact match and F1 over words as SQuAD has them (Rajpurkar et al. 2016): small letters, no punctuation,
         no articles; the best over the accepted answers. Answers of several spans (DROP) are read as one text, and
         for numbers the F1 is 0 unless the same numbers stand there; DROP's own alignment of spans is not done.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from helder.evaluate.verifiers import last_number

ARTICLES = re.compile(r"\b(?:a|an|the)\b")
DIGITS = re.compile(r"-?\d+(?:\.\d+)?")
FINAL = re.compile(r"final answer is:?\s*(.+?)(?:\.?\s*I hope it is correct|$)", re.S | re.I)
WRITTEN_OTHERWISE = (
    (re.compile(r"\\(?:left|right|displaystyle|,|!|;|:| |\$|%)"), ""),
    (re.compile(r"\\(?:text|mathrm|textbf|mbox)\{([^{}]*)\}"), r"\1"),
    (re.compile(r"\\[dt]frac"), r"\\frac"),
    (re.compile(r"\\frac(\d)(\d)"), r"\\frac{\1}{\2}"),
    (re.compile(r"\\sqrt(\w)"), r"\\sqrt{\1}"),
    (re.compile(r"\^\{?\\circ\}?|\\degrees?\b|%"), ""),
    (re.compile(r"[\s$~]"), ""),
    (re.compile(r"(?<=\d),(?=\d{3}(?!\d))"), ""),
)


@dataclass(frozen=True)
class Graded:
    """How right an answer is.

    Attributes:
        right: wholly.
        share: 0 to 1; for graders that know no shares, the same.
        read: what was taken for the answer.
    """

    right: bool
    share: float
    read: str


def grade(name: str, text: str, accepted: Sequence[str]) -> Graded:
    """Judge what a model wrote.

    Args:
        name: "number", "math" or "words".
        accepted: the right answers; one of them is enough.

    Raises:
        ValueError: there is no grader of that name, or no right answer that it could read.
    """
    if not accepted:
        raise ValueError("no answer is accepted")
    return {"number": _number, "math": _math, "words": _words}[name](text, accepted)


def _number(text: str, accepted: Sequence[str]) -> Graded:
    wanted = [last_number(one) for one in accepted]
    if None in wanted:
        raise ValueError(f"no number in {accepted!r}")
    found = last_number(text)
    right = found is not None and found in wanted
    return Graded(right, float(right), "" if found is None else f"{found:g}")


def _math(text: str, accepted: Sequence[str]) -> Graded:
    said = FINAL.findall(text)
    read = said[-1].strip() if said else _boxed(text)
    plain = as_written(read)
    right = bool(plain) and plain in {as_written(one) for one in accepted}
    return Graded(right, float(right), read)


def _boxed(text: str) -> str:
    """What stands in the last \\boxed{}; "" without one that is closed."""
    start = text.rfind("\\boxed{")
    if start < 0:
        return ""
    depth, begin = 0, start + len("\\boxed")
    for place in range(begin, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return text[begin + 1 : place]
    return ""


def as_written(answer: str) -> str:
    """A mathematical answer written in one way."""
    answer = answer.strip().strip(".")
    if answer.startswith("\\boxed{"):
        answer = _boxed(answer)
    for pattern, into in WRITTEN_OTHERWISE:
        answer = pattern.sub(into, answer)
    left, equals, right = answer.partition("=")
    return right if equals and len(left) <= 2 and right else answer  # x=5 says 5


def _words(text: str, accepted: Sequence[str]) -> Graded:
    read = text.strip()
    return Graded(any(plain(read) == plain(one) for one in accepted), max(f1(read, one) for one in accepted), read)


def plain(text: str) -> str:
    """Words in small letters, without punctuation and articles."""
    kept = "".join(sign for sign in text.lower() if sign not in string.punctuation)
    return " ".join(ARTICLES.sub(" ", kept).split())


def f1(given: str, wanted: str) -> float:
    """F1 over the words of two texts; 0 where `wanted` has numbers that `given` has not."""
    numbers = set(DIGITS.findall(wanted))
    if numbers and not numbers <= set(DIGITS.findall(given)):
        return 0.0
    ours, theirs = plain(given).split(), plain(wanted).split()
    if not ours or not theirs:
        return float(ours == theirs)
    common = sum((Counter(ours) & Counter(theirs)).values())
    return 2 * common / (len(ours) + len(theirs))
