"""Whether a run that was killed at any moment continues to the same bits.

One undisturbed run of the example with the real model says which digests are right. Then, N times, a fresh copy of the
project (recipe, data, `helder.lock`) is run and everything that belongs to it gets SIGKILL at a moment drawn uniformly
from the time that the undisturbed run took; `helder run` finishes it, and the digest of every artifact, hashed anew,
is compared. A run that was over before its moment came is done again with another moment.

    python -m bench.kills
    python -m bench.kills --trials 1 --steps 6 --limit 2     # a smoke run

Ends with 1 when any digest differs. What it does not show: a loss of power, which also takes what the kernel has not
written yet.
"""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

from bench import measuring, processes
from bench.measuring import Outcome
from helder.commands.talk import table
from helder.project import Project

NOT_COPIED = shutil.ignore_patterns("run")  # the project without its run
ATTEMPTS = 5  # moments drawn for one trial before giving up: a run that is always over has become much faster


@dataclass(frozen=True)
class Trial:
    """One kill and what came of it.

    Attributes:
        moment: seconds after the start at which it was killed.
        stage: which stage was at work, "between stages", "before the first stage" or "after the last stage".
        step: how far it was, in units of the stage, as its last event said (at most one a second); None if none.
        processes: how many processes were killed.
        attempts: moments drawn until one came before the end.
        seconds: how long `helder run` took to finish afterwards.
        differing: stages whose artifact is not that of the undisturbed run.
    """

    moment: float
    stage: str
    step: int | None
    processes: int
    attempts: int
    seconds: float
    differing: list[str]


def stage_at(events: Path, last: str) -> tuple[str, int | None]:
    """The stage at work when the events ended, and how far it was.

    Args:
        last: the stage with which a run ends.
    """
    stage, step = "before the first stage", None
    for line in events.read_text(encoding="utf-8").splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue  # cut short by the kill
        if event["event"] == "started":
            stage, step = event["stage"], None
        elif event["event"] == "progress":
            step = event["done"]
        elif event["event"] == "finished":
            stage, step = ("after the last stage" if event["stage"] == last else "between stages"), None
    return stage, step


def killed(project: Project, events: Path, moment: float, who: str) -> int:
    """Start a run and kill it after `moment` seconds; how many processes were killed, 0 when it was over before."""
    with measuring.running(project, events) as process:
        try:
            process.wait(moment)
        except subprocess.TimeoutExpired:
            pids = processes.tree(process.pid)
            victims = {"all": pids, "run": pids[:1], "stage": pids[1:2] or pids[:1]}[who]
            processes.kill(victims)
            processes.gone(pids)  # what was not killed ends by itself; the next run must not begin before
            return len(victims)
    if process.returncode:
        raise SystemExit(f"helder run failed by itself:\n{events.read_text(encoding='utf-8')[-2000:]}")
    return 0


def trial(source: Project, folder: Path, right: Outcome, wall: float, draw: random.Random, who: str) -> Trial:
    """One kill at a random moment and the run that follows; the copy stays only when it came out different."""
    moments: list[float] = []
    while len(moments) < ATTEMPTS:
        shutil.copytree(source.folder, folder, ignore=NOT_COPIED)
        project, events = Project.open(folder), folder / "events.jsonl"
        moments.append(draw.uniform(0.0, wall))
        count = killed(project, events, moments[-1], who)
        if count:
            break
        shutil.rmtree(folder)
    else:
        raise SystemExit(f"{ATTEMPTS} runs in a row were over before they could be killed.")
    stage, step = stage_at(events, list(right.digests)[-1])
    begin = time.monotonic()
    measuring.run_to_end(project, folder / "events-after.jsonl")
    seconds = time.monotonic() - begin
    differing = right.differing(Outcome.of(project))
    if not differing:
        shutil.rmtree(folder)
    return Trial(moments[-1], stage, step, count, len(moments), seconds, differing)


def main() -> None:
    options = measuring.parser(__doc__)
    measuring.add_project_options(options, steps=40, limit=16)
    options.add_argument(
        "--trials", type=measuring.positive, default=20, help="How often a run is killed (default: %(default)s)."
    )
    options.add_argument(
        "--checkpoint-every",
        type=measuring.positive,
        default=10,
        help="Steps between two checkpoints (default: %(default)s).",
    )
    options.add_argument("--seed", type=int, default=0, help="Decides the moments (default: %(default)s).")
    options.add_argument(
        "--who",
        choices=("all", "run", "stage"),
        default="all",
        help="Kill all processes of the run, only `helder run` itself, or only the stage (default: %(default)s).",
    )
    given = options.parse_args()
    with measuring.workplace(given.folder) as place:
        source = measuring.make_project(
            place / "undisturbed",
            {"steps": given.steps, "checkpoint_every": given.checkpoint_every},
            {"limit": given.limit, "base": False},
        )
        begin = time.monotonic()
        measuring.run_to_end(source, place / "events.jsonl")
        wall = time.monotonic() - begin
        right = Outcome.of(source)
        measuring.note(f"undisturbed: {wall:.1f} s, {len(right.digests)} stages")
        draw, trials = random.Random(given.seed), list[Trial]()
        for number in range(1, given.trials + 1):
            done = trial(source, place / f"trial-{number}", right, wall, draw, given.who)
            trials.append(done)
            where = done.stage if done.step is None else f"{done.stage}, at {done.step}"
            came = f"DIFFERS in {', '.join(done.differing)}" if done.differing else "same"
            measuring.note(f"{number:>3}  killed after {done.moment:.1f} s ({where}): {came}")

    same = sum(not done.differing for done in trials)
    hits = Counter(done.stage for done in trials)
    kept = Counter(done.stage for done in trials if not done.differing)
    found = {
        "settings": {
            key: getattr(given, key) for key in ("steps", "checkpoint_every", "limit", "trials", "seed", "who")
        },
        "undisturbed_seconds": wall,
        "digests": right.digests,
        "trials": [asdict(done) for done in trials],
        "same": same,
        "of": len(trials),
    }
    text = table(
        [[stage, str(count), str(kept[stage])] for stage, count in hits.most_common()],
        ["stage that was hit", "kills", "same digests"],
        right=(1, 2),
    )
    measuring.tell(found, f"{text}\n\n{same} of {len(trials)} killed runs came to the same digests", given.json)
    sys.exit(0 if same == len(trials) else 1)


if __name__ == "__main__":
    main()
