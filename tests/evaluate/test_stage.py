"""Predictions beside right answers become scores that claim no more than they show."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from helder.errors import ExitCode, HelderError
from helder.evaluate.stage import rounded, run
from helder.evaluate.statistics import wilson
from tests.evaluate.material import DOSE, LABEL, TEXT, data, doses, outputs, predicted, silent


def wrong(output: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same records with another dose in the first."""
    return [{**output[0], "dose": (output[0]["dose"] or 0) + 1}, *output[1:]]


def with_errors(right: dict[str, Any], count: int, start: int = 0) -> dict[str, Any]:
    """`right` with `count` items wrong, from the one at `start` on."""
    spoiled = set(list(right)[start : start + count])
    return {id: wrong(output) if id in spoiled else output for id, output in right.items()}


def scored(tmp_path: Path, inputs: dict[str, Path], **settings: Any) -> dict[str, Any]:
    output = tmp_path / "scores"
    output.mkdir(exist_ok=True)
    run(settings, inputs, output, tmp_path, silent)
    found: dict[str, Any] = json.loads((output / "scores.json").read_text(encoding="utf-8"))
    return found


def cases(tmp_path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((tmp_path / "scores" / "cases.json").read_text(encoding="utf-8"))
    return found


def test_scores_hold_no_words_of_a_single_case(tmp_path: Path) -> None:
    journey(tmp_path, {"weights": 7, "q8_0": 7, "nearest": 300})
    inputs = {item["input"] for item in cases(tmp_path)["harm"]}
    text = (tmp_path / "scores" / "scores.json").read_text(encoding="utf-8")
    assert inputs and not any(said in text for said in inputs)


def journey(tmp_path: Path, errors: dict[str, int], test: int = 400, **settings: Any) -> dict[str, Any]:
    """Scores of subjects with so many wrong answers each."""
    folder = doses(tmp_path / "data", test=test)
    right = outputs(folder)
    inputs = {"data": folder}
    for name, count in errors.items():
        path = predicted(
            tmp_path / name, {"test": with_errors(right, count)}, trained_on=60 if name == "nearest" else None
        )
        inputs[f"predict-{name}"] = path
    return scored(tmp_path, inputs, **settings)


def result(scores: dict[str, Any], subject: str, test_set: str = "test") -> dict[str, Any]:
    return next(row for row in scores["results"] if (row["subject"], row["test_set"]) == (subject, test_set))


def comparison(scores: dict[str, Any], a: str, b: str, measure: str = "whole") -> dict[str, Any]:
    return next(row for row in scores["comparisons"] if (row["a"], row["b"], row["measure"]) == (a, b, measure))


def test_every_score_has_its_interval(tmp_path: Path) -> None:
    scores = journey(tmp_path, {"weights": 40, "nearest": 300})
    whole = result(scores, "weights")["whole"]
    expected = wilson(360, 400)
    assert whole == {"right": 360, "n": 400} | rounded(
        {"value": expected.value, "low": expected.low, "high": expected.high}
    )
    fields = result(scores, "weights")["fields"]
    assert fields["right"] == fields["n"] - 40
    assert fields["low"] < fields["value"] < fields["high"]
    assert result(scores, "weights")["by_field"]["form"]["value"] == 1.0
    assert result(scores, "nearest")["trained_on"] == 60


def test_subjects_stand_in_printing_order_whatever_the_order_of_the_inputs(tmp_path: Path) -> None:
    scores = journey(tmp_path, {"trivial": 300, "q4_0": 10, "nearest": 200, "weights": 10})
    assert [subject["name"] for subject in scores["subjects"]] == ["weights", "q4_0", "nearest", "trivial"]


def test_a_better_model_is_recommended_with_its_numbers(tmp_path: Path) -> None:
    scores = journey(tmp_path, {"weights": 40, "q8_0": 40, "q4_0": 41, "nearest": 300, "trivial": 390})
    recommendation = scores["recommendation"]
    assert (recommendation["use"], recommendation["verdict"]) == ("q4_0", "model")
    assert recommendation["baseline"] == "nearest"
    assert recommendation["accuracy"] == result(scores, "q4_0")["whole"]
    row = comparison(scores, "weights", "nearest")
    assert row["verdict"] == "better"
    assert row["p_value"] < 0.001
    assert "is better than" in row["sentence"] and "n = 400" in row["sentence"]


def test_a_simple_way_that_is_better_is_recommended(tmp_path: Path) -> None:
    scores = journey(tmp_path, {"weights": 200, "q8_0": 200, "nearest": 40})
    assert (scores["recommendation"]["use"], scores["recommendation"]["verdict"]) == ("nearest", "baseline")
    assert "not the language model" in scores["recommendation"]["text"]
    assert comparison(scores, "weights", "nearest")["verdict"] == "worse"


def test_what_is_not_shown_is_not_claimed(tmp_path: Path) -> None:
    folder = doses(tmp_path / "data", test=60)
    right = outputs(folder)
    inputs = {
        "data": folder,
        "predict-weights": predicted(tmp_path / "w", {"test": with_errors(right, 20)}),
        "predict-nearest": predicted(tmp_path / "n", {"test": with_errors(right, 22, start=30)}),
    }
    scores = scored(tmp_path, inputs)
    assert (scores["recommendation"]["use"], scores["recommendation"]["verdict"]) == (None, "not shown")
    assert "not shown" in scores["recommendation"]["text"]
    assert any("60 items only" in warning for warning in scores["warnings"])


def test_the_smallest_file_within_half_a_point_is_the_one_to_use(tmp_path: Path) -> None:
    scores = journey(tmp_path, {"weights": 40, "q8_0": 40, "q4_0": 60, "nearest": 300})
    assert scores["recommendation"]["use"] == "q8_0"
    lost = {row["subject"]: row["points_lost"] for row in scores["compression"] if row["measure"] == "whole"}
    assert lost == {"q8_0": 0.0, "q4_0": 5.0}
    row = next(row for row in scores["compression"] if row["subject"] == "q4_0" and row["measure"] == "whole")
    assert row["low"] < 5.0 < row["high"]
    assert comparison(scores, "q4_0", "weights")["why"] == "compression"


def test_every_harmful_error_is_listed_and_the_counts_agree(tmp_path: Path) -> None:
    scores = journey(tmp_path, {"weights": 7, "q8_0": 7, "q4_0": 90, "nearest": 300})
    harm, items = scores["harm"], cases(tmp_path)["harm"]
    assert harm["subjects"] == ["weights", "q8_0"]
    for count in harm["counts"]:
        listed = [item for item in items if item["subject"] == count["subject"]]
        assert len(listed) == count["wrong_values"] == 7
        assert count["items"] == 400
    first = items[0]
    assert (first["field"], first["record"], first["kind"]) == ("dose", 0, "wrong")
    assert first["got"] == first["expected"] + 1
    assert "case" in first["input"]


def test_examples_are_drawn_not_picked(tmp_path: Path) -> None:
    journey(tmp_path, {"weights": 100, "nearest": 300})
    shown = cases(tmp_path)["examples"]
    assert (len(shown["right"]), len(shown["wrong"])) == (10, 20)
    ids = [item["id"] for item in shown["right"]]
    assert ids != sorted(ids)
    assert all(item["got"] == item["expected"] for item in shown["right"])
    assert all(item["got"] != item["expected"] for item in shown["wrong"])


def test_a_tag_counts_under_its_group_too(tmp_path: Path) -> None:
    scores = journey(tmp_path, {"weights": 40}, test=40)
    by_tag = result(scores, "weights")["by_tag"]
    assert set(by_tag) == {"en", "unseen", "unseen:case"}
    assert by_tag["unseen"]["n"] == 8
    assert by_tag["unseen"]["whole"]["right"] == 0


def test_answers_without_form_are_wrong_and_counted(tmp_path: Path) -> None:
    folder = doses(tmp_path / "data")
    answers: dict[str, Any] = dict.fromkeys(outputs(folder), None)
    scores = scored(tmp_path, {"data": folder, "predict-base": predicted(tmp_path / "b", {"test": answers})})
    row = result(scores, "base")
    assert (row["invalid"], row["whole"]["right"], row["fields"]["right"]) == (40, 0, 0)
    assert row["record_count"]["right"] == 0


def test_a_lost_answer_is_an_error_and_never_a_zero(tmp_path: Path) -> None:
    folder = doses(tmp_path / "data")
    answers = dict(list(outputs(folder).items())[:-1])
    with pytest.raises(HelderError, match="39 answers to test, and 40") as caught:
        scored(tmp_path, {"data": folder, "predict-weights": predicted(tmp_path / "w", {"test": answers})})
    assert caught.value.code == ExitCode.OURS


def test_a_subset_that_was_asked_for_is_told_and_compared_on_its_own_items(tmp_path: Path) -> None:
    folder = doses(tmp_path / "data")
    right = outputs(folder)
    some = dict(list(right.items())[:10])
    inputs = {
        "data": folder,
        "predict-weights": predicted(tmp_path / "w", {"test": right}),
        "predict-base": predicted(tmp_path / "b", {"test": some}, limit=10, examples_in_prompt=8),
    }
    scores = scored(tmp_path, inputs)
    row = result(scores, "base")
    assert (row["n"], row["of"], row["examples_in_prompt"]) == (10, 40, 8)
    assert row["subset"] == "10 of 40, chosen by hash"
    assert comparison(scores, "weights", "base")["n"] == 10


@pytest.mark.parametrize("damage", ["twice", "foreign", "neither"])
def test_predictions_that_do_not_belong_to_the_data_are_refused(tmp_path: Path, damage: str) -> None:
    folder = doses(tmp_path / "data")
    path = predicted(tmp_path / "w", {"test": outputs(folder)}) / "test.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    lines[0] = {
        "twice": lines[1],
        "foreign": lines[0].replace('"0060"', '"9999"'),
        "neither": '{"id":"0060","raw":"","output":null,"error":null}\n',
    }[damage]
    path.write_text("".join(lines), encoding="utf-8")
    with pytest.raises(HelderError) as caught:
        scored(tmp_path, {"data": folder, "predict-weights": tmp_path / "w"})
    assert caught.value.code == ExitCode.OURS


