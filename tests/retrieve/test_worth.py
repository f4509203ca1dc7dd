"""Whether training was worth it beside passages is said only as far as it is shown."""

from __future__ import annotations

from typing import Any

import pytest

from helder.data.task import Task
from helder.evaluate import verdict
from helder.evaluate.measure import Measured, Subject, measure_subject
from helder.evaluate.records import Example, Prediction
from helder.evaluate.stage import SUBJECTS, scores_of

TASK = Task(kind="text", name="t", purpose="A test.")
EXAMPLES = [Example(str(place), f"q {place}", f"a {place}") for place in range(60)]


def answers(subject: str, right: int) -> Measured:
    """A subject that has the first ones right."""
    role, title, note = SUBJECTS[subject]
    found = {
        one.id: Prediction(one.id, said := one.output if place < right else "other", said)
        for place, one in enumerate(EXAMPLES)
    }
    about: dict[str, Any] = {"constrained": True, "examples_in_prompt": 0, "limit": None, "trained_on": None}
    return measure_subject(TASK, Subject(subject, role, title, note, about), "test", EXAMPLES, found)


def called(name: str) -> str:
    return name.replace("_retrieval", "-retrieval")


def scored(**right: int) -> dict[str, Any]:
    measured = {(called(name), "test"): answers(called(name), count) for name, count in right.items()}
    subjects = [one.subject for one in measured.values()]
    return scores_of(TASK, subjects, {"test": EXAMPLES}, measured, 0.95, 0.01, 0)[0]


@pytest.mark.parametrize(
    ("tuned", "untrained", "expected"),
    [(50, 20, "worth it"), (20, 50, "not worth it"), (30, 29, "not shown"), (30, 30, "not shown")],
)
def test_the_tuned_model_is_held_against_the_untrained_one_with_passages(
    tuned: int, untrained: int, expected: str
) -> None:
    found = scored(weights=5, base=2, weights_retrieval=tuned, base_retrieval=untrained, trivial=1)
    assert found["retrieval"]["verdict"] == expected
    text = found["retrieval"]["text"]
    assert "The passages are worth it" in text
    assert f"the tuned model with passages {100 * tuned / 60:.1f} %" in text
    pairs = {(one["a"], one["b"]) for one in found["comparisons"] if one["why"] == "retrieval"}
    assert {("weights-retrieval", "base-retrieval"), ("weights", "base-retrieval")} < pairs
    assert all("retrieval" in a or "retrieval" in b for a, b in pairs)


def test_passages_that_do_harm_are_told() -> None:
    text = scored(weights=50, weights_retrieval=10, base_retrieval=10, trivial=1)["retrieval"]["text"]
    assert "The passages are not worth it" in text


def test_without_subjects_with_passages_nothing_is_said() -> None:
    found = scored(weights=50, base=10, trivial=1)
    assert "retrieval" not in found
    assert verdict.choose_model(["weights"], [], "test") == "weights"
    assert found["recommendation"]["model"] == "weights"


def test_what_answers_with_passages_is_what_is_recommended() -> None:
    bare = scored(weights=5, q8_0=5, base=10, trivial=20)
    more = scored(weights=5, q8_0=5, base=10, weights_retrieval=60, q8_0_retrieval=60, base_retrieval=1, trivial=20)
    assert bare["recommendation"]["use"] == "trivial"
    assert (more["recommendation"]["use"], more["recommendation"]["verdict"]) == ("q8_0-retrieval", "model")
    assert more["compression"] == bare["compression"]
