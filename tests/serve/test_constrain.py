"""A grammar is checked before it is used, and holds every token of an answer."""

from __future__ import annotations

import numpy as np
import pytest

from helder.data.task import Task
from helder.errors import HelderError
from helder.serve import constrain
from helder.serve.constrain import Constraint
from tests.serve.tiny import END, Tiny

LABELS = Task(kind="label", name="colours", labels=("red", "red, dark", "größer"))


def constraint(model: Tiny, lark: str) -> Constraint:
    return Constraint(lark, model.folder / "tokenizer.json", model.model.config.vocabulary_size, [END])


def test_a_grammar_that_cannot_be_read_is_refused_with_its_place() -> None:
    with pytest.raises(HelderError, match="grammar") as caught:
        constrain.check("start: missing")
    assert "missing" in caught.value.why


def test_a_whole_answer_follows_its_grammar_and_a_beginning_only_when_asked() -> None:
    lark = LABELS.grammar()
    assert constrain.follows(lark, "größer", complete=True)
    assert not constrain.follows(lark, "größ", complete=True)
    assert constrain.follows(lark, "größ", complete=False)
    assert not constrain.follows(lark, "grün", complete=False)
    assert not constrain.follows(lark, "red, dark!", complete=False)


def test_only_tokens_that_continue_a_label_are_allowed(model: Tiny) -> None:
    matcher = constraint(model, LABELS.grammar()).start()
    allowed = {model.decode([int(token)]) for token in np.flatnonzero(matcher.allowed())}
    assert "r" in allowed
    assert all("red, dark".startswith(text) or "größer".startswith(text) for text in allowed)


def test_an_answer_may_end_only_where_the_grammar_says_so(model: Tiny) -> None:
    matcher = constraint(model, LABELS.grammar()).start()
    assert not matcher.allowed()[END]
    for token in model.encode("red"):
        matcher.accept(token)
    assert matcher.complete and not matcher.ended
    assert matcher.allowed()[END]
    for token in model.encode(", dark"):
        matcher.accept(token)
    assert matcher.ended


def test_a_token_outside_the_grammar_is_an_error_and_not_a_shrug(model: Tiny) -> None:
    matcher = constraint(model, LABELS.grammar()).start()
    with pytest.raises(HelderError):
        matcher.accept(model.encode("x")[0])


def test_two_answers_of_one_constraint_do_not_disturb_each_other(model: Tiny) -> None:
    both = constraint(model, LABELS.grammar())
    first, second = both.start(), both.start()
    first.accept(model.encode("r")[0])
    assert not np.array_equal(first.allowed(), second.allowed())
