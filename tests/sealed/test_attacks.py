"""Rooms of stages, attacked from inside: as root and as a user without rights, at both levels, and without any."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from helder.ledger.environment import PACKAGE
from helder.sealed import attacks, attempts, room

USERS = ["root", "unprivileged"]
NOBODY = 65534
CODE = """
import json, sys
sys.path.insert(0, sys.argv[1])
from helder.sealed import attacks, room
level = int(sys.argv[2])
print(json.dumps([attacks.on_room(level), attacks.stopped(level), room.prove(level) if len(sys.argv) > 3 else ""]))
"""
# What only one kind of user, kernel or network is given outside of any room, so that it may fail there too.
NOT_ALWAYS = {
    *("read the first process's environment", "become root", "raise a limit", "load a program into the kernel"),
    *("read the disk", "read the machine's memory", "read the kernel's memory", "read the kernel's messages"),
    *("press the machine's keys", "gain capabilities", "find files that were left open", "unmount", "move a mount"),
    *("change the root by a mount", "open a file by its number", "ask for a key", "load another kernel"),
    *("load a module", "set the clock", "reach another machine", "ask for the address of a name"),
    *("have the kernel encrypt", "reach an interface past the kernel", "speak with the machine below this one"),
    *("reach a port of the machine, version 6", "trace the kernel", "make a control group", "type into a terminal"),
    *("leave an attribute at an input", "catch faults of memory", "make a ring for input and output"),
    *("count what the processor does", "name a file by its number", "change a mount"),
}


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Helder's rooms where every user can read them."""
    place = Path("/var/tmp") / f"helder-test-{os.getpid()}"
    shutil.copytree(PACKAGE / "sealed", place / "helder" / "sealed", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("__init__.py", "errors.py"):
        shutil.copy(PACKAGE / name, place / "helder" / name)
    place.chmod(0o755)
    yield place
    shutil.rmtree(place)


def attacked(user: str, level: int, copied: Path) -> tuple[dict[str, str], list[str]]:
    """What came of each attempt, and which ones such a room stops."""
    if user == "unprivileged" and os.geteuid() == 0:
        command = ["/usr/bin/python3", "-I", "-c", CODE, str(copied), str(level)]
        if not Path(command[0]).exists():
            pytest.skip("no Python that other users can run")
        done = subprocess.run(
            command, user=NOBODY, group=NOBODY, extra_groups=[], cwd="/", env={"PATH": os.environ["PATH"]},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        found, stopped, _ = json.loads(done.stdout)
        return found, stopped
    if user == "root" and os.geteuid():
        pytest.skip("not root")
    return attacks.on_room(level), attacks.stopped(level)


@pytest.mark.parametrize("level", [room.CLOSED, room.INNER])
@pytest.mark.parametrize("user", USERS)
def test_nothing_gets_out_but_what_the_label_of_the_level_says(user: str, level: int, copied: Path) -> None:
    if isinstance(room.prove(level), str):
        pytest.skip(f"level {level} cannot be had on this machine: {room.prove(level)}")
    found, stopped = attacked(user, level, copied)
    done = {name for name, how in found.items() if how.startswith("done")}
    assert len(stopped) >= 60
    assert done & set(stopped) == set(), {name: found[name] for name in done & set(stopped)}
    # Exactly the labelled ones: what a level leaves open is open, so that its label says no more than is true.
    assert set(found) - set(stopped) == done


def test_without_a_room_the_harmless_ones_succeed() -> None:
    found = attacks.on_nothing()
    refused = {name for name, how in found.items() if how.startswith("refused")}
    assert refused <= NOT_ALWAYS, {name: found[name] for name in refused - NOT_ALWAYS}
    assert len(found) - len(refused) >= 60


def test_a_room_that_one_attempt_gets_out_of_is_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    found = dict.fromkeys(attacks.stopped(room.CLOSED), "refused: x") | {"read /etc/shadow": "done: 3 bytes"}
    monkeypatch.setattr(attacks, "on_room", lambda level: found)
    assert room.prove.__wrapped__(room.CLOSED) == "A program in such a room can read /etc/shadow."
    monkeypatch.setattr(attacks, "on_room", lambda level: {})
    assert isinstance(room.prove.__wrapped__(room.CLOSED), str), "what was not tried is not refused"


def test_every_attempt_says_where_it_is_stopped() -> None:
    tried = attempts.attempts("/x", attempts.Outside())
    assert len(tried) > 100
    assert all(one.stopped and set(one.stopped) <= set(attempts.EVERYWHERE) for one in tried.values())
