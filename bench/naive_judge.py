"""Judges as they are often written first, for `cheats.py`: they believe what runs beside their answers.

    python naive_judge.py WAY FOLDER SUBMISSION

FOLDER holds N.in and N.ans, or check.py; the submission is copied there and run there, with nothing closed. The last
line says AC or not. That a cheat succeeds here shows that it is one. Ways:

- program: compiled and started once a test, its output compared by a checker that lies beside it
- close: the same, with a checker that looks whether the difference is too large
- warm: run once a test in this interpreter, as judges do that save its start
- limited: as program, with a limit on processor time as the shell's `ulimit -t` sets it
- function, function-close: the check stands behind the submission in one file; it passed if that ends with 0
- pickled: the function's values come from a child through a queue, and are compared here
"""

from __future__ import annotations

import contextlib
import io
import json
import multiprocessing
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

EXACT = """
import decimal
import sys

answer, output = (decimal.Decimal(open(name).read().strip()) for name in sys.argv[1:])
sys.exit(0 if answer == output else 1)
"""
CLOSE = """
import sys

answer, output = (float(open(name).read()) for name in sys.argv[1:])
sys.exit(1 if abs(answer - output) > 1e-9 else 0)
"""
SECONDS = 20


def program(folder: Path, source: Path, checker: str, cpu_seconds: int = 0) -> bool:
    """Whether a submission passes all tests."""
    (folder / "checker.py").write_text(checker, encoding="utf-8")
    if source.suffix == ".cpp":
        command = [str(folder / "program")]
        made = ["g++", "-std=gnu++17", "-O2", "-w", "-o", "program", source.name]
        if subprocess.run(made, cwd=folder, check=False).returncode:
            return False
    else:
        command = [sys.executable, str(source)]
    tests = sorted(folder.glob("*.in"), key=lambda path: int(path.stem))
    for test in tests:
        answer = test.with_suffix(".ans")
        with test.open() as given, answer.open() as _expected, (folder / "output").open("wb") as output:
            limits = (lambda: resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, 60))) if cpu_seconds else None
            ran = subprocess.run(
                command, stdin=given, stdout=output, cwd=folder, timeout=SECONDS, check=False, preexec_fn=limits
            )
        if ran.returncode:
            return False
        judge = [sys.executable, "checker.py", answer.name, "output"]
        if subprocess.run(judge, cwd=folder, stderr=subprocess.DEVNULL, check=False).returncode:
            return False
    return bool(tests)


def warm(folder: Path, source: Path) -> bool:
    """The same in this interpreter."""
    code = compile(source.read_text(encoding="utf-8"), str(source), "exec")
    tests = sorted(folder.glob("*.in"), key=lambda path: int(path.stem))
    for test in tests:
        output = io.StringIO()
        before, sys.stdin = sys.stdin, io.StringIO(test.read_text(encoding="utf-8"))
        try:
            with contextlib.redirect_stdout(output):
                exec(code, {"__name__": "__main__"})
        finally:
            sys.stdin = before
        if output.getvalue().strip() != test.with_suffix(".ans").read_text(encoding="utf-8").strip():
            return False
    return bool(tests)


def function(folder: Path, source: Path, check: str) -> bool:
    """Whether a submission with its check behind it ends well."""
    whole = f"{source.read_text(encoding='utf-8')}\n{check}\ncheck(answer)\n"
    (folder / "test.py").write_text(whole, encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "test.py"], cwd=folder, timeout=SECONDS, check=False, stderr=subprocess.DEVNULL
    )
    return ran.returncode == 0


def _answers(source: str, questions: list[int], queue: Any) -> None:
    names: dict[str, Any] = {}
    exec(source, names)
    queue.put([names["answer"](question) for question in questions])


def pickled(source: Path, expected: list[tuple[int, Any]]) -> bool:
    """Whether a submission's values, pickled in a child, are the expected ones."""
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    questions = [question for question, _ in expected]
    child = context.Process(target=_answers, args=(source.read_text(encoding="utf-8"), questions, queue))
    child.start()
    try:
        answers = queue.get(timeout=5)
    finally:
        child.join()
    return all(answer == right for answer, (_, right) in zip(answers, expected, strict=True))


def main(way: str, folder: Path, submission: Path) -> None:
    """See the module's first lines."""
    source = folder / submission.name
    shutil.copy(submission, source)
    if way in ("program", "close", "limited"):
        passed = program(folder, source, CLOSE if way == "close" else EXACT, 1 if way == "limited" else 0)
    elif way == "warm":
        passed = warm(folder, source)
    elif way in ("function", "function-close"):
        passed = function(folder, source, (folder / "check.py").read_text(encoding="utf-8"))
    else:
        passed = pickled(source, [tuple(pair) for pair in json.loads((folder / "expected.json").read_text())])
    sys.stdout.write("AC\n" if passed else "not\n")  # a cheat may have replaced print


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
