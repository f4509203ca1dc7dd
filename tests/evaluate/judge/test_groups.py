"""Verdicts and scores: from tests to groups to the submission, by the rules of both formats."""

from collections.abc import Callable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helder.evaluate.judge.groups import Graded, Outcome, grade, legacy_grade
from helder.evaluate.judge.problem import Group, LegacyRules, Limits, Problem, Rules, Test

NAMES = {"A": "AC", "W": "WA", "T": "TLE", "R": "RE", "J": "JE"}


def cases(group: str, count: int) -> tuple[Test, ...]:
    return tuple(Test(f"{group}/{one}", b"", b"") for one in range(count))


def problem(*items: Group | Test, rules: Rules | None = None, scoring: bool = True, scores: str = "no") -> Problem:
    """A problem with one sample, and secret groups or tests."""
    sample = Group("sample", cases("sample", 1))
    secret = Group("secret", items, rules or Rules("sum", 100.0))
    return Problem("p", "2025-09", scoring, False, {}, Group("", (sample, secret)), Limits(), validator_scores=scores)


def subtask(name: str, count: int, rules: Rules) -> Group:
    return Group(f"secret/{name}", cases(f"secret/{name}", count), rules)


def run(
    made: Problem, outcomes: Mapping[str, str | Outcome], only: str | None = None, every: bool = False
) -> tuple[Graded, list[str]]:
    """What comes out when tests end so ("A": accepted; what is not named is), and which were asked for."""
    asked: list[str] = []

    def ask(test: Test) -> Outcome:
        asked.append(test.name)
        outcome = outcomes.get(test.name, "A")
        return outcome if isinstance(outcome, Outcome) else Outcome(NAMES[outcome])

    return grade(made, ask, only=only, every=every), asked


def points(graded: Graded) -> dict[str, float | None]:
    return {group.name: group.points for group in graded.groups}


# -- format 2025-09 -------------------------------------------------------------------------------------------------

OLYMPIAD = problem(
    subtask("1", 2, Rules("pass-fail", 20.0)),
    subtask("2", 3, Rules("min", 30.0)),
    subtask("3", 5, Rules("sum", 50.0)),
    scores="may",
)


def test_everything_accepted_is_all_of_the_points() -> None:
    graded, asked = run(OLYMPIAD, {})
    assert (graded.verdict, graded.points) == ("AC", 100.0)
    assert points(graded) == {
        "": 100.0,
        "sample": None,
        "secret": 100.0,
        "secret/1": 20,
        "secret/2": 30,
        "secret/3": 50,
    }
    assert asked == [test.name for test in OLYMPIAD.data.tests()]


def test_a_subtask_is_the_least_of_its_tests_and_a_sum_counts_each() -> None:
    part = Outcome("AC", share=0.4)
    graded, _ = run(OLYMPIAD, {"secret/1/1": "W", "secret/2/1": part, "secret/3/0": "T", "secret/3/2": part})
    assert points(graded) == {"": 46.0, "sample": None, "secret": 46.0, "secret/1": 0, "secret/2": 12, "secret/3": 34}
    assert (graded.verdict, graded.points) == ("PA", 46.0)


def test_no_points_have_the_verdict_of_the_first_test_that_failed() -> None:
    graded, _ = run(OLYMPIAD, {test.name: "R" if "/2/" in test.name else "W" for test in OLYMPIAD.data.tests()})
    assert (graded.verdict, graded.points) == ("WA", 0.0)


def test_a_group_is_left_when_its_points_are_certain() -> None:
    _, asked = run(OLYMPIAD, {"secret/1/0": "W", "secret/2/0": "W", "secret/3/0": "W"})
    assert asked == ["sample/0", "secret/1/0", "secret/2/0", *(f"secret/3/{one}" for one in range(5))]
    _, asked = run(OLYMPIAD, {"secret/1/0": "W"}, every=True)
    assert len(asked) == 11


@pytest.mark.parametrize("count", [1, 3, 7, 11, 49])
def test_equal_parts_add_up_to_the_whole(count: int) -> None:
    graded, _ = run(problem(*cases("secret", count)), {})
    assert (graded.verdict, graded.points) == ("AC", 100.0)
    graded, _ = run(problem(subtask("1", count, Rules("sum", 100.0))), {})
    assert (graded.verdict, graded.points) == ("AC", 100.0)


