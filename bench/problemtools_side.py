"""problemtools (PyPI) and Helder judge the same submissions: every verdict and every score of tests and groups, beside
each other; and the time that both take.

    python -m bench.problemtools_side VERIFYPROBLEM [--trees N] [--shipped] [PACKAGE…]

`VERIFYPROBLEM` is the program of that name in an environment of its own with problemtools in it; its judge is called
there, test by test. PACKAGE is a folder with a legacy package. Without one, small packages of every kind are made, and
N with groups and settings that are drawn (`tests.evaluate.judge.packages`). With --shipped also the problems of
`helder.examples`, which problemtools gets in the older form that it knows (`bench.problems`); what that form cannot say
is not compared: points of groups that need others.

problemtools ends a conversation after twice the time limit on the clock, so that a machine at work makes right ones too
slow; conversations have a longer limit here.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bench.problems import older
from helder.evaluate.judge.judge import Judge, Judged
from helder.evaluate.judge.package import read
from helder.evaluate.judge.problem import Rules
from helder.examples import problem_data
from tests.evaluate.judge import packages

SECONDS = 1.0  # time limit, for both
TALKING = 5.0  # that of conversations
# Runs in the interpreter of problemtools: judges all submissions of a package, and tells what became of each.
THEIRS = """
import json, logging, sys, tempfile, time
from pathlib import Path
from problemtools import model
from problemtools.context import Context
from problemtools.diagnostics import LoggingDiagnostics
from problemtools.judge.submission_judge import SubmissionsJudge

logging.disable(logging.CRITICAL)
diag = LoggingDiagnostics.create("theirs")
problem = model.load_problem(Path(sys.argv[1]), diag)
validator = problem.output_validators.select(problem.format_version, problem.metadata)
found, began = {}, time.monotonic()
with tempfile.TemporaryDirectory() as place:
    place = Path(place)
    judges = SubmissionsJudge(
        root=problem.testdata, output_validator=validator, metadata=problem.metadata, base_dir=place,
        context=Context(), graders=problem.graders, diag=diag,
    )
    for submission in problem.submissions.submissions:
        compiled = judges.precompute([submission], float(sys.argv[2]))[submission]
        if not compiled.success:
            found[str(submission.path)] = [["", "CE", None]]
            continue
        rows = []
        for result in judges.judges()[submission].judge(float(sys.argv[2])):
            node = result.test_node
            name = str(node.path) if hasattr(node, "path") else "/".join(node.name.split(".")[1:])
            rows.append([name, result.verdict, result.score])
        found[str(submission.path)] = rows
