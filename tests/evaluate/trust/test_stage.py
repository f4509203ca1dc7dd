"""The two stages of trust, on a tiny model that knows nothing, and on answers written by hand."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from helder.data import stage as data_stage
from helder.errors import HelderError
from helder.evaluate import predict
from helder.evaluate.records import Prediction, load_examples, save_predictions
from helder.evaluate.trust import asking, likelihood, stage, told
from tests.evaluate.material import DOSE, FORMS, instruction, silent

ITEMS = 6
SETTINGS = {"risk": 0.1, "confidence": 0.9, "abstain": True, "say": "I do not know.", "score": "whole", "seed": 0}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Records with canaries among them, as the data stage makes them."""
    folder = tmp_path_factory.mktemp("made")
    rows = [{"input": text, "output": output} for text, output in map(instruction, range(120))]
    (folder / "all.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (folder / "data").mkdir()
    schema = {"schema": DOSE.schema, "many": True, "kind": "record", "holdout": 0.2, "canaries": 3}
    data_stage.run(schema, {"train": folder / "all.jsonl"}, folder / "data", folder, silent)
    pairs = [{"input": "1 puff", "paraphrase": "one puff", "output": [{"form": FORMS[1], "dose": 1}]}]
    (folder / "pairs.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in pairs), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def asked(made: Path, model: Path, files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The artifact of the first stage: the tiny model asked as a file, its weights looked into."""
    weights = tmp_path_factory.mktemp("weights") / "train"
    shutil.copytree(model, weights)
    ids = [one.id for one in load_examples(made / "data" / "train.jsonl")]
    (weights / "seen.json").write_text(json.dumps({"ids": ids[:30] + ids[-2:]}), encoding="utf-8")
    output = tmp_path_factory.mktemp("asked")
    inputs = {"data": made / "data", "train": weights, "files": files, "base": model}
    inputs["paraphrases"] = made / "pairs.jsonl"
    settings = {"subject": "f16", "items": ITEMS, "seed": 1, "input": "input", "output": "output"}
    asking.run(settings, inputs, output, tmp_path_factory.mktemp("scratch"), silent)
    return output


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_every_item_is_asked_plain_changed_and_with_an_order(asked: Path, made: Path) -> None:
    rows, about = lines(asked / "asked.jsonl"), json.loads((asked / "about.json").read_text(encoding="utf-8"))
    kinds = [row["kind"] for row in rows]
    assert kinds.count("plain") == kinds.count("injection") == ITEMS
    for kind, untouched in about["untouched"].items():
        assert kinds.count(kind) == ITEMS - untouched
    assert kinds.count("paraphrase-0") == kinds.count("paraphrase-1") == 1
    right = {one.id: one.output for one in load_examples(made / "data" / "test.jsonl")}
    assert all(row["target"] != right[row["id"]] for row in rows if row["kind"] == "injection")
    assert about["too_long"] == {}
    assert json.loads((asked / "control.json").read_text(encoding="utf-8"))["seen"] == 0


def test_a_model_that_learnt_nothing_of_them_ranks_canaries_and_members_alike(asked: Path) -> None:
    found = json.loads((asked / "canaries.json").read_text(encoding="utf-8"))
    assert (found["planted"], len(found["ranks"])) == (3, 2)  # the training saw two of the three
    assert all(1 <= rank <= found["candidates"] for rank in found["ranks"].values())
    rows = lines(asked / "likelihood.jsonl")
    assert {row["group"] for row in rows} == {"member", "other"}
    # The base model is the same model here: nothing can be told against it.
    assert all(row["weights"] == row["base"] < 0 for row in rows)


def test_the_likelihood_of_an_answer_is_what_the_generator_gives_it(model: Path, made: Path, tmp_path: Path) -> None:
    inputs, output = {"data": made / "data", "model": model}, tmp_path / "out"
    output.mkdir()
    settings = {"subject": "weights", "limit": 3, "seed": 0, "constrained": False, "confidences": True}
    predict.run(settings, inputs, output, tmp_path / "scratch", silent)
    rows = lines(output / "test.jsonl")
    by_id = {one.id: one.input for one in load_examples(made / "data" / "test.jsonl")}
    found = likelihood.log_likelihoods(model, [(by_id[row["id"]], row["raw"]) for row in rows])
    for (score, tokens), row in zip(found, rows, strict=True):
        # The generator's confidence leaves out the token that ends the answer, which has a probability too.
        assert score <= np.log(row["confidence"]["whole"]) + 1e-3
        assert tokens > 1


def predicted(folder: Path, data: Path, sure: dict[bool, float]) -> Path:
    """Answers of which one in four is wrong; right and wrong ones are as sure as `sure` says, more or less."""
    folder.mkdir()
    for name in ("dev", "test"):
        found = []
        for place, one in enumerate(load_examples(data / f"{name}.jsonl")):
            right = place % 4 > 0
            output = one.output if right else [{**one.output[0], "dose": 99}]
            output = DOSE.normalise(output)
            value = sure[right] - place / 1000
            found.append(
                Prediction(
                    one.id, DOSE.encode(output), output, confidence=dict.fromkeys(("whole", "mean", "least"), value)
                )
            )
        save_predictions(folder / f"{name}.jsonl", found)
    return folder


def judged(tmp_path: Path, made: Path, asked: Path, sure: dict[bool, float]) -> tuple[dict[str, Any], dict[str, Any]]:
    inputs = {"data": made / "data", "trust-answers": asked}
    inputs["predict-f16"] = predicted(tmp_path / "predict-f16", made / "data", sure)
    (tmp_path / "trust").mkdir()
    stage.run(SETTINGS, inputs, tmp_path / "trust", tmp_path, silent)
    trust, abstention = (
        json.loads((tmp_path / "trust" / name).read_text(encoding="utf-8"))
        for name in ("trust.json", "abstention.json")
    )
    return trust, abstention


def test_a_confidence_that_knows_gives_a_threshold_between_right_and_wrong(
    tmp_path: Path, made: Path, asked: Path
) -> None:
    trust, abstention = judged(tmp_path, made, asked, {True: 0.95, False: 0.3})
    dev = load_examples(made / "data" / "dev.jsonl")
    held = abstention["thresholds"]["f16"]
    # 10 % at 90 % confidence needs 22 answers without an error, and so few items do not have that many right ones.
    assert len(dev) < 28
    assert held["threshold"] is None
    assert abstention["abstain"] is True
    assert trust["abstention"]["subjects"] == {"f16": None}
    calibration = trust["calibration"][0]
    assert calibration["auc"]["value"] == 1
    selection = trust["selective"][0]["test_sets"][0]
    assert selection["aurc"] == pytest.approx(selection["best_aurc"], abs=1e-6)
    assert selection["curve"][-1][0] == 1


def test_with_a_risk_that_can_be_shown_a_threshold_is_sealed_and_counted_on_the_test_set(
    tmp_path: Path, made: Path, asked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SETTINGS, "risk", 0.3)
    trust, abstention = judged(tmp_path, made, asked, {True: 0.95, False: 0.3})
    threshold = abstention["thresholds"]["f16"]["threshold"]
    assert 0.33 < threshold < 0.95
    at = trust["selective"][0]["test_sets"][0]["at"]
    assert at["risk"]["seen"] == 0 < at["risk"]["n"]
    assert trust["abstention"]["subjects"]["f16"] == pytest.approx(threshold, abs=1e-6)
    sentences = dict.fromkeys(about for about, _ in told.sentences(trust))
    assert list(sentences) == ["abstention", "calibration", "robustness", "leakage", "injection", "control tokens"]
    text = " ".join(sentence for _, sentence in told.sentences(trust, {"f16": "the F16 file"}))
    assert "the F16 file: At most 30 % of the answers given are wrong" in text
    assert "2 of 3 planted canaries" in text
    assert told.read({"trust": tmp_path / "trust"}) == trust
    assert told.read({}) is None
    printed = told.lines(trust, {"subjects": [{"name": "f16", "title": "the F16 file"}]})
    assert "90 % confidence" in printed[0]
    assert any("the F16 file" in line for line in printed[1:])
    assert told.lines(None, {}) == []
    assert "membership, by loss: AUC" in text


def test_trust_is_the_same_every_time(tmp_path: Path, made: Path, asked: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        judged(tmp_path / name, made, asked, {True: 0.9, False: 0.5})
    for name in ("trust.json", "abstention.json"):
        a, b = ((tmp_path / side / "trust" / name).read_bytes() for side in ("a", "b"))
        assert a == b


def test_what_is_sealed_speaks_of_no_single_record(tmp_path: Path, made: Path, asked: Path) -> None:
    judged(tmp_path, made, asked, {True: 0.9, False: 0.5})
    text = (tmp_path / "trust" / "trust.json").read_text(encoding="utf-8")
    for name in ("train", "dev", "test"):
        assert not any(one.input in text or one.id in text for one in load_examples(made / "data" / f"{name}.jsonl"))


def test_answers_without_the_development_set_are_refused(tmp_path: Path, made: Path, asked: Path) -> None:
    inputs = {"data": made / "data", "trust-answers": asked, "predict-f16": tmp_path / "none"}
    shutil.copytree(predicted(tmp_path / "some", made / "data", {True: 0.9, False: 0.5}), tmp_path / "none")
    (tmp_path / "none" / "dev.jsonl").unlink()
    with pytest.raises(HelderError, match="no answers to dev"):
        stage.run(SETTINGS, inputs, tmp_path, tmp_path, silent)


def test_a_training_that_does_not_say_what_it_saw_is_not_tested_for_membership(
    made: Path, model: Path, files: Path, tmp_path: Path
) -> None:
    settings = {"subject": "f16", "items": 1, "seed": 1, "input": "input", "output": "output"}
    asking.run(settings, {"data": made / "data", "train": model, "files": files}, tmp_path, tmp_path, silent)
    about = json.loads((tmp_path / "about.json").read_text(encoding="utf-8"))
    assert "does not say" in about["why_not"]


def test_a_paraphrase_with_an_output_of_another_form_is_named(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text('{"input": "a", "paraphrase": "b", "output": [{"form": "spoon"}]}\n', encoding="utf-8")
    with pytest.raises(HelderError, match="line 1"):
        asking.paraphrased(DOSE, path, "input", "output")
