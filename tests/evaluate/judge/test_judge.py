"""Whole submissions are judged: compiled once, in a room of their own, with validators in another."""

import time
from pathlib import Path
from typing import Any

import pytest

from helder.errors import ExitCode, HelderError
from helder.evaluate.judge import run, validate
from helder.evaluate.judge.groups import Outcome
from helder.evaluate.judge.judge import Judge, Judged, JudgeError
from helder.evaluate.judge.package import read
from helder.evaluate.judge.problem import Limits, Problem, Source, Validator
from helder.sealed import untrusted
from tests.evaluate.judge import packages
from tests.evaluate.judge.packages import STATEMENT, SUM, SUMS, cases, new, write


@pytest.fixture(scope="module", autouse=True)
def rooms() -> None:
    try:
        untrusted.proved()
    except HelderError as error:
        pytest.skip(f"no rooms on this machine: {error}")


def made(folder: Path, *parts: packages.Files) -> Problem:
    return read(write(folder / "p", new(limits="{time_limit: 2}"), STATEMENT, SUMS, *parts))


def one(problem: Problem, source: str, **options: Any) -> Judged:
    with Judge(problem, workers=1) as judge:
        return judge.judge({"main.py": source.encode()}, **options)


@pytest.fixture(scope="module")
def legacy(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Problem]:
    return {folder.name: read(folder) for folder in packages.legacy_kinds(tmp_path_factory.mktemp("legacy"))}


def verdicts(problem: Problem, workers: int = 1, time_limit: float = 0.4) -> dict[str, Judged]:
    with Judge(problem, workers, time_limit) as judge:
        return {
            submission.path: judge.judge(submission.source.files)
            for submission in problem.submissions
            if submission.path.endswith(".py")
        }


# -- verdicts -------------------------------------------------------------------------------------------------------


def test_each_submission_of_a_package_becomes_what_its_folder_says_however_many_tests_run_at_once(
    legacy: dict[str, Problem],
) -> None:
    alone, together = verdicts(legacy["passfail"]), verdicts(legacy["passfail"], workers=3)
    assert {path: judged.verdict for path, judged in alone.items()} == {
        "accepted/sum.py": "AC",
        "run_time_error/crash.py": "RE",
        "time_limit_exceeded/slow.py": "TLE",
        "wrong_answer/three.py": "WA",
    }
    assert alone == together
    assert [test.name for test in together["run_time_error/crash.py"].tests] == ["sample/1", "secret/1", "secret/2"]


def test_a_program_that_does_not_compile_is_a_compile_error_with_the_compilers_words(tmp_path: Path) -> None:
    with Judge(made(tmp_path)) as judge:
        judged = judge.judge({"main.cpp": b"int main() { return x; }"})
    assert (judged.verdict, judged.score, judged.tests) == ("CE", 0.0, ()) and "not declared" in judged.told


@pytest.mark.parametrize(
    ("limits", "source", "told"),
    [
        ({"limits": "{time_limit: 1, code: 1}"}, SUM + "#" * 1100, "1138 bytes, 1024 are allowed"),
        ({"languages": "[cpp]"}, SUM, "Python 3 is not allowed"),
    ],
)
def test_what_may_not_be_handed_in_is_a_compile_error(
    tmp_path: Path, limits: dict[str, str], source: str, told: str
) -> None:
    judged = one(read(write(tmp_path / "p", new(**limits), STATEMENT, SUMS)), source)
    assert judged.verdict == "CE" and told in judged.told


def test_samples_alone_and_secret_tests_alone(tmp_path: Path) -> None:
    problem = made(tmp_path)
    assert one(problem, packages.THREE, only="sample").verdict == "AC"
    judged = one(problem, packages.THREE, only="secret")
    assert (judged.verdict, [test.name for test in judged.tests]) == ("WA", ["secret/1"])


def test_nobody_is_accepted_by_no_test(tmp_path: Path) -> None:
    problem = read(write(tmp_path / "p", new(), STATEMENT, cases("data/secret", {"1": ("1 2\n", "3\n")})))
    for only in ("sample", "samples"):
        with pytest.raises(HelderError, match="has no tests"):
            one(problem, SUM, only=only)