def test_a_missing_prediction_file_is_named(tmp_path: Path) -> None:
    folder = doses(tmp_path / "data")
    path = predicted(tmp_path / "w", {})
    with pytest.raises(HelderError, match=r"w/test\.jsonl cannot be read"):
        scored(tmp_path, {"data": folder, "predict-weights": path})


def test_an_unknown_subject_is_refused(tmp_path: Path) -> None:
    folder = doses(tmp_path / "data")
    with pytest.raises(HelderError, match="'oracle' is unknown"):
        scored(tmp_path, {"data": folder, "predict-oracle": predicted(tmp_path / "o", {"test": outputs(folder)})})


def test_further_test_sets_are_scored_on_the_fields_they_name(tmp_path: Path) -> None:
    folder = doses(tmp_path / "data")
    theirs = [{"id": "t1", "input": "2 puffs", "output": [{"dose": 2}], "scored": ["dose"]}]
    data(folder, DOSE, {"test-theirs": theirs})
    answers = {"test": outputs(folder), "test-theirs": {"t1": [{"dose": 2, "form": "puff"}]}}
    scores = scored(tmp_path, {"data": folder, "predict-weights": predicted(tmp_path / "w", answers)})
    assert [test_set["name"] for test_set in scores["test_sets"]] == ["test", "test-theirs"]
    assert scores["test_sets"][1]["partial"] is True
    assert result(scores, "weights", "test-theirs")["fields"] | {"low": 0} == {
        "right": 1, "n": 1, "value": 1.0, "low": 0, "high": 1.0,
    }  # fmt: skip


