"""Documents in files: each once, with its place, in any encoding and form that records may have too."""

from __future__ import annotations

from pathlib import Path

import pytest

from helder.errors import HelderError
from helder.tokens.documents import read_documents


def test_a_folder_gives_every_document_once_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "note.md").write_text("a note", encoding="utf-8-sig")
    (tmp_path / "a.csv").write_text('id;text\n1;één\n2;"two; and\nmore"\n', encoding="cp1252")
    (tmp_path / "c.jsonl").write_text('{"text": "x"}\n\n{"text": "y"}\n', encoding="utf-8")
    (tmp_path / "d.txt").write_bytes("naïve".encode("utf-16"))
    (tmp_path / ".hidden").write_bytes(b"\x00")
    assert list(read_documents(tmp_path)) == [
        ("a.csv:2", "één"), ("a.csv:3", "two; and\nmore"), ("b/note.md", "a note"), ("c.jsonl:1", "x"),
        ("c.jsonl:3", "y"), ("d.txt", "naïve"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("t.jsonl", b'{"text": "a"}\n{"text": \n', "line 2"),
        ("t.jsonl", b'{"text": "a"}\n{"text": 3}\n', "line 2 has no text"),
        ("t.jsonl", b'{"txt": "a"}\n', "text"),
        ("t.csv", b"id,body\n1,a\n", "text"),
        ("t.txt", b"\x89PNG\r\n", "not a text file"),
        ("t.jsonl", b'{"text": "\\ud800"}\n', "half of a surrogate pair"),
    ],
)
def test_what_is_no_document_is_refused_by_its_place(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(HelderError, match=said):
        list(read_documents(tmp_path / name))
