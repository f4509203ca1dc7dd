"""Programs of strangers, run by a stage that is in a closed room itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helder.ledger.run_folder import RunFolder
from helder.sealed import broker, room
from helder.stage import Stage, run


def test_a_stage_in_a_closed_room_judges_programs_in_rooms_of_their_own(tmp_path: Path) -> None:
    if room.proved().level < room.CLOSED:
        pytest.skip("no closed rooms here")
    folder = RunFolder(tmp_path / "run")
    stage = Stage("judge", "tests.fake_stages:judges", {}, {})
    made = run(stage, folder, lambda event: None)
    told = json.loads((made.path / "judged.json").read_text(encoding="utf-8"))
    assert told["sum"] == "6\n"
    assert told["sleeps"] == "wall"
    assert told["refused"] > 30
    said = folder.find(stage.key)
    assert said is not None
    assert said.predicate["seal"]["level"] == room.CLOSED
    assert said.predicate["seal"]["packets"] == {"left": 0, "loopback": 0}


@given(st.dictionaries(st.text(max_size=5), st.binary(max_size=40), max_size=4))
def test_files_come_as_they_were_sent(files: dict[str, bytes]) -> None:
    assert broker.unpacked(broker.packed(files)) == files


@given(st.binary(max_size=60))
def test_anything_else_is_refused_or_read_whole(data: bytes) -> None:
    try:
        found = broker.unpacked(data)
    except (ValueError, UnicodeDecodeError):
        return
    assert sum(len(name.encode()) + len(contents) + 16 for name, contents in found.items()) <= len(data)


def test_outside_of_a_room_nobody_is_asked() -> None:
    assert not broker.near()
