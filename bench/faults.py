"""Whether a run comes to the same bits whatever its disk and its machine do to it.

One undisturbed run of a small recipe (a model from nothing, three steps) says which digests are right and how many
calls it makes on files below its folder. Then, in copies of the project:

    kills       everything that belongs to the run gets SIGKILL at a random moment
    full disk   the project lies on a file system of its own (tmpfs) of a random size, which fills up; then it grows
    faults      a random call of the run's own process on its files fails: EIO, ENOSPC, half of a write, half of a write
                and then SIGKILL (`faulty.c`, LD_PRELOAD). Stages have an environment of their own: theirs is the disk

After each, `helder run` finishes it; every artifact's digest, hashed anew, is compared. A disturbed run that says it
ended well is only right with the same digests, too; one that failed must say so with code 1 (what the user can change),
130 or a signal. Code 2, a traceback or other digests are findings.

    python -m bench.faults
    python -m bench.faults --kills 5 --disks 5 --faults 10     # a smoke run

Needs root for the file systems (`--disks 0` without) and a C compiler.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from bench import kills, measuring, processes
from bench.measuring import HELDER, Outcome
from helder.commands.talk import table
from helder.project import Project

EXAMPLE = "icd10cm-from-scratch"
KINDS = ("EIO", "ENOSPC", "SHORT", "TORN")
LINES = {"train": 40, "dev": 6, "test": 6}
FINE = (0, 1, 130)  # ended well, something that the user can change, interrupted


@dataclass(frozen=True)
class Trial:
    """One disturbance and what came of it.

    Attributes:
        way: "kill", "disk" or the kind of fault.
        about: the moment, the size or the number of the call.
        status: of the disturbed run; below zero: the signal.
        wrong: what was not as it should be; empty when all was.
    """

    way: str
    about: str
    status: int
    wrong: list[str]


def small(folder: Path) -> Project:
    """The example with its first lines, one for each label, and three steps."""
    project = measuring.make_project(folder, {"steps": 3}, {}, EXAMPLE)
    for path in sorted(folder.glob("*.jsonl")):
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = lines[: LINES[path.stem]]
        if path.stem == "train":  # every label must be learnt from
            kept = list({json.loads(line)["block"]: line for line in lines}.values())
        path.write_text("".join(kept), encoding="utf-8")
    recipe = folder / "recipe.toml"
    recipe.write_text(re.sub(r"(?m)^size = .*$", 'size = "olmo2-14m"', recipe.read_text(encoding="utf-8")), "utf-8")
    return Project.open(project.folder)


def finish(project: Project, right: Outcome, place: Path) -> list[str]:
    """Run a disturbed project to its end; what is wrong with what came out."""
    events = place / "events-after.jsonl"
    with measuring.running(project, events) as process:
        status = process.wait()
    if status:
        told = events.read_text(encoding="utf-8", errors="replace").splitlines()[-4:]
        return [f"`helder run` does not continue: {status}: {' | '.join(told)}"]
    return [f"{stage} differs" for stage in right.differing(Outcome.of(project))]


def judged(status: int, events: Path) -> list[str]:
    """What is wrong with how a disturbed run ended."""
    text = events.read_text(encoding="utf-8", errors="replace")
    wrong = ["a traceback"] if "Traceback (most recent call last)" in text else []
    if status >= 0 and status not in FINE:
        wrong.append(f"code {status}: {' | '.join(text.splitlines()[-3:])}")
    return wrong


def by_kill(source: Project, place: Path, right: Outcome, wall: float, draw: random.Random) -> Trial:
    project, events = copied(source, place / "project"), place / "events.jsonl"
    moment = draw.uniform(0.0, wall)
    count = kills.killed(project, events, moment, "all")
    stage, step = kills.stage_at(events, list(right.digests)[-1])
    about = f"{moment:.2f} s, {stage}" + ("" if step is None else f" at {step}")
    return Trial("kill", about, -9 if count else 0, finish(project, right, place))


def by_disk(source: Project, place: Path, right: Outcome, size: int, draw: random.Random) -> Trial:
    """A disk that is full at some point, and then is not."""
    given = draw.randrange(64 << 10, size)
    with disk(place / "disk", given) as grow:
        project, events = copied(source, place / "disk" / "project"), place / "events.jsonl"
        with measuring.running(project, events) as process:
            status = process.wait()
        wrong = judged(status, events)
        text = events.read_text(encoding="utf-8", errors="replace")
        if status == 1 and "disk is full" not in text:
            wrong.append(f"it does not say that the disk is full: {text.splitlines()[-1]}")
        grow()
        return Trial("disk", f"{given >> 10} kB", status, wrong + finish(project, right, place))


def by_fault(
    source: Project, place: Path, right: Outcome, shim: Path, calls: int, kind: str, draw: random.Random
) -> Trial:
    project, events = copied(source, place / "project"), place / "events.jsonl"
    number = draw.randrange(1, calls + 1)
    status = faulty(project, events, shim, f"{kind}:{number}")
    return Trial(kind, f"call {number}", status, judged(status, events) + finish(project, right, place))


def faulty(project: Project, events: Path, shim: Path, fault: str, count: Path | None = None) -> int:
    """A run whose own process has one call fail; its status."""
    variables = {
        **os.environ,
        "LD_PRELOAD": str(shim),
        "HELDER_FAULT": fault,
        "HELDER_FAULT_BELOW": str(project.folder),
        **({"HELDER_FAULT_COUNT": str(count)} if count else {}),
    }
    with events.open("wb") as stream:
        process = subprocess.Popen(
            [HELDER, "run", str(project.folder)], stdout=subprocess.DEVNULL, stderr=stream, env=variables
        )
        status = process.wait()
    processes.gone([process.pid])
    return status


def copied(source: Project, folder: Path) -> Project:
    """The project without its run."""
    shutil.copytree(source.folder, folder, ignore=kills.NOT_COPIED)
    return Project.open(folder)


@contextmanager
def disk(folder: Path, size: int) -> Iterator[Callable[[], object]]:
    """A file system of its own, of `size` bytes on top of what a project needs; what is yielded makes it large."""
    folder.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size + (2 << 20)}", "tmpfs", str(folder)], check=True)
    try:
        yield lambda: subprocess.run(["mount", "-o", "remount,size=2g", str(folder)], check=True)
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def compiled(folder: Path) -> Path:
    shim = folder / "faulty.so"
    source = Path(__file__).with_name("faulty.c")
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", str(shim), str(source), "-ldl"], check=True)
    return shim


def main() -> None:
    options = measuring.parser(__doc__)
    for name, default in (("kills", 60), ("disks", 30), ("faults", 120)):
        options.add_argument(f"--{name}", type=int, default=default, help="How many (default: %(default)s).")
    options.add_argument("--seed", type=int, default=0, help="Decides moments, sizes and calls (default: %(default)s).")
    options.add_argument("--folder", type=Path, help="Measure in this new folder and keep it; else it is removed.")
    given = options.parse_args()
    draw, trials = random.Random(given.seed), list[Trial]()
    with measuring.workplace(given.folder) as place:
        source = small(place / "undisturbed")
        begin = time.monotonic()
        measuring.run_to_end(source, place / "events.jsonl")
        wall, right = time.monotonic() - begin, Outcome.of(source)
        size = sum(path.stat().st_size for path in source.run_folder.root.rglob("*") if path.is_file())
        shim = compiled(place)
        counted = copied(source, place / "counted")
        status = faulty(counted, place / "events-counted.jsonl", shim, "EIO:0", place / "calls")
        if status or right.differing(Outcome.of(counted)):
            raise SystemExit(f"A run with {shim.name} and no fault ended with {status}.")
        calls = int((place / "calls").read_text())
        measuring.note(f"undisturbed: {wall:.1f} s, {len(right.digests)} stages, {size >> 10} kB, {calls} calls")
        ways = ["kill"] * given.kills + ["disk"] * given.disks
        ways += [KINDS[number % len(KINDS)] for number in range(given.faults)]
        for number, way in enumerate(ways):
            at = Path(tempfile.mkdtemp(prefix=f"trial-{number}-", dir=place))
            if way == "kill":
                done = by_kill(source, at, right, wall, draw)
            elif way == "disk":
                done = by_disk(source, at, right, size, draw)
            else:
                done = by_fault(source, at, right, shim, calls, way, draw)
            trials.append(done)
            measuring.note(f"{number + 1:>4} {done.way} {done.about}: {done.status}; {'; '.join(done.wrong) or 'same'}")
            if not done.wrong:
                shutil.rmtree(at)
    same = sum(not done.wrong for done in trials)
    kinds, failed = Counter(done.way for done in trials), Counter(done.way for done in trials if done.status)
    kept = Counter(done.way for done in trials if not done.wrong)
    rows = [[way, str(count), str(failed[way]), str(kept[way])] for way, count in sorted(kinds.items())]
    found = {"trials": [asdict(done) for done in trials], "same": same, "of": len(trials), "calls": calls}
    text = table(rows, ["disturbed by", "runs", "that ended early", "same digests"], right=(1, 2, 3))
    measuring.tell(
        found, f"{text}\n\n{same} of {len(trials)} came to the same digests, and said what was wrong", given.json
    )
    sys.exit(0 if same == len(trials) else 1)


if __name__ == "__main__":
    main()
