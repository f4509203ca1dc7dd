"""Passages that stand in several documents: the first stays, the account says where, places still lead back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from helder.data.clean import passages, stage
from helder.data.clean.edits import applied
from helder.data.clean.passages import taken_out
from helder.data.extract import places
from helder.errors import HelderError
from helder.ledger.artifact import digest_path
from helder.tokens.documents import read_documents
from tests.data.clean.test_stage import account, document, kept, run, state, text_of

pytest.importorskip("pydivsufsort", reason="pydivsufsort is not installed (helder[trace])")
PAGE = text_of(100, 40)


def placed(text: str, path: str, date: str, begin: int) -> dict[str, Any]:
    """A document that begins at a byte of its file."""
    return document(text, path, date, offsets=[[0, begin]])


def corpus() -> list[dict[str, Any]]:
    second = f"Één {text_of(2, 60)}\n\n{PAGE}\n\n{text_of(3, 60)}"
    ends = [0, len(second.encode("utf-8"))]  # one piece, as long in the file: each of its bytes is known
    return [
        placed(f"{text_of(1, 60)}\n{PAGE}", "first.txt", "2024-01-01", 0),
        document(second, "second.txt", "2023-01-01", offsets=[[place, 500 + place] for place in ends]),
        placed(PAGE, "only.txt", "2022-01-01", 0),
        placed(text_of(4, 50), "free.txt", "2022-01-01", 0),
    ]


def test_the_first_document_keeps_a_passage_and_the_others_lose_it(tmp_path: Path) -> None:
    found = run(tmp_path / "a", corpus(), repeated_passages=20)
    assert state(tmp_path / "a") == {
        "first.txt": "kept", "second.txt": "kept", "only.txt": "duplicate", "free.txt": "kept",
    }  # fmt: skip
    texts = {line["path"]: line for line in kept(tmp_path / "a")}
    assert texts["first.txt"]["text"] == corpus()[0]["text"]
    shorter = texts["second.txt"]
    assert shorter["text"] == f"Één {text_of(2, 60)}\n\n{text_of(3, 60)}"
    assert shorter["shortened"] == 1
    assert found["repeated_passages"] == {
        "looked_for": True, "least_words": 20, "parts": 1, "passages": 2, "documents": 2,
        "bytes": 2 * len(PAGE.encode("utf-8")) + 2,
    }  # fmt: skip
    entry = next(entry for entry in account(tmp_path / "a") if entry["path"] == "second.txt")
    assert entry["repeated"]["passages"] == 1
    assert [one["path"] for one in entry["repeated"]["of"]] == ["first.txt"]
    entry = next(entry for entry in account(tmp_path / "a") if entry["path"] == "only.txt")
    assert (entry["why"], entry["of"]["path"]) == ("all of it stands in other documents", "first.txt")
    lines = [
        json.loads(line) for line in (tmp_path / "a" / "out" / "repeats.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    second = corpus()[1]
    (told,) = (line for line in lines if line["document"] == second["id"])
    assert second["text"].encode("utf-8")[told["start"] : told["end"]].decode("utf-8").strip() == PAGE
    assert told["of"] == [corpus()[0]["id"]]


def test_places_lead_to_the_file_before_and_behind_what_was_taken_out(tmp_path: Path) -> None:
    run(tmp_path / "a", corpus(), repeated_passages=20)
    line = next(line for line in kept(tmp_path / "a") if line["path"] == "second.txt")
    source, text = corpus()[1]["text"].encode("utf-8"), line["text"].encode("utf-8")
    for words in (text_of(2, 60), text_of(3, 60)):
        begin, there = text.index(words.encode()), source.index(words.encode())
        for byte in (0, 7, len(words) - 1):
            assert places.place(line["offsets"], begin + byte) == {"byte": 500 + there + byte, "exact": True}


def test_what_is_learnt_from_is_the_shortened_text(tmp_path: Path) -> None:
    run(tmp_path / "a", corpus(), repeated_passages=20)
    learnt = dict(read_documents(tmp_path / "a" / "out"))
    assert sum(PAGE in text for text in learnt.values()) == 1
    assert "only.txt" not in learnt


def test_the_order_of_documents_shows_nowhere(tmp_path: Path) -> None:
    run(tmp_path / "a", corpus(), repeated_passages=20)
    run(tmp_path / "b", corpus()[::-1], repeated_passages=20)
    assert digest_path(tmp_path / "a" / "out") == digest_path(tmp_path / "b" / "out")


def test_a_document_that_waits_keeps_no_passage_for_others(tmp_path: Path) -> None:
    lines = corpus()
    lines[0] = placed(f"{text_of(1, 60)} mail anna@example.org\n{PAGE}", "first.txt", "2024-01-01", 0)
    run(tmp_path / "a", lines, repeated_passages=20, personal_data="hold")
    assert state(tmp_path / "a")["first.txt"] == "held"
    assert state(tmp_path / "a")["second.txt"] == "kept"
    assert any(PAGE in line["text"] for line in kept(tmp_path / "a"))


def test_personal_data_are_blacked_out_beside_what_is_taken_out(tmp_path: Path) -> None:
    page = f"{PAGE} mail anna@example.org {text_of(101, 30)}"
    lines = [
        document(page + " first", "first.txt", "2024-01-01"),
        document(f"{page} of piet@example.org", "second.txt", "2023-01-01"),
    ]
    run(tmp_path / "a", lines, repeated_passages=20, personal_data="redact")
    texts = {line["path"]: line for line in kept(tmp_path / "a")}
    assert texts["second.txt"]["text"] == "of [E-MAIL]"
    assert texts["first.txt"]["text"].count("[E-MAIL]") == 1
    assert not any("@" in line["text"] for line in texts.values())


def test_off_is_the_default_and_leaves_every_text_as_it_is(tmp_path: Path) -> None:
    found = run(tmp_path / "a", corpus())
    assert found["repeated_passages"] == {"looked_for": False}
    assert sorted(line["text"] for line in kept(tmp_path / "a")) == sorted(line["text"] for line in corpus())


def test_beyond_the_bound_parts_are_looked_at_and_a_warning_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passages.find, "__defaults__", (150,))
    warnings: list[str] = []
    found = run(tmp_path / "a", corpus(), warnings, repeated_passages=20)
    assert found["repeated_passages"]["parts"] > 1
    assert any("is not found" in warning for warning in warnings)


def test_a_passage_of_chinese_is_found_without_blanks(tmp_path: Path) -> None:
    page = "".join(chr(0x4E10 + number * 7) for number in range(30))
    lines = [document(f"一{page}", "a.txt", "2024"), document(f"二{page}三", "b.txt", "2023")]
    run(tmp_path / "a", lines, repeated_passages=20)
    assert {line["path"]: line["text"] for line in kept(tmp_path / "a")} == {"a.txt": f"一{page}", "b.txt": "二三"}


def test_of_the_blanks_around_a_passage_those_with_more_line_ends_stay() -> None:
    for text, made in (("a b\n\nc", "a\n\nc"), ("a\n\nb c", "a\n\nc"), ("a b c", "a c"), ("a\nb\nc", "a\nc")):
        assert applied(text, taken_out(text, [(1, 2)])) == made
    assert applied("a b", taken_out("a b", [(1, 2)])) == "a"
    assert applied("a b", taken_out("a b", [(0, 1)])) == "b"


def test_a_length_that_means_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HelderError, match="repeated_passages is 3"):
        stage.run({"repeated_passages": 3}, {"extract": tmp_path}, tmp_path, tmp_path, lambda event, **_: None)