def test_many_submissions_are_judged_in_their_order(tmp_path: Path) -> None:
    sources = [SUM, packages.THREE, packages.CRASH, SUM]
    with Judge(made(tmp_path), workers=2) as judge:
        found = judge.judge_all([{"main.py": source.encode()} for source in sources])
    assert [judged.verdict for judged in found] == ["AC", "WA", "RE", "AC"]


def test_arguments_and_files_of_a_test_reach_the_submission(tmp_path: Path) -> None:
    files = {"data/secret/1.files/add.txt": "40\n", "data/secret/1.yaml": "args: ['2']\n", "data/secret/1.ans": "42\n"}
    source = "import os, sys\nprint(int(open('add.txt').read()) + int(sys.argv[1]) if os.path.exists('add.txt') else "
    problem = made(tmp_path, files)
    assert one(problem, source + "sum(map(int, input().split())))").verdict == "AC"


def test_included_files_are_put_to_the_submission_and_drive_it(legacy: dict[str, Problem]) -> None:
    assert verdicts(legacy["grader"])["accepted/solution.py"].verdict == "AC"


def test_what_runs_ahead_is_ended_when_it_is_not_wanted_any_more(tmp_path: Path) -> None:
    source = "a = input()\nwhile a != '1 2': pass\nprint(4)\n"
    began = time.monotonic()
    with Judge(made(tmp_path), workers=3, time_limit=60) as judge:
        judged = judge.judge({"main.py": source.encode()})
    assert (judged.verdict, len(judged.tests)) == ("WA", 1)
    assert time.monotonic() - began < 30  # the other tests would have taken a minute each


def test_without_a_time_limit_the_accepted_submissions_set_it(tmp_path: Path) -> None:
    folder = write(
        tmp_path / "p",
        new(limits="{time_resolution: 0.5, time_multipliers: {ac_to_time_limit: 1}}"),
        STATEMENT,
        SUMS,
        {"submissions/accepted/sum.py": SUM},
    )
    with Judge(read(folder)) as judge:
        assert judge.time_limit in (0.5, 1.0)  # twice the least when the machine is busy
    write(folder, {"submissions/accepted/Sum.java": "class Sum {}\n"})
    with Judge(read(folder)) as judge:
        assert "accepted/Sum.java did not help to set the time limit" in judge.notes[0]
    write(folder, {"submissions/submissions.yaml": "accepted: {use_for_time_limit: false}\n"})
    with pytest.raises(HelderError, match="has no time limit"), Judge(read(folder)):
        pass


@pytest.mark.parametrize(("failures", "verdict"), [(1, "AC"), (2, "JE")])
def test_a_room_that_fails_is_tried_once_more_and_then_is_a_judge_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failures: int, verdict: str
) -> None:
    works, rooms = run.Running.run, []

    def fails(running: run.Running, *arguments: Any) -> untrusted.Ended:
        rooms.append(running.room)
        if len(rooms) <= failures:
            raise HelderError("A room failed.", "the disk is full")
        return works(running, *arguments)

    monkeypatch.setattr(run.Running, "run", fails)
    judged = one(made(tmp_path), SUM)
    assert judged.verdict == verdict and rooms[0] is not rooms[1]
    assert verdict == "AC" or "the disk is full" in judged.told


# -- what a submission can see --------------------------------------------------------------------------------------

LOOKS = """import os, sys
found = []
for top in ("/program", "/writable", "/tmp", "/warden", "/var", "/home", "/root", "/proc"):
    for place, _, names in os.walk(top):
        for name in names:
            try:
                contents = open(os.path.join(place, name), "rb").read()
            except OSError:
                continue
            if b"canary" + b"-8f3a" in contents:
                found.append(os.path.join(place, name))
numbers = input().split()
print(*found or [sum(map(int, numbers))])
"""


