from __future__ import annotations

from pathlib import Path

from helder.sealed import room


def test_the_open_room_changes_no_command_and_claims_no_seal() -> None:
    command = ["python", "-m", "helder.stage_child", "job.json"]
    assert room.enter(command, reads=[Path("in")], writes=[Path("out")]) == command
    assert room.LEVEL == 0
