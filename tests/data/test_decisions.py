"""Decisions of people are about contents, and the last one counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from helder.data.decisions import Decision, Decisions, decide
from helder.errors import HelderError

WAITING: list[dict[str, Any]] = [
    {"path": "zorg/a.txt", "row": None, "document": "aaaaaaaa11112222", "sha256": "1" * 64, "why": "health data"},
    {"path": "zorg/b.txt", "row": None, "document": "aaaaaaaa33334444", "sha256": "2" * 64, "why": "health data"},
    {"path": "scan.pdf", "row": None, "document": None, "sha256": "3" * 64, "why": "a scan without text"},
]


def test_paths_ids_their_beginnings_and_folders_are_understood() -> None:
    for name in ("zorg/a.txt", "aaaaaaaa11112222", "aaaaaaaa1"):
        (one,) = decide(WAITING, [name], [], "looked at", "2026-01-12")
        assert one == Decision("accept", "aaaaaaaa11112222", "zorg/a.txt", "1" * 64, "looked at", "2026-01-12")
    assert [one.path for one in decide(WAITING, [], ["zorg/"], "", "")] == ["zorg/a.txt", "zorg/b.txt"]


@pytest.mark.parametrize(
    ("accept", "said"),
    [("aaaaaaaa", "begins the ids of 2"), ("nothing", "Nothing that waits"), ("scan.pdf", "cannot be accepted")],
)
def test_what_is_not_clear_or_has_no_text_is_not_accepted(accept: str, said: str) -> None:
    with pytest.raises(HelderError, match=said):
        decide(WAITING, [accept], [], "", "")


def test_decisions_are_written_and_read_and_the_last_one_counts(tmp_path: Path) -> None:
    file = tmp_path / "decisions.json"
    assert Decisions.read(file) == Decisions()
    first = Decisions().with_(decide(WAITING, ["zorg/a.txt"], ["scan.pdf"], "", "2026-01-12"))
    first.write(file)
    assert Decisions.read(file) == first
    assert first.of("aaaaaaaa11112222") == "accept"
    assert first.of("aaaaaaaa33334444") is None
    assert first.of_file("3" * 64) == "refuse"
    later = first.with_(decide(WAITING, [], ["zorg/a.txt"], "", "2026-01-13"))
    assert later.of("aaaaaaaa11112222") == "refuse"
    assert later.documents() == {"aaaaaaaa11112222": "refuse"}


@pytest.mark.parametrize("text", ["{", '{"format": 2, "decisions": []}', '{"format": 1, "decisions": [{}]}', "[]"])
def test_a_file_of_decisions_that_cannot_be_understood_is_an_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "decisions.json").write_text(text, encoding="utf-8")
    with pytest.raises(HelderError, match="cannot be understood"):
        Decisions.read(tmp_path / "decisions.json")