def test_answers_other_tests_and_validators_are_not_in_the_room_of_a_submission(tmp_path: Path) -> None:
    canary = "canary-8f3a"
    validator = f"# {canary}\nimport sys\nsys.exit(42 if input() == open(sys.argv[2]).readline().strip() else 43)\n"
    problem = made(
        tmp_path,
        {name: f"{text}{canary}\n" for name, text in SUMS.items() if name.endswith(".ans")},
        {"output_validator/v.py": validator, "data/secret/4.in": f"1 1 {canary}\n", "data/secret/4.ans": "2\n"},
    )
    judged = one(problem, LOOKS.replace("numbers))", "numbers[:2]))"))
    assert [test.verdict for test in judged.tests] == ["AC"] * 5, judged.tests


# -- validators -----------------------------------------------------------------------------------------------------


def test_validators_judge_and_score_and_their_failures_are_judge_errors(legacy: dict[str, Problem]) -> None:
    found = verdicts(legacy["scores"])
    assert (found["accepted/off0.py"].verdict, found["accepted/off0.py"].score) == ("AC", 30.0)
    assert (found["partially_accepted/off4.py"].verdict, found["partially_accepted/off4.py"].score) == ("PA", 18.0)
    assert found["partially_accepted/off4.py"].tests[0].message == "off by 4"
    assert (found["wrong_answer/off10.py"].verdict, found["wrong_answer/off10.py"].score) == ("WA", 0.0)
    for path, why in (("off13", "exited with 7"), ("off17", "signalled with 6")):
        judged = found[f"wrong_answer/{path}.py"]
        assert judged.verdict == "JE" and why in judged.told
        assert judged.to_json()["score"] is None
        with pytest.raises(JudgeError) as caught:
            judged.score  # noqa: B018 - reading it is what fails
        assert caught.value.code is ExitCode.UNCHECKED


def test_a_validator_finds_nothing_of_the_test_before(tmp_path: Path) -> None:
    validator = """import os, sys
new = not os.path.exists("/writable/here") and os.listdir(sys.argv[3]) == [] and os.listdir(".") == []
open("/writable/here", "w").write("x")
open(sys.argv[3] + "mine.txt", "w").write("x")
sys.exit(42 if new else 43)
"""
    judged = one(made(tmp_path, {"output_validator/v.py": validator}), "print(1)")
    assert [test.verdict for test in judged.tests] == ["AC"] * 4


def test_a_validator_that_does_not_compile_is_the_packages_defect(tmp_path: Path) -> None:
    problem = made(tmp_path, {"output_validator/v.c": "int main(void) { return x; }\n"})
    with pytest.raises(HelderError, match="does not compile"), Judge(problem):
        pass


def test_a_checker_of_cms_gives_a_share_of_the_points(tmp_path: Path) -> None:
    checker = """import sys
given, right = (open(path).read().split() for path in sys.argv[3:1:-1])
print(1.0 if given == right else 0.5 if len(given) == 1 else 0)
print("as it is", file=sys.stderr)
"""
    folder = write(
        tmp_path / "p",
        new(type="scoring"),
        STATEMENT,
        cases("data/secret/a", {"1": ("1\n", "1\n"), "2": ("2\n", "1\n")}),
        {"data/secret/a/test_group.yaml": "score_aggregation: min\nmax_score: 100\n"},
    )
    problem = read(folder)
    source = Source("c.py", {"c.py": checker.encode()})
    problem = Problem(**{**vars(problem), "validator": Validator(source, "cms"), "validator_scores": "may"})
    assert (one(problem, "print(1)").verdict, one(problem, "print(1)").score) == ("AC", 100.0)
    assert (one(problem, "print(input())").verdict, one(problem, "print(input())").score) == ("PA", 50.0)
    assert one(problem, "print(1, 1)").score == 0.0


def told(code: int = 42, how: str = "exited", noted: tuple[str, ...] = (), **files: str) -> validate.Said:
    given = {f"{name}.txt": text for name, text in files.items()} | dict.fromkeys(noted, "")
    return validate.Said(how, code, given)