def test_labels_are_scored_with_macro_f1_and_on_their_groups(tmp_path: Path) -> None:
    labels = ["cat", "dog", "rose"] * 50
    test = [{"id": f"{n:03}", "input": f"thing {n}", "output": label} for n, label in enumerate(labels)]
    folder = data(tmp_path / "data", LABEL, {"train": test, "dev": test, "test": test})
    given = {record["id"]: "dog" if record["output"] == "cat" else record["output"] for record in test}
    inputs = {
        "data": folder,
        "predict-weights": predicted(tmp_path / "w", {"test": given}, LABEL),
        "predict-linear": predicted(tmp_path / "l", {"test": outputs(folder)}, LABEL),
    }
    scores = scored(tmp_path, inputs)
    row = result(scores, "weights")
    assert row["whole"]["right"] == 100
    assert row["groups"]["kingdom"]["accuracy"]["right"] == 150
    assert row["macro_f1"] == pytest.approx((0 + 2 * 50 / 150 + 1) / 3, abs=1e-6)
    assert comparison(scores, "weights", "linear", "group:kingdom")["verdict"] == "not shown"
    assert comparison(scores, "weights", "linear")["verdict"] == "worse"
    assert scores["recommendation"]["use"] == "linear"


def test_a_group_that_a_subject_answers_itself_counts_instead_of_the_derived_one(tmp_path: Path) -> None:
    test = [{"id": "1", "input": "thing", "output": "cat"}]
    folder = data(tmp_path / "data", LABEL, {"train": test, "dev": test, "test": test})
    path = predicted(tmp_path / "l", {"test": {"1": "rose"}}, LABEL)
    line = '{"id":"1","raw":"rose","output":"rose","error":null,"groups":{"kingdom":"animal"}}\n'
    (path / "test.jsonl").write_text(line, encoding="utf-8")
    row = result(scored(tmp_path, {"data": folder, "predict-linear": path}), "linear")
    assert row["whole"]["right"] == 0
    assert row["groups"]["kingdom"]["accuracy"]["right"] == 1


