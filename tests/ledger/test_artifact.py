from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from helder.errors import HelderError
from helder.ledger import artifact
from helder.ledger.artifact import Artifact


def make(folder: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")
    return folder


FILES = {"b.txt": "two", "a/deep.txt": "one", "a-.txt": "", "é.txt": "four"}


def test_the_digest_of_a_folder_is_the_sha_256_of_its_canonical_manifest(tmp_path: Path) -> None:
    folder = make(tmp_path / "f", FILES)
    manifest = [
        {"path": name, "size": len(content), "sha256": hashlib.sha256(content.encode()).hexdigest()}
        for name, content in sorted(FILES.items())
    ]
    body = json.dumps(
        {"files": manifest, "helder/manifest": 1}, sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )
    assert Artifact.of(folder, "f").digest == hashlib.sha256(body.encode()).hexdigest()


def test_the_digest_of_a_file_is_what_sha256sum_says(tmp_path: Path) -> None:
    file = tmp_path / "f.txt"
    file.write_bytes(b"x" * (artifact.CHUNK + 1))
    assert Artifact.of(file, "f").digest == hashlib.sha256(file.read_bytes()).hexdigest()


def test_names_times_and_modes_of_where_it_lies_do_not_matter(tmp_path: Path) -> None:
    one, other = make(tmp_path / "one", FILES), make(tmp_path / "other", dict(reversed(FILES.items())))
    (other / "b.txt").chmod(0o600)
    os.utime(other / "b.txt", (0, 0))
    assert artifact.digest_path(one) == artifact.digest_path(other)


@pytest.mark.parametrize(
    "change",
    [{"b.txt": "two!"}, {"b.txt": "twp"}, {"new.txt": ""}],
    ids=["longer", "same size", "one more"],
)
def test_any_change_of_contents_changes_the_digest(tmp_path: Path, change: dict[str, str]) -> None:
    taken = Artifact.of(make(tmp_path / "f", FILES), "f")
    assert taken.intact()
    make(tmp_path / "f", change)
    assert not taken.intact()


def test_a_renamed_or_removed_file_changes_the_digest(tmp_path: Path) -> None:
    taken = Artifact.of(make(tmp_path / "f", FILES), "f")
    (tmp_path / "f/b.txt").rename(tmp_path / "f/c.txt")
    assert not taken.intact()
    (tmp_path / "f/c.txt").unlink()
    assert not taken.intact()


def test_an_artifact_that_is_gone_is_not_intact(tmp_path: Path) -> None:
    assert not Artifact(tmp_path / "gone", "0" * 64, "gone").intact()


@pytest.mark.parametrize("kind", ["link", "dangling link", "link to folder", "pipe", "device"])
def test_what_is_not_a_plain_file_is_refused_by_name(tmp_path: Path, kind: str) -> None:
    folder = make(tmp_path / "f", FILES)
    odd = folder / "a" / "odd"
    if kind == "pipe":
        os.mkfifo(odd)
    else:
        places = {"link": folder / "b.txt", "device": Path("/dev/null"), "link to folder": tmp_path}
        odd.symlink_to(places.get(kind, Path("nowhere")))
    with pytest.raises(HelderError, match="odd is a"):
        artifact.manifest(folder)


def test_a_link_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    make(tmp_path / "f", FILES)
    (tmp_path / "link").symlink_to("f")
    with pytest.raises(HelderError, match="link"):
        Artifact.of(tmp_path / "link", "f")


def test_a_name_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"\xff.txt")).write_text("x", encoding="utf-8")
    with pytest.raises(HelderError, match="not UTF-8"):
        artifact.manifest(tmp_path)


def test_writing_a_file_leaves_the_old_one_whole_when_it_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "f.json"
    artifact.write_atomic(file, b"old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        artifact.write_atomic(file, b"new")
    assert file.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["f.json"]


def test_a_folder_is_never_moved_over_another(tmp_path: Path) -> None:
    one, other = make(tmp_path / "one", FILES), make(tmp_path / "other", {"b.txt": "other"})
    with pytest.raises(FileExistsError):
        artifact.move_folder(one, other)
    assert (other / "b.txt").read_text(encoding="utf-8") == "other"
    artifact.move_folder(one, tmp_path / "new/place")
    assert not one.exists()
    assert (tmp_path / "new/place/b.txt").exists()


def test_removing_a_link_leaves_what_it_leads_to(tmp_path: Path) -> None:
    make(tmp_path / "f", FILES)
    (tmp_path / "link").symlink_to("f")
    artifact.remove(tmp_path / "link")
    assert (tmp_path / "f/b.txt").exists()
    artifact.remove(tmp_path / "f")
    artifact.remove(tmp_path / "f")
    assert list(tmp_path.iterdir()) == []
