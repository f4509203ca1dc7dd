"""`helder data`: folders come into the recipe, every file is shown, decisions are kept."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import tomllib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from helder import examples, pipeline
from helder.commands.data import data, put_into, visible
from helder.errors import HelderError
from helder.ledger.artifact import digest_path
from helder.project import Project

pytest.importorskip("selectolax")
pytest.importorskip("pypdfium2")

RECIPE = 'name = "x"\n\n[data]\ntrain = "train.jsonl"\n\n[base]  # a comment\nmodel = "scratch"\nsize = "olmo2-14m"\n'


def call(*arguments: str) -> Result:
    done = CliRunner().invoke(data, list(arguments))
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A new handbook."""
    monkeypatch.setenv("HELDER_HOME", str(tmp_path / "home"))
    examples.materialise("handbook", tmp_path / "handbook")
    return tmp_path / "handbook"


def test_add_shows_what_would_be_taken_and_puts_the_folder_into_the_recipe(tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text(RECIPE, encoding="utf-8")
    (tmp_path / "mappe").mkdir()
    (tmp_path / "mappe" / "a.txt").write_text("tekst", encoding="utf-8")
    (tmp_path / "mappe" / "b.zip").write_bytes(b"PK\x03\x04")
    shown = call("add", str(tmp_path / "mappe"), "--project", str(tmp_path), "--dry").output
    assert "text/plain" in shown
    assert "unpack it first" in shown
    assert (tmp_path / "recipe.toml").read_text(encoding="utf-8") == RECIPE
    call("add", str(tmp_path / "mappe"), "--project", str(tmp_path))
    text = (tmp_path / "recipe.toml").read_text(encoding="utf-8")
    assert text == f'{RECIPE}\n[documents]\nfolders = ["mappe"]\n'
    call("add", str(tmp_path / "mappe"), "--project", str(tmp_path))
    assert (tmp_path / "recipe.toml").read_text(encoding="utf-8") == text
    found = json.loads(call("add", str(tmp_path / "mappe"), "--project", str(tmp_path), "--json").stdout)
    assert found["counts"] == {"paths": 2, "accepted": 1, "held": 1, "refused": 0, "documents": 1}


@pytest.mark.parametrize(
    "table",
    [
        '[documents]\nfolders = ["a"]  # the first\nlicence = "CC0-1.0"\n',
        '[documents]\nfolders = [\n  "a",  # one ] of them\n  "b",\n]\n',
        '[documents]\nlicence = "CC0-1.0"\n\n[[documents.sources]]\nfolder = "c"\n',
        "[documents]\nfolders = []\n",
    ],
)
def test_a_folder_is_added_to_those_that_are_there_and_nothing_else_changes(tmp_path: Path, table: str) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(table + RECIPE.replace("name", "#name", 1), encoding="utf-8")
    before = tomllib.loads(recipe.read_text(encoding="utf-8"))
    assert put_into(recipe, tmp_path / "new folder")
    after = tomllib.loads(recipe.read_text(encoding="utf-8"))
    assert after["documents"].pop("folders") == [*before["documents"].pop("folders", []), "new folder"]
    assert after == before
    for comment in ("# the first", "# one ] of them", "# a comment"):
        assert (comment in table + RECIPE) == (comment in recipe.read_text(encoding="utf-8"))


def test_a_recipe_that_cannot_be_changed_by_machine_is_left_as_it_is(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.toml"
    text = 'documents = {folders = ["a"]}\n' + RECIPE
    recipe.write_text(text, encoding="utf-8")
    with pytest.raises(HelderError, match="left as it is"):
        put_into(recipe, tmp_path / "b")
    assert recipe.read_text(encoding="utf-8") == text


def test_what_waits_is_listed_and_decisions_are_kept_and_followed(project: Path) -> None:
    waits = {one["path"]: one for one in json.loads(call("review", str(project), "--json").stdout)["waiting"]}
    assert {"zorg/intake-mevrouw-j.txt", "oud/scan-contract.pdf", "gedichten/regen.txt"} <= waits.keys()
    assert "huisregels.md" not in waits
    call(
        "review", str(project), "--accept", "gedichten/", "--refuse", "oud/scan-contract.pdf", "--why", "asked the poet"
    )
    kept = json.loads((project / "decisions.json").read_text(encoding="utf-8"))["decisions"]
    assert {(one["path"], one["decision"], one["why"]) for one in kept} == {
        ("gedichten/regen.txt", "accept", "asked the poet"),
        ("oud/scan-contract.pdf", "refuse", "asked the poet"),
    }
    left = {one["path"] for one in json.loads(call("review", str(project), "--json").stdout)["waiting"]}
    assert left == waits.keys() - {"gedichten/regen.txt", "oud/scan-contract.pdf"}


# -- asked one by one ------------------------------------------------------------------------------------


@pytest.fixture
def asked(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A handbook whose waiting documents are known, at a terminal."""
    monkeypatch.setattr("helder.commands.data.at_terminal", lambda: True)
    monkeypatch.setattr("helder.commands.data.today", lambda: "2026-11-30")
    return project


def answer(project: Path, *answers: str) -> Result:
    """What comes of answers, each with the return key; then the terminal is closed."""
    return CliRunner().invoke(data, ["review", str(project)], input="".join(f"{one}\n" for one in answers))


def decided(project: Path) -> list[tuple[str, str, str, str]]:
    file = project / "decisions.json"
    found = json.loads(file.read_text(encoding="utf-8"))["decisions"] if file.is_file() else []
    return [(one["path"], one["decision"], one["why"], one["on"]) for one in found]


def test_every_answer_does_what_it_says_and_a_wrong_one_is_asked_again(asked: Path) -> None:
    done = answer(asked, "refuse", "no consent", "yes", "accept", "", "later", "stop")
    assert done.exit_code == 0, done.output
    assert "1 of 10: foto-club/over-ons.html" in done.output
    assert "it waits because: marked as not for AI training" in done.output
    assert "'yes' is not one of 'accept', 'refuse', 'later', 'stop'" in done.output
    assert decided(asked) == [
        ("foto-club/over-ons.html", "refuse", "no consent", "2026-11-30"),
        ("gedichten/regen.txt", "accept", "", "2026-11-30"),
    ]
    assert "8 wait for a person." in done.output
    # What has no text cannot be accepted; the return key alone means later.
    done = answer(asked, "accept", "", "refuse", "unreadable", "", "", "", "", "", "")
    assert "'accept' is not one of 'refuse', 'later', 'stop'" in done.output
    assert done.output.count("what shall be done") == 9
    assert ("oud/ruski.txt", "refuse", "unreadable", "2026-11-30") in decided(asked)
    assert len(decided(asked)) == 3


@pytest.mark.parametrize(
    ("answers", "kept"),
    [((), 0), (("refuse",), 0), (("refuse", "a", "refuse", "b"), 2), (("refuse", "a", "accept"), 1)],
)
def test_when_nobody_answers_any_more_every_whole_decision_stands(
    asked: Path, answers: tuple[str, ...], kept: int
) -> None:
    done = answer(asked, *answers)
    assert done.exit_code == 1  # click's runner; the program ends with 130
    assert len(decided(asked)) == kept
    assert f"{10 - kept} wait for a person." in done.output


def test_a_decision_that_stood_in_the_file_is_not_lost_and_a_later_one_counts(asked: Path) -> None:
    call("review", str(asked), "--refuse", "wifi.txt", "--why", "a password")
    answer(asked, "refuse", "x")
    assert [one[0] for one in decided(asked)] == ["foto-club/over-ons.html", "wifi.txt"]


@pytest.mark.slow
def test_at_a_real_terminal_ctrl_c_keeps_what_was_decided(project: Path) -> None:
    call("show", str(project), "--json")
    own, other = pty.openpty()
    command = [sys.executable, "-c", "from helder.cli import main; main()", "data", "review", str(project)]
    process = subprocess.Popen(
        command, stdin=other, stdout=other, stderr=other, start_new_session=True, preexec_fn=_terminal
    )
    os.close(other)
    shown = _until(own, "what shall be done")
    os.write(own, b"nonsense\n")
    shown += _until(own, "what shall be done")
    os.write(own, b"accept\n")
    shown += _until(own, "why")
    os.write(own, b"asked\n")
    shown += _until(own, "what shall be done")
    os.write(own, b"\x03")
    shown += _until(own, None)
    os.close(own)
    assert process.wait(timeout=20) == 130, shown
    assert "is not one of" in shown
    assert "1 decision is kept" in shown
    assert [one[:3] for one in decided(project)] == [("foto-club/over-ons.html", "accept", "asked")]


def _terminal() -> None:
    """Make the process's terminal its own, so that Ctrl-C reaches it, which whoever runs the tests may ignore."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _until(terminal: int, wanted: str | None) -> str:
    """What the terminal shows until some words stand there, or its end."""
    shown = b""
    while wanted is None or wanted not in shown.decode("utf-8", "replace"):
        assert select.select([terminal], [], [], 60)[0], f"{wanted!r} did not come, but {shown!r}"
        try:
            part = os.read(terminal, 4096)
        except OSError:  # the other side is closed
            break
        if not part:
            break
        shown += part
    return shown.decode("utf-8", "replace")


def test_a_decision_is_an_input_of_the_stage_which_runs_again(project: Path) -> None:
    opened = Project.open(project)
    ran: list[str] = []

    def note(event: dict[str, Any]) -> None:
        if event["event"] == "started":
            ran.append(event["stage"])

    pipeline.prepare(opened, note)
    assert ran == ["extract", "clean"]
    assert "decisions" not in pipeline.statements(opened)["clean"].predicate["inputs"]
    call("review", str(project), "--accept", "gedichten/regen.txt")
    ran.clear()
    made = pipeline.prepare(opened, note)
    assert ran == ["clean"]
    said = pipeline.statements(opened)["clean"].predicate["inputs"]["decisions"]
    assert said["name"] == "decisions.json"
    assert said["digest"]["sha256"] == digest_path(project / "decisions.json")
    assert "gedichten/regen.txt" in (made["clean"].path / "documents.jsonl").read_text(encoding="utf-8")
    call("review", str(project), "--refuse", "wifi.txt")
    ran.clear()
    pipeline.prepare(opened, note)
    assert ran == ["clean"]
    again = pipeline.statements(opened)["clean"].predicate["inputs"]["decisions"]
    assert again["digest"] != said["digest"]
    pipeline.prepare(opened, note)
    assert ran == ["clean"]  # not once more


def test_show_names_every_file(project: Path) -> None:
    manifest = json.loads(call("show", str(project), "--json").stdout)
    files = [path for path in (project / "documents").rglob("*") if path.is_file()]
    assert len(manifest["paths"]) == len(files) == manifest["counts"]["paths"]
    assert "zorg/intake-mevrouw-j.txt" in call("show", str(project), "--all").output


def test_show_says_what_cleaning_did_with_each_document(project: Path) -> None:
    shown = call("show", str(project), "--all").output
    assert "of 44 documents after cleaning: kept 37, duplicate 1, held 6" in shown
    assert "nearly the same as foto-club/over-ons.html, which waits for a person" in shown
    (line,) = (line for line in shown.splitlines() if line.startswith("duplicate "))
    assert "huisregels" in line.split("the same text:")[1]
    told = json.loads(call("show", str(project), "--json").stdout)
    assert told["cleaning"]["total"] == 44


def test_a_folder_inside_one_that_is_named_is_not_read_twice(project: Path) -> None:
    before = (project / "recipe.toml").read_text(encoding="utf-8")
    said = call("add", str(project / "documents" / "oud"), "--project", str(project)).output
    assert "names it already, or a folder that it lies in" in said
    assert (project / "recipe.toml").read_text(encoding="utf-8") == before


def test_text_from_outside_cannot_move_the_cursor() -> None:
    assert visible("a\x1b[2Jb\u202e\nc") == "a\\u001b[2Jb\\u202e\nc"
