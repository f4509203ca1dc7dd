"""Answers that are asked for again are held against the stored ones."""

from __future__ import annotations

from typing import Any

from helder.certify.scores import same

STORED: dict[str, Any] = {"id": "a", "raw": "cat", "output": "cat", "error": None}
SURE = {"whole": 0.5, "mean": 0.7, "least": 0.6}


def test_an_answer_is_the_same_only_when_all_of_it_is() -> None:
    assert same(dict(STORED), STORED)
    assert not same({**STORED, "raw": "dog"}, STORED)
    assert not same(None, STORED)


def test_a_confidence_may_differ_in_its_last_bits_and_no_more() -> None:
    stored = {**STORED, "confidence": SURE}
    assert same({**STORED, "confidence": {**SURE, "whole": 0.5000001}}, stored)
    assert not same({**STORED, "confidence": {**SURE, "whole": 0.51}}, stored)
    assert not same(STORED, stored)
    assert not same({**stored, "raw": "dog"}, stored)