def test_samples_count_for_no_points() -> None:
    graded, _ = run(OLYMPIAD, {"sample/0": "W"})
    assert (graded.verdict, graded.points) == ("AC", 100.0)
    assert graded.groups[0].verdict == "WA"  # what the tests say, all together


def test_samples_alone_are_passed_or_failed() -> None:
    assert run(OLYMPIAD, {}, only="sample")[0].points == 1.0
    graded, asked = run(OLYMPIAD, {"sample/0": "T"}, only="sample")
    assert (graded.verdict, graded.points, asked) == ("TLE", 0.0, ["sample/0"])


def test_a_group_that_requires_another_is_not_run_without_it() -> None:
    made = problem(
        subtask("1", 1, Rules("pass-fail", 40.0)),
        subtask("2", 1, Rules("pass-fail", 60.0, require_pass=("secret/1",))),
    )
    graded, asked = run(made, {"secret/1/0": "W"})
    assert asked == ["sample/0", "secret/1/0"]
    assert (graded.verdict, graded.points) == ("WA", 0.0)
    assert {group.name: group.verdict for group in graded.groups}["secret/2"] == ""
    assert run(made, {})[0].points == 100.0


def test_secret_may_require_the_samples() -> None:
    made = problem(*cases("secret", 2), rules=Rules("sum", 100.0, require_pass=("sample",)))
    graded, asked = run(made, {"sample/0": "R"})
    assert (graded.verdict, graded.points, asked) == ("RE", 0.0, ["sample/0"])


def test_pass_fail_stops_at_the_first_test_that_failed() -> None:
    made = problem(*cases("secret", 3), rules=Rules(), scoring=False)
    graded, asked = run(made, {"secret/1": "T", "secret/2": "W"})
    assert (graded.verdict, graded.points, asked) == ("TLE", 0.0, ["sample/0", "secret/0", "secret/1"])
    graded, asked = run(made, {"sample/0": "W"})
    assert (graded.verdict, asked) == ("WA", ["sample/0"])
    assert run(made, {})[0].points == 1.0


def test_without_a_greatest_score_the_validator_gives_it() -> None:
    made = problem(*cases("secret", 2), rules=Rules("sum", None), scores="may")
    good = {"secret/0": Outcome("AC", score=3.5), "secret/1": Outcome("AC", score=10)}
    graded, _ = run(made, good)
    assert (graded.verdict, graded.points) == ("AC", 13.5)
    graded, _ = run(made, good | {"secret/1": "W"})
    assert (graded.verdict, graded.points) == ("PA", 3.5)


@pytest.mark.parametrize(
    ("group", "outcome", "why"),
    [
        ("1", Outcome("AC", score=5), "a score where tests have none"),
        ("2", Outcome("AC", score=31), "31 points, at most 30"),
        ("3", Outcome("AC", score=10.5), "10.5 points, at most 10"),
        ("3", Outcome("WA", score=0), "did not accept"),
    ],
)
def test_a_validator_that_breaks_the_rules_of_scores_is_a_judge_error(group: str, outcome: Outcome, why: str) -> None:
    graded, _ = run(OLYMPIAD, {f"secret/{group}/0": outcome})
    assert graded.verdict == "JE" and why in graded.message


def test_an_unbounded_test_without_a_score_is_a_judge_error() -> None:
    graded, _ = run(problem(*cases("secret", 1), rules=Rules("sum", None), scores="may"), {})
    assert graded.verdict == "JE" and "no score" in graded.message


def test_points_of_groups_above_the_greatest_score_are_a_judge_error() -> None:
    made = problem(subtask("1", 1, Rules("sum", 80.0)), subtask("2", 1, Rules("sum", 80.0)))
    assert run(made, {})[0].verdict == "JE"


@pytest.mark.parametrize("place", ["sample/0", "secret/1/0", "secret/3/4"])
def test_a_judge_error_anywhere_ends_it(place: str) -> None:
    graded, asked = run(OLYMPIAD, {place: Outcome("JE", message="the disk is full")})
    assert graded.verdict == "JE" and asked[-1] == place and "the disk is full" in graded.message


# -- properties -----------------------------------------------------------------------------------------------------


