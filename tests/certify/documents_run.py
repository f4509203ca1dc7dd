"""The smallest real run that begins with a folder of documents, with its traps, and with decisions of people."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from helder import pipeline
from helder.data.decisions import Decision, Decisions, Word
from helder.examples.handbook import folder as handbook
from helder.project import Project
from helder.trace.streams import indexed
from tests.certify.small_run import one_thread
from tests.examples.test_recipes import run_here, small

TAKEN = (  # of the handbook's folder
    *("huisregels.md", "kopie/huisregels (kopie).md", "oud/huisregels-2023.md", "rooms.txt", "vrijwilligers.docx"),
    *("welkom.html", "brochure.pdf", "vraag-van-een-buurvrouw.eml", "wifi.txt", "zorg/intake-mevrouw-j.txt"),
    *("foto-club/over-ons.html", "oud/archief-2019.zip", "oud/leeg.txt"),
)
ACCEPTED, REFUSED = "foto-club/over-ons.html", "zorg/intake-mevrouw-j.txt"
PERSONAL = "Willemijn Voorbeeld"  # stands in a letter, and in nothing that a certificate says
NUMBER = "111222333"


def make(folder: Path) -> Project:
    """Run it; its stages run in this process."""
    with pytest.MonkeyPatch.context() as patch, one_thread():
        patch.setenv("OMP_NUM_THREADS", "1")
        run_here(patch)
        project = small("handbook", folder, steps=2)
        documents = folder / "documents"
        shutil.rmtree(documents)
        files = handbook.files()
        for name in TAKEN:
            path = documents / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(files[name])
        asked = [json.loads(line) for line in (folder / "test.jsonl").read_text(encoding="utf-8").splitlines()]
        near = files["rooms.txt"] + b"Vraag het aan de balie.\n"
        (documents / "rooms-2.txt").write_bytes(near)
        leak = f"Vaak gevraagd aan de bar: {asked[0]['input']} {asked[0]['output']}"
        (documents / "gevraagd.txt").write_text(leak, encoding="utf-8")
        recipe = project.path.read_text(encoding="utf-8").replace("[[train]]\n", "[[train]]\nstates = 1\n")
        recipe = recipe.replace('personal_data = "hold" ', 'personal_data = "redact" ')
        project.path.write_text(recipe, encoding="utf-8")
        project = Project.open(folder)
        pipeline.prepare(project)
        decide(project)
        project = Project.open(folder)
        pipeline.run(project)
        indexed(project)
    return project


def decide(project: Project) -> None:
    """A person accepts one of the documents that wait, and refuses another."""
    made = pipeline.made(project)["clean"].path
    account = json.loads((made / "account.json").read_text(encoding="utf-8"))
    ids = {one["path"]: one["id"] for one in account["documents"]}
    words: tuple[tuple[Word, str], ...] = (("accept", ACCEPTED), ("refuse", REFUSED))
    decided = [Decision(word, ids[path], path, "", "asked the club", "2026-01-13") for word, path in words]
    Decisions(tuple(decided)).write(project.folder / "decisions.json")
