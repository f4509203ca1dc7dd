"""`helder judge`: submissions to a problem, judged in closed rooms."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from helder.commands import talk
from helder.errors import ExitCode, HelderError

if TYPE_CHECKING:
    from helder.evaluate.judge.check import Checked
    from helder.evaluate.judge.judge import Judge, Judged
    from helder.evaluate.judge.problem import Problem, Submission


@click.command()
@click.argument("package", type=click.Path(path_type=Path))
@click.argument("submissions", nargs=-1, metavar="[SUBMISSION]...")
@click.option(
    "--time-limit", type=click.FloatRange(0, min_open=True), help="CPU seconds for a test, instead of the package's."
)
@click.option("--workers", default=0, type=click.IntRange(0), help="Tests at the same time; default: all cores.")
@click.option("--samples", is_flag=True, help="With SUBMISSION: the tests that solvers see, and no others.")
@talk.json_option
def judge(
    package: Path, submissions: tuple[str, ...], time_limit: float | None, workers: int, samples: bool, as_json: bool
) -> None:
    """Judge submissions to a problem.

    PACKAGE is a folder in the Problem Package Format of ICPC and Kattis, 2025-09 or legacy. SUBMISSION is a file, a
    folder with files, or one of the package's own ("accepted/fast.cpp"). Without one, all submissions of the package
    are judged and compared with what the package expects of them.

    Programs run in closed rooms. Ends with 0 when all were accepted, at least in part (without SUBMISSION: became what
    is expected), 3 when one was not, 4 when the judge failed on one, which is never a zero.
    """
    from helder.evaluate.judge.judge import Judge
    from helder.evaluate.judge.package import read

    problem = read(package)
    if samples and not submissions:
        raise HelderError("--samples needs a submission.", "A package's own are judged on all tests.", "Name one.")
    chosen = [_submission(problem, word) for word in submissions]
    with Judge(problem, workers=workers, time_limit=time_limit) as made:
        for note in made.notes:
            talk.say(note)
        if chosen:
            _judge(made, chosen, "sample" if samples else None, as_json)
        else:
            _check(made, as_json)


def _submission(problem: Problem, word: str) -> Submission:
    """What a word on the command line means."""
    from helder.evaluate.judge.problem import Source, Submission

    path = Path(word)
    if path.is_file():
        return Submission(word, Source(path.name, {path.name: path.read_bytes()}), ())
    if path.is_dir():
        files = {one.relative_to(path).as_posix(): one.read_bytes() for one in sorted(path.rglob("*")) if one.is_file()}
        return Submission(word, Source(path.name, files), ())
    own = problem.submissions
    for submission in own:
        if submission.path == word.rstrip("/"):
            return submission
    raise HelderError(
        f"There is no submission {word}.",
        f"It is no file, no folder, and none of the package's own: {', '.join(one.path for one in own)}.",
        "Check the path.",
    )


def _judge(made: Judge, chosen: list[Submission], only: str | None, as_json: bool) -> None:
    """Judge some submissions and show what became of them.

    Raises:
        HelderError: code 3, one was not accepted; code 4, nothing is known about one.
    """
    found: list[tuple[str, Judged]] = []
    for submission in chosen:
        source = submission.source
        judged = made.judge(source.files, only=only, language=source.language, main=source.main)
        found.append((submission.path, judged))
        if not as_json:
            for line in sentences(submission.path, judged):
                click.echo(line)
    if as_json:
        rows = [{"path": path, **judged.to_json()} for path, judged in found]
        talk.data({**_head(made), "submissions": rows})
    bad = [path for path, judged in found if judged.verdict not in ("AC", "PA", "JE")]
    unknown = [path for path, judged in found if judged.verdict == "JE"]
    if bad:
        raise HelderError(f"Not accepted: {', '.join(bad)}.", code=ExitCode.FAILED)
    if unknown:
        raise HelderError(
            f"Nothing is known about {', '.join(unknown)}.",
            "The judge failed on it, which is no zero.",
            "Correct the package's validator or the machine, and judge again.",
            ExitCode.UNCHECKED,
        )


def _check(made: Judge, as_json: bool) -> None:
    """Judge all submissions of the package against what it expects.

    Raises:
        HelderError: code 3, something else became of one; code 4, one could not be judged.
    """
    from helder.evaluate.judge.check import check_all

    problem = made.problem
    if not problem.submissions:
        raise HelderError(f"{problem.name} has no submissions.", "submissions/ is empty or not there.", "Name one.")
    found = check_all(made, problem.submissions, _shown)
    if as_json:
        talk.data({**_head(made), "submissions": [one.to_json() for one in found]})
    else:
        rows = [_row(problem, one) for one in found]
        head = ["submission", "verdict", "points", "slowest", "memory", "as expected"]
        click.echo(talk.table(rows, head, right=(2, 3, 4)))
        for one in found:
            for sentence in (*one.differences, *one.notes):
                click.echo(f"{one.path}: {sentence}")
        click.echo(f"Time limit {made.time_limit:g} s of CPU time for a test.")
    if bad := [one.path for one in found if one.differences]:
        raise HelderError(
            f"{len(bad)} of {len(found)} submissions became something else than {problem.name} expects: "
            f"{', '.join(bad)}.",
            "A submission, the tests, the validator or the time limit is wrong.",
            code=ExitCode.FAILED,
        )
    if unknown := [one.path for one in found if one.unchecked]:
        raise HelderError(
            f"{len(unknown)} of {len(found)} submissions could not be judged: {', '.join(unknown)}.",
            next(note for one in found if one.unchecked for note in one.notes),
            code=ExitCode.UNCHECKED,
        )


def _head(made: Judge) -> dict[str, Any]:
    problem = made.problem
    return {
        "problem": problem.name,
        "titles": problem.titles,
        "version": problem.version,
        "scoring": problem.scoring,
        "interactive": problem.interactive,
        "time_limit": made.time_limit,
    }


def _shown(one: Checked) -> None:
    """Progress, for a terminal."""
    if sys.stderr.isatty():
        talk.say(f"{one.path}: {one.judged.verdict if one.judged else 'not judged'}")


def _row(problem: Problem, one: Checked) -> list[str]:
    judged = one.judged
    if judged is None:
        return [one.path, "-", "-", "-", "-", "not judged"]
    expected = "no" if one.differences else "not judged" if one.unchecked else "yes" if one.expected else "-"
    points = "-" if judged.verdict == "JE" or not problem.scoring else f"{judged.points:g}"
    slowest = max((test.cpu_seconds for test in judged.tests), default=0.0)
    memory = max((test.memory for test in judged.tests), default=0)
    return [one.path, judged.verdict, points, f"{slowest:.2f} s", talk.size(memory), expected]


def sentences(path: str, judged: Judged) -> list[str]:
    """What became of a submission, for people."""
    groups = [one for one in judged.groups if one.name and one.points is not None]
    points = "" if judged.verdict == "JE" or not groups else f", {judged.points:g} points"
    told = [f"{path}: {judged.verdict}{points}"]
    if judged.told:
        told += [f"  {line}" for line in judged.told.splitlines()]
    for group in groups:
        most = "" if group.most is None else f" of {group.most:g}"
        told.append(f"  {group.name}: {group.verdict or 'not run'}, {group.points:g}{most}")
    bad = [test for test in judged.tests if test.verdict != "AC"]
    if bad:
        # One line; the whole message is in --json. It may hold parts of the answer, and is for judges.
        first = " ".join(bad[0].message.split())
        told.append(f"  {bad[0].name}: {bad[0].verdict}{', ' + first[:200] if first else ''}")
    slowest = max((test.cpu_seconds for test in judged.tests), default=0.0)
    told.append(f"  {len(judged.tests)} tests, the slowest {slowest:.2f} s of {judged.time_limit:g} s")
    return told
