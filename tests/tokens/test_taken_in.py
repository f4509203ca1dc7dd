"""Documents that Helder took in from a folder are found again in the artifact, with the file that they came from."""

from __future__ import annotations

import json
from pathlib import Path

from helder.tokens import documents


def artifact(folder: Path) -> Path:
    """As the stages "extract" and "clean" leave it: one document held, one of a table."""
    folder.mkdir()
    lines = [
        {"id": "a", "path": "rules.md", "row": None, "text": "No dogs.", "held": None},
        {"id": "b", "path": "care.txt", "row": None, "text": "Born in 1950.", "held": "perhaps health data"},
        {"id": "c", "path": "news.jsonl", "row": "line 3", "text": "A fair.", "held": None},
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "documents.jsonl").write_text(text, encoding="utf-8")
    (folder / "account.json").write_text("{}", encoding="utf-8")
    return folder


def test_documents_are_called_by_their_path_and_those_that_wait_are_passed_over(tmp_path: Path) -> None:
    folder = artifact(tmp_path / "clean")
    assert documents.is_taken_in(folder)
    assert list(documents.read_documents(folder)) == [("rules.md", "No dogs."), ("news.jsonl:line 3", "A fair.")]
    assert [documents.called(one) for one in documents.taken_in(folder)] == ["rules.md", "news.jsonl:line 3"]


def test_a_folder_with_such_a_file_alone_is_a_folder_of_files(tmp_path: Path) -> None:
    folder = artifact(tmp_path / "clean")
    (folder / "account.json").unlink()
    assert not documents.is_taken_in(folder)
    assert len(list(documents.read_documents(folder))) == 3
