"""The stage "tokens": which documents are held out, what is left out, and what does not change a byte."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from helder.errors import HelderError
from helder.ledger.artifact import digest_path
from helder.tokens import stage
from helder.tokens.shards import Shard
from tests.model import small

DOCUMENTS = [f"document {n} says {n * n}" for n in range(200)]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small.make(tmp_path_factory.mktemp("small") / "model")


def write(path: Path, texts: list[str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
    return path


def run(output: Path, base: Path, warnings: list[str] | None = None, holdout: float = 0.1, **inputs: Path) -> Any:
    def report(event: str, **fields: Any) -> None:
        if event == "warning" and warnings is not None:
            warnings.append(fields["text"])

    output.mkdir(parents=True)
    given = {name.replace("_", "-"): path for name, path in inputs.items()}
    return stage.run({"holdout": holdout, "seed": 3}, {"base": base, **given}, output, output, report)


def names(folder: Path, part: str) -> set[str]:
    return set(Shard.load(folder, part).names)


def test_documents_are_held_out_by_their_text_however_many_others_there_are(base: Path, tmp_path: Path) -> None:
    facts = run(tmp_path / "all", base, text=write(tmp_path / "all.jsonl", DOCUMENTS))
    run(tmp_path / "half", base, text=write(tmp_path / "half.jsonl", DOCUMENTS[:100]))
    held = names(tmp_path / "all", "dev")
    first_half = {f"all.jsonl:{n}" for n in range(1, 101)}
    assert {name.replace("all", "half") for name in held & first_half} == names(tmp_path / "half", "dev")
    assert not held & names(tmp_path / "all", "train")
    assert facts["train"]["documents"] + facts["dev"]["documents"] == 200
    assert 8 <= facts["dev"]["documents"] <= 35  # of 20 that are expected


def test_a_document_that_stands_there_twice_lies_on_one_side(base: Path, tmp_path: Path) -> None:
    run(tmp_path / "made", base, text=write(tmp_path / "t.jsonl", [*DOCUMENTS, *DOCUMENTS]), holdout=0.5)
    sides = [
        {int(name.split(":")[1]) % 200 for name in names(tmp_path / "made", part)} for part in ("train", "dev")
    ]  # fmt: skip
    assert not sides[0] & sides[1]


def test_empty_documents_are_left_out_and_counted(base: Path, tmp_path: Path) -> None:
    warnings: list[str] = []
    texts = write(tmp_path / "t.jsonl", ["one", "", " \n", "two", "three"])
    facts = run(tmp_path / "made", base, warnings, holdout=0.0, text=texts)
    assert facts["empty"] == 2
    assert facts["train"]["documents"] == 3
    assert warnings == ["2 empty documents are left out."]
    told = json.loads((tmp_path / "made" / "summary.json").read_text(encoding="utf-8"))
    assert told == {name: facts[name] for name in ("empty", "train", "dev")}


def test_the_order_in_which_files_were_written_changes_no_byte(base: Path, tmp_path: Path) -> None:
    made = []
    for place, order in (("a", (0, 1, 2)), ("b", (2, 0, 1))):
        for n in order:
            write(tmp_path / place / "texts" / f"{n}.jsonl", DOCUMENTS[n::3])
        run(tmp_path / place / "made", base, text=tmp_path / place / "texts")
        made.append(digest_path(tmp_path / place / "made"))
    assert made[0] == made[1]


def test_text_files_are_documents_and_a_file_of_their_own_is_what_is_held_out(base: Path, tmp_path: Path) -> None:
    (tmp_path / "texts").mkdir()
    for n in range(3):
        (tmp_path / "texts" / f"{n}.txt").write_text(DOCUMENTS[n], encoding="utf-8")
    held = write(tmp_path / "held.jsonl", ["held out"])
    facts = run(tmp_path / "made", base, holdout=0.9, text=tmp_path / "texts", text_dev=held)
    assert names(tmp_path / "made", "train") == {"0.txt", "1.txt", "2.txt"}
    assert names(tmp_path / "made", "dev") == {"held.jsonl:1"}
    assert facts["train"]["bytes"] == sum(len(text) for text in DOCUMENTS[:3])


def test_nothing_left_to_learn_from_is_an_error(base: Path, tmp_path: Path) -> None:
    with pytest.raises(HelderError, match="No document is left"):
        run(tmp_path / "made", base, text=write(tmp_path / "t.jsonl", ["", " "]))


def test_a_row_whose_text_is_none_is_named(base: Path, tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"text": "good"}\n{"text": 5}\n', encoding="utf-8")
    with pytest.raises(HelderError, match="has no text") as caught:
        run(tmp_path / "made", base, text=tmp_path / "t.jsonl")
    assert "2" in caught.value.what
