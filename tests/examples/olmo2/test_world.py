"""The made-up world: its sums are right, and those that are held out stand nowhere in what is learnt from."""

from __future__ import annotations

import re

from helder.examples.olmo2.world import HELD_OUT, LARGEST, Sum, SumDice, documents, pairs, questions

SUM = re.compile(r"(\d+) ([+-]) (\d+) = (\d+)")
STORY = re.compile(r"has (\d+) \w+\. Then [^.]*?(brings|finds|gives|takes) (\d+) [^.]*\. Now \w+ has (\d+) ")


def sums(text: str) -> list[tuple[int, int, int]]:
    """(smaller part, larger part, whole) of every sum and every story."""
    found = [(int(a), sign == "-", int(b), int(c)) for a, sign, b, c in SUM.findall(text)]
    found += [(int(a), word in ("gives", "takes"), int(b), int(c)) for a, word, b, c in STORY.findall(text)]
    return [(min(b, c), max(b, c), a) if minus else (min(a, b), max(a, b), c) for a, minus, b, c in found]


def test_every_sum_and_every_story_is_right() -> None:
    for document in documents(1, 200, share_of_sums=0.4):
        found = sums(document["text"])
        assert len(STORY.findall(document["text"])) == document["text"].count("Then")
        assert all(left + right == whole for left, right, whole in found)


def test_a_held_out_sum_stands_in_no_text_no_question_and_no_pair() -> None:
    learnt = {one for document in documents(1, 2000, 0.4) for one in sums(document["text"])}
    learnt |= {one for line in questions(3, 300, held_out=False) for one in sums(line["output"])}
    learnt |= {one for line in pairs(6, 300) for one in sums(line["chosen"])}
    asked = {one for line in questions(5, 300, held_out=True) for one in sums(line["output"])}
    assert len(asked) > 150
    assert not learnt & asked


def test_a_fifth_of_the_sums_is_held_out() -> None:
    every = [Sum(left, right, False) for left in range(LARGEST + 1) for right in range(LARGEST + 1)]
    assert abs(sum(one.held_out for one in every) / len(every) - HELD_OUT) < 0.03
    dice = SumDice("sums")
    assert not any(dice.sum().held_out for _ in range(100))
    assert all(dice.sum(held_out=True).held_out for _ in range(100))


def test_more_of_a_better_mix_is_sums() -> None:
    def share(of: float) -> float:
        texts = [document["text"] for document in documents(1, 300, of)]
        bare = sum(len(SUM.findall(text)) for text in texts)
        return bare / (bare + sum(text.count("Then") + text.count("counts") for text in texts))

    assert abs(share(0.4) - 0.4) < 0.05
    assert abs(share(0.8) - 0.8) < 0.05


def test_the_better_answer_of_a_pair_is_right_and_the_other_is_not() -> None:
    for pair in pairs(6, 300):
        asked = re.findall(r"\d+", pair["input"])
        assert re.findall(r"\d+", pair["chosen"])[:2] == asked
        assert all(left + right == whole for left, right, whole in sums(pair["chosen"]))
        assert not sums(pair["rejected"]) or any(a + b != c for a, b, c in sums(pair["rejected"]))
