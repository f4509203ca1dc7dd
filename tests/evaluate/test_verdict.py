"""Which subject to use, and how it is said."""

from __future__ import annotations

from typing import Any

import pytest

from helder.evaluate.verdict import choose_model, recommend
from tests.evaluate.material import DOSE

TITLES = {"q8_0": "the Q8_0 file", "nearest": "the nearest training example", "trivial": "the most frequent answer"}
ROLES = {"q8_0": "model", "nearest": "baseline", "trivial": "baseline"}


def lost(**points: float) -> list[dict[str, Any]]:
    return [
        {"subject": name, "test_set": "test", "measure": "whole", "points_lost": value}
        for name, value in points.items()
    ]


@pytest.mark.parametrize(
    ("models", "points", "chosen"),
    [
        (["weights", "f16", "q8_0", "q4_0"], {"f16": 0.0, "q8_0": 0.1, "q4_0": 0.4}, "q4_0"),
        (["weights", "f16", "q8_0", "q4_0"], {"f16": 0.0, "q8_0": 0.5, "q4_0": 0.6}, "q8_0"),
        (["weights", "f16", "q8_0"], {"f16": 0.0, "q8_0": 2.0}, "f16"),
        (["weights", "q8_0", "q4_0"], {"q8_0": 2.0, "q4_0": 3.0}, "q8_0"),
        (["weights", "q8_0"], {"q8_0": -1.0}, "q8_0"),
        (["q4_0"], {}, "q4_0"),
        (["weights"], {}, "weights"),
        ([], {}, None),
    ],
)
def test_the_smallest_file_that_keeps_its_accuracy_is_chosen(
    models: list[str], points: dict[str, float], chosen: str | None
) -> None:
    assert choose_model(models, lost(**points), "test") == chosen


def share(value: float) -> dict[str, Any]:
    return {"right": round(value * 400), "n": 400, "value": value, "low": value - 0.02, "high": value + 0.02}


def recommended(verdict: str, model: float = 0.9, **simple: float) -> dict[str, Any]:
    values = {"q8_0": model, **simple}
    results = [{"subject": name, "test_set": "test", "whole": share(value)} for name, value in values.items()]
    compared = {"test_set": "test", "measure": "whole", "n": 400, "low": 0.0, "high": 0.1, "difference": 0.05}
    found = [{**compared, "a": "q8_0", "b": name, "verdict": verdict} for name in simple]
    return recommend(DOSE, results, found, TITLES, ROLES, "q8_0", "test")


def test_the_best_simple_way_is_the_opponent() -> None:
    assert recommended("better", nearest=0.2, trivial=0.1)["baseline"] == "nearest"
    assert recommended("better", nearest=0.1, trivial=0.1)["baseline"] == "nearest"
    assert recommended("better", nearest=0.1, trivial=0.2)["baseline"] == "trivial"


@pytest.mark.parametrize(
    ("verdict", "use", "said"),
    [
        ("better", "q8_0", "Use the Q8_0 file"),
        ("worse", "nearest", "Use the nearest training example, not the language model"),
        ("not worse by more than x", None, "It is not shown"),
        ("not shown", None, "It is not shown"),
    ],
)
def test_the_text_says_what_is_shown_and_no_more(verdict: str, use: str | None, said: str) -> None:
    found = recommended(verdict, nearest=0.85)
    assert found["use"] == use
    assert found["text"].startswith(said)
    assert "90.0 % (88.0–92.0)" in found["text"] and "n = 400" in found["text"]


def test_without_an_opponent_nothing_is_recommended_over_something_else() -> None:
    found = recommended("better")
    assert (found["use"], found["verdict"]) == ("q8_0", "not shown")
