"""Bombs are refused within about a second, and the other files are read."""

from __future__ import annotations

import io
import os
import signal
import time
import zipfile
from pathlib import Path

import pytest

from helder.data.extract import kinds, workers
from helder.data.extract.form import Document, Documents, Extracted, Limits
from helder.data.extract.plain import text
from helder.data.extract.source import Source
from helder.examples.handbook import office
from tests.data.extract.reading import read

pytest.importorskip("selectolax")
pytest.importorskip("pypdfium2")


def decompression_bomb() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "x")
        archive.writestr("word/document.xml", b"<a>" + b" " * 30_000_000)
    return stream.getvalue()


def entity_bomb(encoding: str = "utf-8") -> bytes:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "x" * 1000}">' for n in range(10))
    text = f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE d [{entities}]><d>&e9;</d>'
    return office.zipped({"[Content_Types].xml": "x", "word/document.xml": text.encode(encoding)})


def deep_xml() -> bytes:
    return office.zipped({"[Content_Types].xml": "x", "word/document.xml": "<a>" * 50_000 + "</a>" * 50_000})


def million_objects() -> bytes:
    objects = b"".join(b"%d 0 obj\n1\nendobj\n" % number for number in range(3, 600_000))
    start = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n"
    return start + objects + b"trailer<</Root 1 0 R/Size 600000>>\nstartxref\n0\n%%EOF"


BOMBS = {
    "bomb.docx": (decompression_bomb, "a decompression bomb"),
    "entities.docx": (entity_bomb, "an entity bomb"),
    "entities-16.docx": (lambda: entity_bomb("utf-16"), "an entity bomb"),
    "deep.docx": (deep_xml, "deep"),
    "deep.html": (lambda: b"<html>" + b"<div>" * 200_000, "deep inside one another"),
    "million.pdf": (million_objects, "objects"),
    "deep.json": (lambda: b"[" * 1_000_000, "too deep"),
}


def test_bombs_are_refused_in_about_a_second_and_the_others_go_on(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for name, (make, _) in BOMBS.items():
        (folder / name).write_bytes(make())
    (folder / "a.txt").write_text("tekst", encoding="utf-8")
    (folder / "z.txt").write_text("tekst", encoding="utf-8")
    before = os.times()
    found = read(folder, tmp_path)
    after = os.times()
    spent = sum(after[:4]) - sum(before[:4])
    assert spent < 1.5 * len(BOMBS), "processor time of all of them"
    for name, (_, why) in BOMBS.items():
        assert found.path(name)["state"] == "refused", name
        assert why in found.path(name)["why"], name
    assert found.facts["accepted"] == 2


def spin(source: Source, found: Extracted, limits: Limits) -> Documents:
    deadline = time.process_time() + 60
    while time.process_time() < deadline:
        pass
    yield from ()


def eat(source: Source, found: Extracted, limits: Limits) -> Documents:
    kept = [bytes(1 << 26) for _ in range(1000)]
    yield from kept and ()


def crash(source: Source, found: Extracted, limits: Limits) -> Documents:
    os.kill(os.getpid(), signal.SIGSEGV)
    yield from ()


def fail(source: Source, found: Extracted, limits: Limits) -> Documents:
    raise KeyError("what")
    yield from ()


@pytest.mark.parametrize(
    ("reader", "why"),
    [
        (spin, "more processor time than a file of its size may take"),
        (eat, "memory"),
        (crash, "its reader crashed (SIGSEGV)"),
        (fail, "its reader failed on it (KeyError"),
    ],
)
def test_a_reader_that_spins_eats_crashes_or_fails_costs_its_file_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reader: kinds.Read, why: str
) -> None:
    monkeypatch.setattr(kinds.Reader, "load", lambda self: reader if self.media_type == "text/markdown" else text)
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in ("a.txt", "b.md", "c.txt", "d.md", "e.txt"):
        (folder / name).write_text(f"tekst van {name}", encoding="utf-8")
    found = read(folder, tmp_path, {"seconds": 0.2, "memory": 500_000_000})
    assert [one["state"] for one in found.manifest["paths"]] == ["accepted", "refused"] * 2 + ["accepted"]
    assert why in found.path("b.md")["why"]
    assert [d["path"] for d in found.documents] == ["a.txt", "c.txt", "e.txt"]


def hang(source: Source, found: Extracted, limits: Limits) -> Documents:
    signal.pause()
    yield from ()


def test_a_reader_that_hangs_costs_its_file_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds.Reader, "load", lambda self: hang if self.media_type == "text/markdown" else text)
    monkeypatch.setattr(workers, "PATIENCE", 0.01)
    monkeypatch.setattr(workers, "PATIENCE_FROM", 0.3)
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in ("a.txt", "b.md", "c.txt"):
        (folder / name).write_text(f"tekst van {name}", encoding="utf-8")
    found = read(folder, tmp_path)
    assert [one["state"] for one in found.manifest["paths"]] == ["accepted", "refused", "accepted"]
    assert "took longer than 0 s on the clock" in found.path("b.md")["why"]


def test_more_files_than_a_worker_gets_at_once_come_in_order_whichever_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kinds.Reader, "load", lambda self: crash if self.media_type == "text/markdown" else text)
    folder = tmp_path / "folder"
    folder.mkdir()
    names = [f"{number:03}.{'md' if number in (0, 63, 64, 65, 199) else 'txt'}" for number in range(200)]
    for name in names:
        (folder / name).write_text(f"tekst van {name}", encoding="utf-8")
    found = read(folder, tmp_path)
    assert [one["path"] for one in found.manifest["paths"]] == names
    assert [one["path"] for one in found.manifest["paths"] if one["state"] == "refused"] == [
        name for name in names if name.endswith("md")
    ]
    assert [d["path"] for d in found.documents] == [name for name in names if name.endswith("txt")]


def many(source: Source, found: Extracted, limits: Limits) -> Documents:
    """Rows of more bytes than are written at once, after which a file whose name says so ends badly."""
    for number in range(3000):
        yield Document("", f"{source.name} {number} " + "woord " * 100, [], row=f"row {number}")
    if source.name.startswith("bad"):
        os.kill(os.getpid(), signal.SIGSEGV)
    if source.name.startswith("fails"):
        raise KeyError("what")


def test_the_manifest_lists_the_documents_of_each_table_whatever_ended_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kinds.Reader, "load", lambda self: many if self.media_type == "text/markdown" else text)
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in ("a.txt", "bad.md", "c.md", "d.txt", "fails.md", "g.md"):
        (folder / name).write_text(f"tekst van {name}", encoding="utf-8")
    found = read(folder, tmp_path)
    assert [len(one["documents"]) for one in found.manifest["paths"]] == [1, 0, 3000, 1, 0, 3000]
    for one in found.manifest["paths"]:
        assert one["documents"] == [d["id"] for d in found.documents if d["path"] == one["path"]]


def test_a_text_beyond_the_limit_is_refused_not_cut(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.txt").write_text("tekst " * 100, encoding="utf-8")
    (folder / "b.txt").write_text("kort", encoding="utf-8")
    found = read(folder, tmp_path, {"text": 500})
    assert "more than 500 characters" in found.path("a.txt")["why"]
    assert [d["path"] for d in found.documents] == ["b.txt"]


def test_a_larger_file_may_take_longer() -> None:
    assert workers.allowance(0, Limits()) == 1.0
    assert workers.allowance(30_000_000, Limits()) == 31.0
