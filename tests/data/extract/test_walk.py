"""Every path exactly once, nothing outside the folder opened, the same folder the same bytes."""

from __future__ import annotations

import os
import random
import shutil
import socket
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helder.data.extract import walk
from helder.errors import HelderError
from helder.ledger.artifact import Artifact
from tests.data.extract.reading import read

NAMES = st.binary(min_size=1, max_size=12).filter(
    lambda name: b"/" not in name and b"\0" not in name and name not in (b".", b"..")
)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.lists(NAMES, max_size=2), NAMES), max_size=8))
def test_every_path_is_told_exactly_once_whatever_its_name(paths: list[tuple[list[bytes], bytes]]) -> None:
    with tempfile.TemporaryDirectory() as place:
        made = set()
        for folders, name in paths:
            relative = Path(*map(os.fsdecode, folders), os.fsdecode(name))
            try:
                Path(place, relative).parent.mkdir(parents=True, exist_ok=True)
                Path(place, relative).touch()
            except OSError:
                continue  # the name of a folder is taken by a file, or the other way round
            made.add(os.fsencode(relative))
        made = {one for one in made if not Path(place, os.fsdecode(one)).is_dir()}
        found = walk.walk(Path(place))
        assert [one.key for one in found] == sorted(made)
        shown = [walk.shown(one.path) for one in found]
        assert len(set(shown)) == len(shown)
        for name in shown:
            assert name.isprintable()
            name.encode("utf-8")


def test_links_pipes_and_sockets_are_named_and_never_opened(tmp_path: Path) -> None:
    folder, outside = tmp_path / "folder", tmp_path / "outside"
    (folder / "sub").mkdir(parents=True)
    outside.mkdir()
    (outside / "secret.txt").write_text("the secret", encoding="utf-8")
    (folder / "a.txt").write_text("seen", encoding="utf-8")
    (folder / "to-file.txt").symlink_to(outside / "secret.txt")
    (folder / "to-folder").symlink_to(outside)
    (folder / "sub" / "round").symlink_to(folder)
    os.mkfifo(folder / "pipe.txt")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(folder / "sock"))
        found = read(folder, tmp_path)
    assert [one["path"] for one in found.manifest["paths"]] == [
        "a.txt",
        "pipe.txt",
        "sock",
        "sub/round",
        "to-file.txt",
        "to-folder",
    ]
    for name, why in (
        ("pipe.txt", "a pipe"),
        ("sock", "a socket"),
        ("to-file.txt", "a symbolic link to"),
        ("to-folder", "a symbolic link to"),
    ):
        assert found.path(name)["state"] == "refused"
        assert found.path(name)["why"].startswith(why)
    assert b"the secret" not in found.raw[0] + found.raw[1]


def test_a_folder_that_becomes_a_link_meanwhile_is_not_followed(tmp_path: Path) -> None:
    folder, outside = tmp_path / "folder", tmp_path / "outside"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "a.txt").write_text("inside", encoding="utf-8")
    outside.mkdir()
    (outside / "a.txt").write_text("outside", encoding="utf-8")
    (found,) = walk.walk(folder)
    shutil.rmtree(folder / "sub")
    (folder / "sub").symlink_to(outside)
    with pytest.raises(OSError), walk.opened(folder, found.path):
        pass


def test_the_same_folder_gives_the_same_bytes_whatever_the_order_on_disk(tmp_path: Path) -> None:
    names = [f"{number}-{kind}" for number in range(6) for kind in ("a.txt", "b.md", "c.jsonl", "d.csv")]
    made = []
    for seed in (1, 2):
        folder = tmp_path / str(seed) / "folder"
        folder.mkdir(parents=True)
        random.Random(seed).shuffle(names)
        for name in names:
            (folder / name).write_text(f'{{"text":"tekst van {name}"}}\n', encoding="utf-8")
        made.append((read(folder, tmp_path).raw, walk.digest(folder)))
    assert made[0] == made[1]


def test_names_that_are_not_utf_8_or_have_line_ends_are_shown_escaped(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in (b"new\nline.txt", b"bad\xff.txt", b"bad\\xff.txt", "rtl\u202e.txt".encode(), b"ok \xc3\xa9.txt"):
        (folder / os.fsdecode(name)).write_text("tekst", encoding="utf-8")
    found = read(folder, tmp_path)
    assert {one["path"] for one in found.manifest["paths"]} == {
        "new\\nline.txt",
        "bad\\xff.txt",
        "bad\\\\xff.txt",
        "rtl\\u202e.txt",
        "ok é.txt",
    }
    assert found.facts["accepted"] == 5


def test_counts_add_up_and_hidden_files_are_accounted_for(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / ".git").mkdir(parents=True)
    (folder / ".git" / "config").write_text("x", encoding="utf-8")
    (folder / "~$brief.docx").write_bytes(b"lock")
    (folder / "empty.txt").touch()
    (folder / "a.txt").write_text("tekst", encoding="utf-8")
    found = read(folder, tmp_path)
    counts = found.manifest["counts"]
    assert counts["paths"] == 4 == counts["accepted"] + counts["held"] + counts["refused"]
    assert found.path(".git/config")["why"].startswith("a hidden file")
    assert found.path("~$brief.docx")["why"] == "a lock file of an office program"
    assert found.path("empty.txt")["why"] == "it is empty"


def test_a_folder_of_plain_files_has_the_digest_of_an_artifact_and_others_have_one_too(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.txt").write_text("tekst", encoding="utf-8")
    assert walk.digest(folder) == Artifact.of(folder, "folder").digest
    taken = walk.Folder.of(folder, "folder")
    assert taken.intact()
    (folder / "link").symlink_to("/nowhere")
    assert not taken.intact()
    first = walk.digest(folder)
    (folder / "link").unlink()
    (folder / "link").symlink_to("/elsewhere")
    assert walk.digest(folder) != first


def test_a_folder_that_is_not_there_or_is_a_link_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    for name in ("nothing", "link"):
        with pytest.raises(HelderError):
            walk.walk(tmp_path / name)


def test_a_single_file_is_a_folder_of_one(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("tekst", encoding="utf-8")
    found = read(tmp_path / "a.txt", tmp_path)
    assert found.text("a.txt") == "tekst"
