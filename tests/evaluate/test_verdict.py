"""Which subject to use, and how it is said."""

from __future__ import annotations

from typing import Any

import pytest

from helder.evaluate.measure import Subject, measure_subject
from helder.evaluate.records import Example, Prediction
from helder.evaluate.verdict import choose_model, compare_measured, points, recommend
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


def test_an_invented_value_counts_where_the_other_rightly_says_nothing() -> None:
    examples = [Example(str(n), "x", DOSE.normalise([{}])) for n in range(40)]
    answers = {"weights": [{}], "nearest": [{"dose": 2}]}
    measured = [
        measure_subject(
            DOSE,
            Subject(name, "model", name, ""),
            "test",
            [*examples, Example("stated", "x", DOSE.normalise([{"dose": 1}]))],
            {
                **{one.id: Prediction(one.id, "", DOSE.normalise(output)) for one in examples},
                "stated": Prediction("stated", "", DOSE.normalise([{"dose": 1}])),
            },
        )
        for name, output in answers.items()
    ]
    found = compare_measured(DOSE, measured[0], measured[1], "stated", "baseline", 0.01, 0.95, 0)
    assert found is not None
    assert (found["n"], found["a_value"], found["verdict"]) == (41, 1.0, "better")
    assert found["b_value"] == pytest.approx(1 / 41)


def test_one_point_is_not_points() -> None:
    assert (points(1.0), points(0.5)) == ("1 point", "0.5 points")