def scoring(version: str, scores: str) -> Problem:
    problem = Problem("p", version, True, False, {}, data=None, limits=Limits(), validator_scores=scores)  # type: ignore[arg-type]
    return problem


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        (told(), Outcome("AC")),
        (told(43, judgemessage="far", teammessage="no"), Outcome("WA", message="far", team_message="no")),
        (told(score="7.5\n"), Outcome("AC", score=7.5)),
        (told(score_multiplier="0.25"), Outcome("AC", share=0.25)),
    ],
)
def test_what_a_validator_says_is_taken_over(said: validate.Said, outcome: Outcome) -> None:
    assert validate.kattis(said, scoring("2025-09", "may")) == outcome


@pytest.mark.parametrize(
    ("said", "scores", "why"),
    [
        (told(0), "may", "exited with 0"),
        (told(1), "may", "exited with 1"),
        (told(11, "signalled"), "may", "signalled with 11"),
        (told(score="1", score_multiplier="1"), "may", "both score.txt and score_multiplier.txt"),
        (told(43, score="0"), "may", "for an output that it rejects"),
        (told(score="1"), "no", "has no such scores"),
        (told(), "must", "no score.txt"),
        (told(score="-1"), "may", "'-1' to score.txt"),
        (told(score="nan"), "may", "'nan' to score.txt"),
        (told(score="1e999"), "may", "'1e999' to score.txt"),
        (told(score="1 2"), "may", "'1 2' to score.txt"),
        (told(score_multiplier="1.01"), "may", "'1.01' to score_multiplier.txt"),
        (told(noted=("nextpass.in",)), "may", "another pass"),
    ],
)
def test_what_a_validator_must_not_say_is_a_judge_error(said: validate.Said, scores: str, why: str) -> None:
    outcome = validate.kattis(said, scoring("2025-09", scores))
    assert outcome.verdict == "JE" and why in outcome.message


def test_a_legacy_score_may_be_negative_and_is_never_a_share() -> None:
    assert validate.kattis(told(score="-3"), scoring("legacy", "must")).score == -3.0
    assert validate.kattis(told(score_multiplier="7"), scoring("legacy", "no")) == Outcome("AC")


# -- interaction ----------------------------------------------------------------------------------------------------


def test_interactive_submissions_are_judged_by_who_ended_first(legacy: dict[str, Problem]) -> None:
    found = verdicts(legacy["speaks"])
    assert {path: judged.verdict for path, judged in found.items()} == {
        "accepted/halves.py": "AC",
        "run_time_error/leaves.py": "RE",
        "wrong_answer/counts.py": "WA",
        "wrong_answer/quiet.py": "WA",
    }
    assert found["accepted/halves.py"].tests[-1].message == "3 guesses"


def test_who_spins_or_crashes_after_the_validator_rejected_is_wrong(legacy: dict[str, Problem]) -> None:
    ending = "for guess in range(1, 13): print(guess, flush=True)\n"
    for rest in ("while True: pass\n", "import sys\nfor line in sys.stdin: pass\nraise SystemExit(9)\n"):
        assert one(legacy_with_limit(legacy["speaks"]), ending + rest).verdict == "WA"


def test_who_spins_before_the_validator_has_decided_is_too_slow(legacy: dict[str, Problem]) -> None:
    assert one(legacy_with_limit(legacy["speaks"]), "input()\nwhile True: pass\n").verdict == "TLE"


def legacy_with_limit(problem: Problem) -> Problem:
    return Problem(**{**vars(problem), "limits": Limits(time=0.3)})


def test_a_validator_that_fails_in_an_interaction_is_a_judge_error(tmp_path: Path) -> None:
    validator = "import sys\nsys.exit(42 if sys.stdin.readline() == '1\\n' else 5)\n"
    folder = write(tmp_path / "p", new(type="interactive"), STATEMENT, SUMS, {"output_validator/v.py": validator})
    problem = read(folder)
    assert one(problem, "print(1)").verdict == "AC"
    assert one(problem, "print(2)").verdict == "JE"