def test_texts_are_scored_by_exact_match_and_character_f(tmp_path: Path) -> None:
    test = [{"id": str(n), "input": f"q {n}", "output": f"answer {n}"} for n in range(120)]
    folder = data(tmp_path / "data", TEXT, {"train": test, "dev": test, "test": test})
    near = {record["id"]: f"{record['output']}!" for record in test}
    inputs = {
        "data": folder,
        "predict-weights": predicted(tmp_path / "w", {"test": near}, TEXT),
        "predict-nearest": predicted(tmp_path / "n", {"test": dict.fromkeys(near, "zzz")}, TEXT),
    }
    scores = scored(tmp_path, inputs)
    row = result(scores, "weights")
    assert row["whole"]["right"] == 0
    assert 0.8 < row["text"]["low"] < row["text"]["value"] < 1
    assert comparison(scores, "weights", "nearest", "text")["verdict"] == "better"


def test_the_same_inputs_give_the_same_bytes(tmp_path: Path) -> None:
    journey(tmp_path, {"weights": 33, "q4_0": 39, "nearest": 80, "trivial": 300})
    first = (tmp_path / "scores" / "scores.json").read_bytes()
    names = ("trivial", "nearest", "q4_0", "weights")
    scored(tmp_path, {**{f"predict-{name}": tmp_path / name for name in names}, "data": tmp_path / "data"})
    assert (tmp_path / "scores" / "scores.json").read_bytes() == first


def test_confidence_and_margin_are_those_asked_for(tmp_path: Path) -> None:
    scores = journey(tmp_path, {"weights": 40, "nearest": 44}, confidence=0.8, margin=0.05)
    assert (scores["confidence"], scores["margin"]) == (0.8, 0.05)
    assert result(scores, "weights")["whole"]["low"] == pytest.approx(wilson(360, 400, 0.8).low, abs=1e-6)
    assert comparison(scores, "weights", "nearest")["margin"] == 0.05
