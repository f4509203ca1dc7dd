"""The handbook: each of its traps does what the README says."""

from __future__ import annotations

from pathlib import Path

import pytest

from helder import examples
from helder.examples.handbook import folder, questions
from tests.data.extract.reading import Read, read

pytest.importorskip("selectolax")
pytest.importorskip("pypdfium2")


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> Read:
    """The documents of a new project, read."""
    place = tmp_path_factory.mktemp("handbook")
    examples.materialise("handbook", place / "project")
    return read(place / "project" / "documents", place)


def test_every_file_has_the_fate_that_is_told(taken: Read) -> None:
    found = {one["path"]: (one["state"], one["why"]) for one in taken.manifest["paths"]}
    assert found.keys() == folder.EXPECTED.keys()
    for name, (state, why) in folder.EXPECTED.items():
        assert found[name][0] == state, (name, found[name])
        assert why in found[name][1], (name, found[name])


def test_nothing_that_is_hidden_or_deleted_is_read(taken: Read) -> None:
    for document in taken.documents:
        assert folder.HIDDEN not in document["text"], document["path"]
    assert sum(folder.HIDDEN.encode() in content for content in folder.files().values()) >= 6


def test_what_is_inserted_and_what_stands_in_tables_is_read(taken: Read) -> None:
    assert "Een dienst duurt drie uur en begint met koffie." in taken.text("vrijwilligers.docx")
    assert "Afsluiten\tde beheerder" in taken.text("vrijwilligers.docx")
    assert "de Zolder\t20\t18\t2026-01-01" in taken.text("zaalhuur.xlsx")
    assert "11:00\trondleiding" in taken.text("open-dag.pptx")
    assert "Spade\t6 stuks" in taken.text("notulen.odt")
    assert "Één keer drukken" in taken.text("oud/brief-utf16.txt")
    assert "België én Nederland" in taken.text("openingstijden.txt")


def test_the_copy_has_the_same_id_and_bad_lines_are_named(taken: Read) -> None:
    assert taken.document("huisregels.md")["id"] == taken.document("kopie/huisregels (kopie).md")["id"]
    assert "line 8: not JSON" in " ".join(taken.path("nieuws.jsonl")["warnings"])
    assert "line 5: another number of fields" in " ".join(taken.path("activiteiten.csv")["warnings"])
    assert len(taken.path("nieuws.jsonl")["documents"]) == folder.NEWS


def test_the_readme_counts_the_files(taken: Read) -> None:
    readme = (Path(examples.__file__).parent / "handbook" / "README.md").read_text(encoding="utf-8")
    assert f"{taken.facts['paths']} files" in readme


def test_there_are_questions_in_every_part() -> None:
    counts = {name: len(questions.of(name)) for name in ("train", "dev", "test")}
    assert counts["train"] > 70
    assert min(counts.values()) >= 8
