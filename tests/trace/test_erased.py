"""From a folder of documents to a model, a name erased, and the run made again without it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from helder import pipeline
from helder.commands.trace import trace as command
from helder.data.decisions import Decisions
from helder.project import Project
from helder.tokens.documents import read_documents
from helder.trace import erase, trace
from helder.trace.streams import indexed
from tests.data.clean.test_stage import text_of
from tests.examples.test_recipes import run_here, small
from tests.trace.conftest import NAME, PLANTED, RECIPE

pytest.importorskip("daft", reason="daft is not installed (helder[documents])")
OTHER = "Names of months are written small, and the kettle stands on the left of the sink."


def recipe() -> str:
    """One training on the folder."""
    text = RECIPE.split("[[train]]")[0]
    documents = '[documents]\nfolders = ["mappe"]\npersonal_data = "redact"\nrepeated_passages = 12\n'
    training = (
        '[[train]]\nobjective = "text"\ntext = "documents"\nsteps = 6\nbatch_tokens = 256\ncontext = 64\nstates = 2\n'
    )
    return f"{text}\n{documents}\n{training}\n[compress]\nformats = []\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    """(home, project) of a run over a folder with a name in it."""
    place = tmp_path_factory.mktemp("erased")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HELDER_HOME", str(place / "home"))
        patch.setenv("OMP_NUM_THREADS", "1")
        run_here(patch)
        folder = small("olmo2", place / "small").folder
        (folder / "recipe.toml").write_text(recipe(), encoding="utf-8")
        texts = {
            "archive.md": f"# Archive\n\n{text_of(1, 300)}\n\n{PLANTED}\n",
            "archive-old.md": f"# Archive\n\n{text_of(1, 298)}\n\nThe keys are elsewhere now, ask at the desk.\n",
            "quoted.txt": f"{text_of(2, 90)}\n{PLANTED}\n{OTHER}\n",
            "kitchen.txt": f"{text_of(3, 90)}\n{OTHER}\n",
            "masked.txt": f"{text_of(4, 90)}\nMail zoe@example.org for it.\n",
        }
        (folder / "mappe").mkdir()
        for name, text in texts.items():
            (folder / "mappe" / name).write_text(text, encoding="utf-8")
        pipeline.run(Project.open(folder), until="train")
        yield place / "home", folder


@pytest.fixture
def project(made: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("HELDER_HOME", str(made[0]))
    run_here(monkeypatch)
    return Project.open(made[1])


def learnt(project: Project) -> str:
    """All that trainings learn from, from the tokens."""
    parts = []
    for stream in indexed(project):
        index = stream.index
        for number in range(len(index.documents)):
            first, stop = index.bounds(number)
            parts.append(stream.words.bytes(index.tokens[first:stop]).decode("utf-8", "replace"))
    return "\n".join(parts)


def states(project: Project) -> dict[str, str]:
    account = json.loads((pipeline.made(project)["clean"].path / "account.json").read_text(encoding="utf-8"))
    return {one["path"]: one["state"] for one in account["documents"]}


def test_a_name_is_found_in_folders_refused_and_gone_from_everything_that_is_made_again(project: Project) -> None:
    first = pipeline.statements(project)
    assert states(project)["archive-old.md"] == "near-duplicate"
    assert NAME in learnt(project)
    before = erase(project, NAME)
    assert {(one.file, one.role) for one in before.findings} == {
        ("archive.md", "learnt from"),
        ("quoted.txt", "not learnt from: kept"),  # the passage was taken out of it, because the other has it
    }
    assert all(one.place for one in before.findings)
    assert [one.training for one in before.touched] == ["train"]
    assert "--write" in before.text()
    assert not (project.folder / "decisions.json").exists()

    found = erase(project, NAME, write=True, on="2026-11-30")
    assert sorted(one["path"] for one in found.refused) == ["archive.md", "quoted.txt"]
    assert NAME not in (project.folder / "decisions.json").read_text(encoding="utf-8")
    assert {one.on for one in Decisions.read(project.folder / "decisions.json").entries} == {"2026-11-30"}
    assert {"clean", "tokenizer", "base", "train"} <= set(found.again)
    assert {"extract", "data"} <= set(found.kept)
    assert "They do not go on from the clean state" in " ".join(found.text().split())

    ran: list[str] = []
    pipeline.run(project, lambda event: ran.append(event["stage"]) if event["event"] == "started" else None, "train")
    assert [name for name in found.again if name in ran] == ran
    after = states(project)
    assert after["archive.md"] == after["quoted.txt"] == "refused"
    assert after["archive-old.md"] == "held"  # nearly the same as what was refused
    assert after["kitchen.txt"] == "kept"
    made = pipeline.made(project)
    for artifact in (artifact for stage, artifact in made.items() if stage != "extract"):
        for path in artifact.path.rglob("*"):
            assert not path.is_file() or NAME.encode() not in path.read_bytes(), path
    assert not any(NAME in text for _, text in read_documents(made["clean"].path))
    assert NAME not in learnt(project)
    assert OTHER in learnt(project)  # what had been taken out for standing in a refused document is back
    said = pipeline.statements(project)["train"]
    assert said.predicate["inputs"]["text"] != first["train"].predicate["inputs"]["text"]
    assert said.facts["steps"] == 6  # from its first step on
    traced = trace(project, PLANTED)
    assert traced.coverage["own_documents"] < 0.5
    last = erase(project, NAME)
    assert not last.touched
    assert not last.models
    assert {one.role for one in last.findings} == {"not learnt from: refused"}
    assert any(name.startswith("run/artifacts/train-") for name in last.stale)
    assert any(name.startswith("run/artifacts/clean-") for name in last.copies)
    assert erase(project, NAME, write=True).refused == []


def test_what_is_learnt_from_with_the_string_blacked_out_is_not_refused(project: Project) -> None:
    found = erase(project, "zoe@example.org", write=True)
    assert [one.role for one in found.findings] == ["not learnt from: redacted"]
    assert found.refused == []


def test_files_that_are_no_documents_of_a_folder_are_named_for_a_person(project: Project) -> None:
    record = json.loads((project.folder / "train.jsonl").read_text(encoding="utf-8").splitlines()[0])
    found = erase(project, record["input"], write=True)
    assert any(name.startswith("train.jsonl, line 1") for name in found.by_hand)
    assert not found.refused


def test_write_belongs_to_erase(tmp_path: Path, project: Project) -> None:
    from click.testing import CliRunner

    done: Any = CliRunner().invoke(command, [str(project.folder), "a text", "--write"])
    assert "--write belongs to --erase" in str(done.exception)
