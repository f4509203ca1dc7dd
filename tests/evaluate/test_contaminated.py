"""Test items that stand in what was learnt from are told before the scores, with the scores without them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from helder.data import contamination
from helder.data import stage as data_stage
from helder.evaluate import contaminated
from helder.evaluate import stage as score_stage
from helder.evaluate.records import Prediction, load_examples, save_predictions
from helder.project import Project
from tests.data.clean.test_stage import text_of

RECIPE = """\
name = "answers"
purpose = "A test."

[documents]
folders = ["mappe"]

[data]
train = "train.jsonl"
test = "test.jsonl"
kind = "text"

[base]
model = "scratch"
size = "olmo2-14m"

[[train]]
objective = "text"
text = "documents"
steps = 1
"""


def silent(event: str, **fields: Any) -> None:
    pass


def lines(path: Path, records: list[dict[str, str]]) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


@pytest.fixture
def made(tmp_path: Path) -> tuple[Project, dict[str, Path], dict[str, Any]]:
    """A project, its artifacts and its scores: items 0 and 1 stand in part in a record, 2 in a document."""
    (tmp_path / "recipe.toml").write_text(RECIPE, encoding="utf-8")
    (tmp_path / "mappe").mkdir()
    tests = [{"input": text_of(100 + n, 20), "output": f"answer {n}"} for n in range(6)]
    train = [{"input": text_of(n, 20), "output": f"other {n}"} for n in range(10)]
    train.append({"input": "begun otherwise " + " ".join(tests[0]["input"].split()[:15]), "output": "x"})
    train.append({"input": "what is asked", "output": "it says: " + tests[1]["input"]})
    train.append(tests[5] | {"output": "the very same input"})  # a leak, which goes
    places = {name: tmp_path / "made" / name for name in ("data", "clean", "predict-weights", "scores")}
    for place in places.values():
        place.mkdir(parents=True)
    files = {"train": lines(tmp_path / "train.jsonl", train), "test": lines(tmp_path / "test.jsonl", tests)}
    files["dev"] = lines(tmp_path / "dev.jsonl", [{"input": text_of(200, 20), "output": "watched"}])
    data_stage.run({"kind": "text", "name": "answers", "purpose": "x"}, files, places["data"], tmp_path, silent)
    checks = contamination.Index.of(contamination.items_of(files["test"], "evaluations"))
    checks.look_in("d", "before " + tests[2]["input"] + " after")
    (places["clean"] / "contamination.json").write_text(json.dumps(checks.told()), encoding="utf-8")
    examples = load_examples(places["data"] / "test.jsonl")
    right = {example.id for example in examples if example.output in ("answer 0", "answer 1", "answer 2", "answer 3")}
    given = [Prediction(one.id, "", one.output if one.id in right else "wrong") for one in examples]
    save_predictions(places["predict-weights"] / "test.jsonl", given)
    inputs = {"data": places["data"], "predict-weights": places["predict-weights"]}
    score_stage.run({}, inputs, places["scores"], tmp_path, silent)
    scores: dict[str, Any] = json.loads((places["scores"] / "scores.json").read_text(encoding="utf-8"))
    return Project.open(tmp_path), places, scores


def test_records_that_hold_a_part_of_a_test_item_are_counted_and_named(
    made: tuple[Project, dict[str, Path], dict[str, Any]],
) -> None:
    _, places, _ = made
    summary = json.loads((places["data"] / "summary.json").read_text(encoding="utf-8"))
    assert summary["contamination"] == {"test": {"items": 6, "not_checked": 0, "contaminated": 2}}
    assert "2 of 6 items of test stand in part in training records" in summary["warnings"]
    assert summary["splits"]["train"]["leaked"] == 1  # the very same input is no longer learnt from
    account = json.loads((places["data"] / "account.json").read_text(encoding="utf-8"))
    assert len(account["contamination"]["sets"]["test"]["found"]) == 2


def test_what_stands_in_records_and_documents_is_left_out_of_the_second_score(
    made: tuple[Project, dict[str, Path], dict[str, Any]],
) -> None:
    project, places, scores = made
    (found,) = contaminated.told(project, places, scores)
    assert found.places == {
        "the training records": {"items": 6, "not_checked": 0, "contaminated": 2},
        "the documents": {"items": 6, "not_checked": 0, "contaminated": 1},
    }
    assert len(found.items) == 3
    assert (found.without["weights"]["right"], found.without["weights"]["n"]) == (1, 3)
    said = contaminated.sentences(project, [found], scores)
    assert said[0] == "Contamination, test: 2 of 6 items stand in the training records."
    assert said[1] == "Contamination, test: 1 of 6 items stand in the documents."
    assert said[2].startswith("Without these 3 items, test: the tuned model 0.333 (")
    json.dumps(found.to_json(), allow_nan=False)


def test_clean_sets_say_so_and_what_was_not_looked_through_is_named(
    made: tuple[Project, dict[str, Path], dict[str, Any]],
) -> None:
    project, places, scores = made
    (places["data"] / "account.json").write_text("{}", encoding="utf-8")
    (places["clean"] / "contamination.json").write_text('{"sets": {}}', encoding="utf-8")
    recipe = project.folder / "recipe.toml"
    recipe.write_text(RECIPE.replace('text = "documents"', 'text = ["documents", "test.jsonl"]'), encoding="utf-8")
    opened = Project.open(project.folder)
    (found,) = contaminated.told(opened, places, scores)
    assert (found.items, found.without) == ([], {})
    assert contaminated.sentences(opened, [found], scores) == [
        "Contamination, test: its items were not looked for in the training records and the documents.",
        "Test items were not looked for in test.jsonl.",
    ]


def test_the_counts_stand_before_any_score(
    made: tuple[Project, dict[str, Path], dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from click.testing import CliRunner

    from helder import pipeline
    from helder.commands import eval as command
    from helder.ledger.artifact import Artifact

    project, places, _ = made
    artifacts = {name: Artifact(place, "0" * 64, name) for name, place in places.items()}
    monkeypatch.setattr(pipeline, "made", lambda project: artifacts)
    done = CliRunner().invoke(command.evaluate, [str(project.folder)])
    assert done.exit_code == 0, done.output
    assert 0 <= done.stdout.index("Contamination, test: 2 of 6") < done.stdout.index("the tuned model")
    told = json.loads(CliRunner().invoke(command.evaluate, [str(project.folder), "--json"]).stdout)
    assert next(iter(told)) == "contamination"
    assert told["contamination"][0]["without"]["weights"]["n"] == 3
