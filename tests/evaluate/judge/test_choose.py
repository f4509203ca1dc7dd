"""Which of many programs are handed in."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helder.evaluate.judge.choose import CHOICES, Candidate, Choose, Subtask, bare, by_gain, points, round_robin

SUBTASKS = [Subtask("easy", 10), Subtask("middle", 30), Subtask("hard", 60)]


def made(
    id: str, aim: str, public: float = 1.0, length: int = 1, runs: bool = True, shares: dict[str, float] | None = None
) -> Candidate:
    return Candidate(id, aim, public, length, runs, id, shares or {})


def test_round_robin_begins_with_the_hardest_and_takes_public_score_before_length() -> None:
    candidates = [
        made("e", "easy", 1.0, 9),
        made("m", "middle", 1.0, 9),
        made("h-short", "hard", 1.0, 2),
        made("h-long", "hard", 1.0, 5),
        made("h-wrong", "hard", 0.0, 99),
        made("h-broken", "hard", 0.0, 99, runs=False),
    ]
    assert [one.id for one in round_robin(candidates, SUBTASKS)] == ["h-long", "m", "e", "h-short", "h-wrong"]


def test_round_robin_ends_its_turns_when_as_many_are_solved_or_used_up_as_there_are() -> None:
    # The first solves all and passes the public tests: four of three are done, and the rest follows by score.
    all_of_it = {"easy": 1.0, "middle": 1.0, "hard": 1.0}
    candidates = [made("h", "hard", shares=all_of_it), made("e", "easy", 0.5, 9), made("m", "middle", 0.9, 1)]
    assert [one.id for one in round_robin(candidates, SUBTASKS)] == ["h", "m", "e"]
    unsolved = [replace(one, shares={}) for one in candidates]
    assert [one.id for one in round_robin(unsolved, SUBTASKS)] == ["h", "m", "e"]
    # With nothing solved, the easy one has its turn before the second for the middle.
    more = [*unsolved, made("m2", "middle", 0.8, 1)]
    assert [one.id for one in round_robin(more, SUBTASKS)] == ["h", "m", "e", "m2"]
    solved = [*candidates, made("m2", "middle", 0.8, 1)]
    assert [one.id for one in round_robin(solved, SUBTASKS)] == ["h", "m", "m2", "e"]


def test_by_gain_leaves_what_gives_nothing_new_and_the_same_program_twice() -> None:
    solves_hard = {"easy": 1.0, "middle": 0.0, "hard": 1.0}
    candidates = [made(f"h{number}", "hard", shares=solves_hard) for number in range(3)]
    candidates += [made(f"m{number}", "middle") for number in range(3)]
    again = replace(candidates[0], id="again", code="h0 // as before\n")
    chosen = [one.id for one in by_gain([*candidates, again], SUBTASKS, 3)]
    assert chosen[:2] == ["h0", "m0"]
    assert "again" not in [one.id for one in by_gain([*candidates, again], SUBTASKS)]


def test_what_is_not_handed_in_is_not_looked_at() -> None:
    candidates = [made(f"{aim}{number}", aim) for aim in ("easy", "middle", "hard") for number in range(30)]
    for choose in (round_robin, by_gain):
        chosen = choose(candidates, SUBTASKS, 50)
        ids = {one.id for one in chosen}
        others = [one if one.id in ids else replace(one, shares={"hard": 1.0}) for one in candidates]
        assert [one.id for one in choose(others, SUBTASKS, 50)] == [one.id for one in chosen]


shares = st.sampled_from([0.0, 0.0, 0.5, 1.0])
candidates_of = st.lists(
    st.builds(
        lambda aim, public, length, runs, code, *got: Candidate(
            "", aim, public, length, runs, code, dict(zip(("easy", "middle", "hard"), got, strict=True))
        ),
        st.sampled_from(["easy", "middle", "hard", ""]),
        shares,
        st.integers(1, 9),
        st.booleans(),
        st.sampled_from(["int a;", "int b;", "int  a; // b"]),
        shares,
        shares,
        shares,
    ),
    max_size=30,
).map(lambda found: [replace(one, id=str(place)) for place, one in enumerate(found)])


@pytest.mark.parametrize("choose", CHOICES.values(), ids=list(CHOICES))
@given(candidates=candidates_of, most=st.integers(1, 12))
def test_a_choice_is_of_programs_that_run_each_once_and_never_more_than_allowed(
    choose: Choose, candidates: list[Candidate], most: int
) -> None:
    chosen = choose(candidates, SUBTASKS, most)
    assert len({one.id for one in chosen}) == len(chosen) <= most
    assert all(one.runs and one in candidates for one in chosen)
    assert 0 <= points(chosen, SUBTASKS) <= points(candidates, SUBTASKS) <= 100
    different = {bare(one.code) for one in candidates if one.runs}
    assert len(chosen) >= min(most, len(different))  # as many as may be, of what differs


def test_points_are_the_sum_over_subtasks_of_the_best() -> None:
    chosen = [
        made("a", "hard", shares={"easy": 1.0, "hard": 0.5}),
        made("b", "easy", shares={"easy": 0.0, "middle": 1.0}),
    ]
    assert points(chosen, SUBTASKS) == 10 + 30 + 30
    assert points([], SUBTASKS) == 0