print(json.dumps({"found": found, "seconds": time.monotonic() - began}))
"""
# Their verdicts by our names; they have one for what is over the memory limit, and do not tell it.
NAMES = {"RTE": "RE"}


@dataclass(frozen=True)
class Sides:
    """A package judged by both.

    Attributes:
        compared: verdicts and scores of tests and groups.
        differences: submission, test or group, theirs, ours.
        theirs, ours: seconds for all submissions, compilation included.
    """

    compared: int
    differences: tuple[tuple[str, str, Any, Any], ...]
    theirs: float
    ours: float


def python_of(program: str) -> str:
    """The interpreter that `verifyproblem` runs in."""
    return Path(program).read_text(encoding="utf-8").splitlines()[0].removeprefix("#!").split()[0]


def theirs(program: str, package: Path, seconds: float = SECONDS) -> tuple[dict[str, dict[str, Any]], float]:
    """What problemtools says: submission → test or group → verdict and score."""
    with tempfile.TemporaryDirectory(prefix="helder-bench-") as place:
        settings = Path(place) / "problemtools" / "languages.yaml"
        settings.parent.mkdir()
        python = {
            "python3": {"name": "Python 3", "compile": "python3 -m py_compile {files}", "run": 'python3 "{mainfile}"'}
        }
        settings.write_text(yaml.safe_dump(python), encoding="utf-8")
        done = subprocess.run(
            [python_of(program), "-c", THEIRS, str(package), str(seconds)],
            env=os.environ | {"XDG_CONFIG_HOME": place},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise SystemExit(f"problemtools failed on {package}: {done.stderr[-2000:]}")
    told = json.loads(done.stdout.splitlines()[-1])
    found = {
        path: {name: (NAMES.get(verdict, verdict), score) for name, verdict, score in rows}
        for path, rows in told["found"].items()
    }
    return found, told["seconds"]


def sides(program: str, package: Path) -> Sides:
    """Judge a legacy package by both, and compare."""
    problem = read(package)
    seconds = TALKING if problem.interactive else SECONDS
    found, took = theirs(program, package, seconds)
    began = time.monotonic()
    judged: dict[str, Judged] = {}
    with Judge(problem, workers=1, time_limit=seconds) as judge:
        for submission in problem.submissions:
            judged[submission.path] = judge.judge(submission.source.files)
    own = time.monotonic() - began
    compared, differences = 0, []
    for path, rows in found.items():
        mine = rows_of(judged[path])
        names = rows.keys() | mine.keys()
        if rows.get("", ("", None))[0] == "JE" == judged[path].verdict:
            names = set(mine)  # a judge error ends everything here; problemtools goes on and passes it upwards
        for name in sorted(names):
            compared += 1
            if not same(rows.get(name), mine.get(name), problem.scoring):
                differences.append((path, name, rows.get(name), mine.get(name)))
    return Sides(compared, tuple(differences), took, own)


def shipped(program: str, name: str) -> Sides:
    """Judge a shipped problem by both: every test that both run, and the whole, where the older form can say it."""
    problem = read(problem_data.PROBLEMS / name)
    assert problem.limits.time is not None
    seconds = max(problem.limits.time, TALKING if problem.interactive else 0.0)
    with tempfile.TemporaryDirectory(prefix="helder-bench-") as place:
        shutil.copytree(problem_data.PROBLEMS / name, Path(place) / name)
        older(Path(place) / name)
        found, took = theirs(program, Path(place) / name, seconds)
    needs = any(isinstance(group.rules, Rules) and group.rules.require_pass for group in problem.data.groups())
    compared, differences, began = 0, [], time.monotonic()
    with Judge(problem, workers=1, time_limit=seconds) as judge:
        for submission in problem.submissions:
            judged = judge.judge(submission.source.files)
            rows = found[submission.path]
            both = [test for test in judged.tests if test.name in rows]
            pairs: list[tuple[str, Any, Any]] = [(test.name, rows[test.name][0], test.verdict) for test in both]
            whole = rows.get("", ("CE", None))
            if not problem.scoring or judged.verdict in ("CE", "JE"):
                pairs.append(("", whole[0], judged.verdict))
            elif not needs:
                pairs.append(("", round(whole[1] or 0.0, 6), round(judged.points, 6)))
            compared += len(pairs)
            differences += [(submission.path, *pair) for pair in pairs if pair[1] != pair[2]]
    return Sides(compared, tuple(differences), took, time.monotonic() - began)


def rows_of(judged: Judged) -> dict[str, tuple[str, float | None]]:
    """Test or group → verdict and score; "" is all of it."""
    tests = {test.name: (test.verdict, test.points) for test in judged.tests}
    if judged.verdict in ("JE", "CE"):
        return {**tests, "": (judged.verdict, None)}
    return tests | {one.name: (one.verdict, one.points) for one in judged.groups}


def same(theirs: tuple[str, float | None] | None, ours: tuple[str, float | None] | None, scoring: bool) -> bool:
    """Whether both say the same; scores only where there are some, to the six decimals that problemtools prints."""
    if theirs is None or ours is None or theirs[0] != ours[0]:
        return False
    return not scoring or theirs[0] in ("JE", "CE") or abs((theirs[1] or 0.0) - (ours[1] or 0.0)) < 1e-6


def main(program: str, trees: int, with_shipped: bool, chosen: list[Path]) -> None:
    with tempfile.TemporaryDirectory(prefix="helder-bench-") as place:
        folders = chosen or [
            *packages.legacy_kinds(Path(place)),
            *(packages.random_tree(Path(place) / f"tree{seed}", seed) for seed in range(trees)),
        ]
        jobs: list[tuple[str, Callable[[], Sides]]] = [
            (folder.name, functools.partial(sides, program, folder)) for folder in folders
        ]
        if with_shipped:
            jobs += [(name, functools.partial(shipped, program, name)) for name in problem_data.names()]
        total = []
        for name, job in jobs:
            one = job()
            total.append(one)
            print(
                f"{name}: {one.compared} verdicts and scores, {len(one.differences)} different; "
                f"problemtools {one.theirs:.1f} s, Helder {one.ours:.1f} s",
                flush=True,
            )
            for difference in one.differences:
                print("  ", *difference, flush=True)
    compared, different = sum(one.compared for one in total), sum(len(one.differences) for one in total)
    print(
        f"{len(total)} packages, {compared} verdicts and scores, {different} different; "
        f"problemtools {sum(one.theirs for one in total):.1f} s, Helder {sum(one.ours for one in total):.1f} s"
    )


if __name__ == "__main__":
    words = sys.argv[2:]
    count = int(words.pop(words.index("--trees") + 1)) if "--trees" in words else 0
    paths = [Path(word) for word in words if not word.startswith("--")]
    main(sys.argv[1], count, "--shipped" in words, paths)
