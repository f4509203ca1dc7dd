"""`helder judge` shows what became of submissions, and its exit code says it."""

import json
from pathlib import Path

import pytest

from helder.commands import group
from helder.errors import ExitCode, HelderError
from helder.sealed import untrusted
from tests.evaluate.judge.packages import CRASH, NEW, STATEMENT, SUM, SUMS, THREE, new, write


@pytest.fixture(scope="module", autouse=True)
def rooms() -> None:
    try:
        untrusted.proved()
    except HelderError as error:
        pytest.skip(f"no rooms on this machine: {error}")


@pytest.fixture
def package(tmp_path: Path) -> Path:
    submissions = {
        "submissions/accepted/sum.py": SUM,
        "submissions/wrong_answer/three.py": THREE,
        "submissions/run_time_error/crash.py": CRASH,
    }
    return write(tmp_path / "sum", new(limits="{time_limit: 3}"), STATEMENT, SUMS, submissions)


def test_a_packages_submissions_become_what_it_expects(package: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert group.call(["judge", str(package)]) == ExitCode.DONE
    rows = [line.split() for line in capsys.readouterr().out.splitlines() if "/" in line]
    assert [(row[0], row[1], row[-1]) for row in rows] == [
        ("accepted/sum.py", "AC", "yes"),
        ("run_time_error/crash.py", "RE", "yes"),
        ("wrong_answer/three.py", "WA", "yes"),
    ]


def test_a_submission_in_the_wrong_folder_is_told_and_ends_with_3(
    package: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(
        package, {"submissions/accepted/three.py": THREE, "submissions/submissions.yaml": "accepted: {message: great}"}
    )
    assert group.call(["judge", str(package)]) == ExitCode.FAILED
    shown = capsys.readouterr()
    assert "accepted/three.py: secret/1 is WA; permitted are AC (and 2 more)." in shown.out
    assert "accepted/sum.py: No judge message holds 'great'." in shown.out
    assert "2 of 4 submissions became something else" in shown.err


def test_submissions_that_are_named_are_shown_with_their_tests(
    package: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = tmp_path / "mine.py"
    mine.write_text(SUM)
    assert group.call(["judge", str(package), str(mine), "--json"]) == ExitCode.DONE
    found = json.loads(capsys.readouterr().out)
    assert (found["problem"], found["time_limit"]) == ("sum", 3)
    (row,) = found["submissions"]
    assert (row["verdict"], row["score"], [test["name"] for test in row["tests"]][-1]) == ("AC", 1, "secret/3")
    assert group.call(["judge", str(package), str(mine), "wrong_answer/three.py"]) == ExitCode.FAILED
    shown = capsys.readouterr()
    assert 'secret/1: WA, Token 1: "3" instead of "6".' in shown.out
    assert "Not accepted: wrong_answer/three.py." in shown.err
    assert group.call(["judge", str(package), "wrong_answer/three.py", "--samples"]) == ExitCode.DONE


def test_what_could_not_be_judged_ends_with_4_and_is_no_zero(package: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(package, {"output_validator/v.py": "raise SystemExit(0)\n"})
    assert group.call(["judge", str(package), "accepted/sum.py", "--json"]) == ExitCode.UNCHECKED
    assert json.loads(capsys.readouterr().out)["submissions"][0]["score"] is None
    assert group.call(["judge", str(package)]) == ExitCode.UNCHECKED
    assert "3 of 3 submissions could not be judged" in capsys.readouterr().err


def test_a_language_that_is_not_there_is_not_judged(package: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(package, {"submissions/accepted/Sum.java": "class Sum {}\n"})
    assert group.call(["judge", str(package)]) == ExitCode.UNCHECKED
    assert "accepted/Sum.java" in capsys.readouterr().err


def test_what_is_no_package_or_no_submission_is_named(package: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert group.call(["judge", str(package), "accepted/other.py"]) == ExitCode.USER
    assert "none of the package's own: accepted/sum.py" in capsys.readouterr().err
    write(package, {"problem.yaml": NEW + "name: Sum\ncolour: red\n"})
    assert group.call(["judge", str(package)]) == ExitCode.USER
    assert "'colour' is unknown" in capsys.readouterr().err
