"""`helder data`: folders come into the recipe, every file is shown, decisions are kept."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from helder import examples
from helder.commands.data import data, put_into, visible
from helder.errors import HelderError

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


def test_show_names_every_file(project: Path) -> None:
    manifest = json.loads(call("show", str(project), "--json").stdout)
    files = [path for path in (project / "documents").rglob("*") if path.is_file()]
    assert len(manifest["paths"]) == len(files) == manifest["counts"]["paths"]
    assert "zorg/intake-mevrouw-j.txt" in call("show", str(project), "--all").output


def test_text_from_outside_cannot_move_the_cursor() -> None:
    assert visible("a\x1b[2Jb\u202e\nc") == "a\\u001b[2Jb\\u202e\nc"
