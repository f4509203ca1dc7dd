"""Who is handed what: folders of people never leave the house because their licence is an open one."""

from __future__ import annotations

from pathlib import Path

import pytest

from helder.certify import audience, bundle


@pytest.mark.parametrize("path", ["documents.jsonl", "manifest.json"])
def test_documents_as_they_came_are_withheld_whatever_their_licence(path: str) -> None:
    kind = audience.kind_of("extract", path)
    for who in ("public", "customer"):
        assert "wait for a person" in str(audience.withheld(who, kind, open_data=True))
    assert audience.withheld("regulator", kind, open_data=False) is None
    assert audience.withheld("public", audience.kind_of("data", "train.jsonl"), open_data=True) is None


def test_a_folder_with_a_link_is_named_by_its_digest_alone(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc/passwd")
    (tmp_path / "plain.txt").write_text("tekst", encoding="utf-8")
    assert bundle._listed(tmp_path) == []
    (tmp_path / "link").unlink()
    assert [entry.path for entry in bundle._listed(tmp_path)] == ["plain.txt"]
