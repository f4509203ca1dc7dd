"""The simple ways answer as they say, and the same on every run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from helder.errors import HelderError
from helder.evaluate.baselines import linear, nearest, run, trivial
from helder.evaluate.records import Example, load_examples
from tests.evaluate.material import DOSE, LABEL, data, doses, outputs, silent

WORDS = {"cat": "whiskers purring paws", "dog": "barking tail paws", "rose": "petals thorns garden"}


def labelled(count: int) -> list[Example]:
    labels = list(WORDS)
    return [
        Example(str(n), f"{WORDS[labels[n % 3]].split()[n % 2]} seen at place {n}", labels[n % 3]) for n in range(count)
    ]


def test_the_trivial_answer_is_the_most_frequent_one_and_ties_go_to_the_first() -> None:
    train = [Example("1", "a", "dog"), Example("2", "b", "cat"), Example("3", "c", "rose"), Example("4", "d", "cat")]
    assert trivial(LABEL, train, ["x"]) == [("cat", {"kingdom": "animal"})]
    assert trivial(LABEL, train[:3], ["x"])[0][0] == "dog"


def test_the_nearest_answer_is_that_of_the_most_similar_input() -> None:
    train = [Example("1", "two tablets daily", "cat"), Example("2", "one puff at night", "dog")]
    assert [answer for answer, _ in nearest(LABEL, train, ["1 PUFF, night", "tablet daily"])] == ["dog", "cat"]


def test_equally_near_examples_give_the_earlier_one() -> None:
    train = [Example("1", "same words", "cat"), Example("2", "same words", "dog")]
    assert nearest(LABEL, train, ["same words", "nothing alike: zzz"])[0][0] == "cat"


def test_the_linear_model_learns_labels_and_groups() -> None:
    answers = linear(LABEL, labelled(90), ["purring", "thorns here", "barking"])
    assert [label for label, _ in answers] == ["cat", "rose", "dog"]
    assert [(groups or {})["kingdom"] for _, groups in answers] == ["animal", "plant", "animal"]


def test_one_label_alone_is_the_answer() -> None:
    assert [label for label, _ in linear(LABEL, [Example("1", "a", "cat")], ["x", "y"])] == ["cat", "cat"]


def test_inputs_without_words_are_answered_too() -> None:
    train = [Example("1", "?!", "cat"), Example("2", "...", "dog")] * 3
    assert [label for label, _ in linear(LABEL, train, ["?!", "..."])] == ["cat", "dog"]


def test_the_linear_model_refuses_records() -> None:
    with pytest.raises(HelderError, match="cannot answer a record task"):
        linear(DOSE, [], [])


def answered(tmp_path: Path, subject: str, inputs: dict[str, Path]) -> dict[str, Any]:
    output = tmp_path / f"predict-{subject}"
    output.mkdir()
    run({"subject": subject, "seed": 0}, inputs, output, tmp_path, silent)
    return outputs(output)


@pytest.mark.parametrize("subject", ["trivial", "nearest"])
def test_every_item_of_every_test_set_is_answered(tmp_path: Path, subject: str) -> None:
    folder = doses(tmp_path / "data")
    data(folder, DOSE, {"test-theirs": [{"id": "t1", "input": "2 puffs", "output": [{"dose": 2}]}]})
    given = answered(tmp_path, subject, {"data": folder})
    assert given.keys() == outputs(folder).keys()
    assert outputs(tmp_path / f"predict-{subject}", "test-theirs").keys() == {"t1"}
    assert all(DOSE.normalise(output) == output for output in given.values())
    about = json.loads((tmp_path / f"predict-{subject}" / "about.json").read_text(encoding="utf-8"))
    assert about["trained_on"] == 60


def test_a_baseline_learns_only_from_the_examples_that_the_model_saw(tmp_path: Path) -> None:
    folder = doses(tmp_path / "data")
    trained = tmp_path / "train"
    trained.mkdir()
    (trained / "seen.json").write_text(json.dumps({"ids": ["0003"]}), encoding="utf-8")
    given = answered(tmp_path, "nearest", {"data": folder, "train": trained})
    (only,) = [example.output for example in load_examples(folder / "train.jsonl") if example.id == "0003"]
    assert all(output == only for output in given.values())


def test_a_training_on_other_data_is_refused(tmp_path: Path) -> None:
    folder = doses(tmp_path / "data")
    trained = tmp_path / "train"
    trained.mkdir()
    (trained / "seen.json").write_text(json.dumps({"ids": ["9999"]}), encoding="utf-8")
    with pytest.raises(HelderError, match="'9999'"):
        answered(tmp_path, "nearest", {"data": folder, "train": trained})


def test_the_linear_model_on_all_examples_does_not_look_at_what_was_seen(tmp_path: Path) -> None:
    train = [{"id": one.id, "input": one.input, "output": one.output} for one in labelled(90)]
    test = [{"id": "t", "input": "thorns", "output": "rose"}]
    folder = data(tmp_path / "data", LABEL, {"train": train, "dev": test, "test": test})
    trained = tmp_path / "train"
    trained.mkdir()
    (trained / "seen.json").write_text(json.dumps({"ids": ["0"]}), encoding="utf-8")
    assert answered(tmp_path, "linear", {"data": folder, "train": trained}) == {"t": "cat"}
    assert answered(tmp_path, "linear-all", {"data": folder, "train": trained}) == {"t": "rose"}


def test_an_unknown_baseline_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HelderError, match="no baseline 'forest'"):
        answered(tmp_path, "forest", {"data": doses(tmp_path / "data")})


def test_two_runs_write_the_same_bytes(tmp_path: Path) -> None:
    folder = doses(tmp_path / "data")
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        answered(tmp_path / name, "nearest", {"data": folder})
    files = [(tmp_path / name / "predict-nearest" / "test.jsonl").read_bytes() for name in ("one", "two")]
    assert files[0] == files[1]
