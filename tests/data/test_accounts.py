"""Accounts of documents, read one line at a time: what reading them as a whole gives, but for ids as numbers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from helder.data import accounts
from helder.errors import HelderError
from tests.data.clean.test_stage import document, run
from tests.data.extract.reading import read


def test_paths_are_those_of_the_manifest_with_how_many_documents_each_has(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.txt").write_text("tekst", encoding="utf-8")
    (folder / 'b "documents":[".txt').write_bytes(b"\0\1\2")
    (folder / "c.jsonl").write_text('{"text": "een"}\n{"text": "twee"}\n{"text": "drie"}\n', encoding="utf-8")
    whole = read(folder, tmp_path).manifest["paths"]
    found = list(accounts.paths(tmp_path / "made-0" / "output"))
    assert [len(one["documents"]) for one in found] == [1, 0, 3]
    assert [one | {"documents": len(one["documents"])} for one in whole] == [
        one | {"documents": len(one["documents"])} for one in found
    ]


@pytest.mark.parametrize("count", [0, 1, 3])
def test_documents_and_counts_are_those_of_the_account(tmp_path: Path, count: int) -> None:
    run(tmp_path / "a", [document(f"tekst {n}", f"{n}, [\n.txt") for n in range(count)])
    place = tmp_path / "a" / "out"
    whole = json.loads((place / "account.json").read_text(encoding="utf-8"))
    assert list(accounts.documents(place)) == whole.pop("documents")
    assert accounts.counts(place) == whole
    (tmp_path / "account.json").write_text(
        json.dumps({**whole, "documents": [{"id": "a"}]}, indent=1), encoding="utf-8"
    )
    assert list(accounts.documents(tmp_path)) == [{"id": "a"}]
    assert accounts.counts(tmp_path) == whole
    (tmp_path / "account.json").write_text('[\n{"id": "a"}\n]', encoding="utf-8")
    assert list(accounts.documents(tmp_path)) == [{"id": "a"}]


def test_an_account_that_was_cut_off_is_an_error(tmp_path: Path) -> None:
    run(tmp_path / "a", [document("tekst", "a.txt")])
    content = (tmp_path / "a" / "out" / "account.json").read_bytes()
    (tmp_path / "account.json").write_bytes(content[: content.index(b"\n]")])
    with pytest.raises(HelderError, match="ends within its list"):
        list(accounts.documents(tmp_path))