@st.composite
def scored(draw: Callable[..., object]) -> tuple[Problem, dict[str, str | Outcome]]:
    """A problem whose groups add up to its points, and how its tests end."""
    groups, outcomes = [], {}
    for place in range(draw(st.integers(1, 3))):  # type: ignore[call-overload]
        rules = Rules(str(draw(st.sampled_from(["sum", "min", "pass-fail"]))), 20.0)
        groups.append(subtask(str(place), int(draw(st.integers(1, 3))), rules))  # type: ignore[call-overload]
        for test in groups[-1].items:
            outcomes[test.name] = draw(st.sampled_from(["A", "A", "W", "T", "R"]))
    return problem(*groups, rules=Rules("sum", 100.0)), outcomes  # type: ignore[return-value]


@given(scored())
def test_running_every_test_gives_the_same_verdict_and_points(case: tuple[Problem, dict[str, str | Outcome]]) -> None:
    made, outcomes = case
    graded, asked = run(made, outcomes)
    all_of_it, every = run(made, outcomes, every=True)
    assert (graded.verdict, graded.points) == (all_of_it.verdict, all_of_it.points)
    assert [name for name in every if name in asked] == asked


@given(scored(), st.randoms(use_true_random=False))
def test_one_more_accepted_test_never_costs_points(
    case: tuple[Problem, dict[str, str | Outcome]], draw: object
) -> None:
    made, outcomes = case
    before = run(made, outcomes)[0].points
    better = dict(outcomes) | {sorted(outcomes)[len(outcomes) // 2]: "A"}
    assert before <= run(made, better)[0].points <= 100


# -- format legacy --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rules", "results", "graded"),
    [
        (LegacyRules(), [("AC", 1), ("AC", 2)], ("AC", 3.0)),
        (LegacyRules(), [], ("AC", 0.0)),
        (LegacyRules(), [("WA", 0), ("RE", 0), ("TLE", 0)], ("RE", 0.0)),
        (LegacyRules(verdict="first_error"), [("AC", 1), ("WA", 0), ("RE", 0)], ("WA", 1.0)),
        (LegacyRules(verdict="always_accept", score="min"), [("WA", 0), ("AC", 4)], ("AC", 0.0)),
        (LegacyRules(accept_if_any_accepted=True, score="max"), [("WA", 0), ("AC", 4)], ("AC", 4.0)),
        (LegacyRules(score="avg"), [("AC", 1), ("AC", 0), ("AC", 0)], ("AC", 0.333333)),
        (LegacyRules(ignore_sample=True), [("WA", 7), ("AC", 4)], ("AC", 4.0)),
        (LegacyRules(ignore_sample=True), [("AC", 4)], ("AC", 4.0)),
    ],
)
def test_the_default_grader_of_the_legacy_format(
    rules: LegacyRules, results: list[tuple[str, float]], graded: tuple[str, float]
) -> None:
    assert legacy_grade(results, rules) == graded


def legacy(*items: Group | Test, scoring: bool = True, root: LegacyRules | None = None, **rules: object) -> Problem:
    sample = Group("sample", cases("sample", 1), LegacyRules(accept_score=0.0))
    secret = Group("secret", items, LegacyRules(**rules))  # type: ignore[arg-type]
    data = Group("", (sample, secret), root or LegacyRules(on_reject="continue"))
    return Problem("p", "legacy", scoring, False, {}, data, Limits())


def test_a_legacy_group_stops_at_the_first_rejected_test_unless_it_continues() -> None:
    made = legacy(*cases("secret", 3), scoring=False)
    assert run(made, {"secret/0": "W", "secret/1": "R"})[1] == ["sample/0", "secret/0"]
    made = legacy(*cases("secret", 3), scoring=False, on_reject="continue")
    graded, asked = run(made, {"secret/0": "W", "secret/1": "R"})
    assert (graded.verdict, len(asked)) == ("RE", 4)


def test_a_legacy_score_below_the_best_one_is_a_part_of_it() -> None:
    group = [
        Group(f"secret/{one}", cases(f"secret/{one}", 2), LegacyRules(score="min", accept_score=50.0)) for one in "ab"
    ]
    made = legacy(*group, verdict="always_accept", on_reject="continue")
    graded, _ = run(made, {"secret/a/1": "W"})
    assert (graded.verdict, graded.points) == ("PA", 50.0)
    assert (run(made, {})[0].verdict, run(made, {})[0].points) == ("AC", 100.0)


def test_a_legacy_score_of_a_rejected_submission_is_ignored() -> None:
    graded, _ = run(legacy(*cases("secret", 2), accept_score=10.0, on_reject="continue"), {"secret/1": "W"})
    assert (graded.verdict, graded.points, points(graded)["secret"]) == ("WA", 0.0, 10.0)
