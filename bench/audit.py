"""What the audit log promises, in numbers.

    mutations   random changes of a log, by whoever has its files and by an insider who has its key too, against a
                checkpoint from outside: found by `helder audit verify`, and by a second verifier on Go's sumdb library
    speed       records a second and the wait of each (ms), synced, 1 thread and 8; texts kept and digests alone
    million     a log of a million records: verification, seconds and memory, both verifiers; opening it, finding one
    faults      no room, errors and short writes at every step of a story that a server lives with its log, and power
                that goes at every step, several draws each: nothing acknowledged lost, the log verifies and goes on
    kills       a writer with four threads killed with SIGKILL at random moments, on one log

    python -m bench.audit
    python -m bench.audit --only kills --kills 20        # a part, smaller

The second verifier wants Debian's golang-go and golang-golang-x-mod-dev; without them its columns say so. What power
takes is drawn by a layer over the files, and no real disk was unplugged. Ends with 1 when anything was missed or lost.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from bench import measuring
from helder.commands.talk import size, table
from helder.errors import ExitCode, HelderError
from helder.serve.audit import Keep, log_key
from helder.serve.audit.disk import Disk
from helder.serve.audit.reading import Reading
from helder.serve.audit.record import Kept
from helder.serve.audit.verify import verify
from tests.serve.audit import mutations, second_verifier
from tests.serve.audit.faults import FAULTS, Failing, Outage, Power
from tests.serve.audit.killing import Killer
from tests.serve.audit.logs import KEY, ORIGIN, made, opened, record
from tests.serve.audit.test_faults import BEFORE, Story, steps

RECORDS = 300  # of the log that is changed: a full bundle and a partial one
POWER_DRAWS = 5  # ways to lose what was not synced, at each step
VERIFY = """\
import json, resource, sys, time
from pathlib import Path
from helder.serve.audit.verify import verify
begin, cpu = time.monotonic(), time.process_time()
report = verify(Path(sys.argv[1]), against={"outside": Path(sys.argv[2]).read_bytes()})
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps({"seconds": time.monotonic() - begin, "cpu": time.process_time() - cpu, "peak": peak,
                  "faults": len(report.faults), "records": report.facts["records"]}))
"""


def main() -> None:
    options = measuring.parser(__doc__)
    options.add_argument("--only", choices=list(PARTS), action="append", help="Only this part; may be given again.")
    options.add_argument("--mutations", type=measuring.positive, default=10_000, help="How many (%(default)s).")
    options.add_argument("--kills", type=measuring.positive, default=200, help="How many (%(default)s).")
    options.add_argument("--records", type=measuring.positive, default=1_000_000, help="Of `million` (%(default)s).")
    options.add_argument("--every", type=measuring.positive, default=1, help="Of `faults`: only each so-many-th step.")
    options.add_argument("--appends", type=measuring.positive, default=2000, help="Of each row of `speed`.")
    options.add_argument("--folder", type=Path, help="Measure in this new folder and keep it; else it is removed.")
    given = options.parse_args()
    found: dict[str, Any] = {}
    texts: list[str] = []
    lost = False
    with measuring.workplace(given.folder) as place:
        for name in given.only or PARTS:
            folder = place / name
            folder.mkdir()
            found[name], text, missed = PARTS[name](folder, given)
            texts.append(f"{name}\n{text}")
            lost = lost or missed
    measuring.tell(found, "\n\n".join(texts), given.json)
    sys.exit(1 if lost else 0)


def second(place: Path) -> second_verifier.Second | None:
    why = second_verifier.missing()
    if why is not None:
        measuring.note(f"no second verifier: {why}")
        return None
    return second_verifier.Second(second_verifier.build(place))


def mutated(place: Path, given: Any) -> tuple[Any, str, bool]:
    """Every kind of change in turn, drawn with the number of the trial as seed."""
    folder, outside = place / "log", place / "outside"
    made(folder, RECORDS, Keep("digests"))
    outside.write_bytes((folder / "checkpoint").read_bytes())
    key, go = log_key.take(folder, KEY, ORIGIN, Disk()), second(place)
    against = {"outside": outside.read_bytes()}
    tried, ours, theirs = Counter[str](), Counter[str](), Counter[str]()
    missed: list[str] = []
    for number in range(given.mutations):
        kind = mutations.KINDS[number % len(mutations.KINDS)]
        with mutations.mutated(folder, kind, random.Random(number), key) as done:
            tried[kind] += 1
            if verify(folder, against=against, known=[KEY.public]).exit_code == ExitCode.FAILED:
                ours[kind] += 1
            else:
                missed.append(f"{number}, {done}: missed by helder")
            if go is not None and go.ask(folder, key.public.vkey, [outside])["fault"]:
                theirs[kind] += 1
            elif go is not None:
                missed.append(f"{number}, {done}: missed by the second verifier")
        if number % 500 == 499:
            measuring.note(f"{number + 1:,} mutations, {len(missed)} missed")
            clean = verify(folder, against=against, known=[KEY.public]).exit_code == ExitCode.DONE
            if not clean or (go is not None and go.ask(folder, key.public.vkey, [outside])["fault"]):
                raise SystemExit("The log that nobody changed does not verify: the mutations leave something behind.")
    if go is not None:
        go.close()
    rows = []
    for kind in (kind for kind in mutations.KINDS if tried[kind]):
        by = "insider" if kind in mutations.INSIDE else "outsider"
        rows.append([kind, by, str(tried[kind]), str(ours[kind]), str(theirs[kind]) if go is not None else "not here"])
    total = [sum(counts.values()) for counts in (tried, ours, theirs)]
    rows.append(["all", "", *map(str, total[:2]), str(total[2]) if go is not None else "not here"])
    head = ["change", "by", "tried", "found by helder", "found by Go"]
    text = "\n".join([table(rows, head, right=(2, 3, 4)), *missed])
    found = {"tried": tried, "helder": ours, "go": theirs if go is not None else None, "missed": missed}
    return found, text, bool(missed)


def speed(place: Path, given: Any) -> tuple[Any, str, bool]:
    rows: list[list[str]] = []
    found: list[dict[str, Any]] = []
    kinds: tuple[tuple[Kept, int], ...] = (("digests", 1), ("digests", 8), ("texts", 1), ("texts", 8))
    one = yardstick(place / "plain", given.appends)
    found.append(one)
    rows.append(["a plain write and sync", "1", *_speed(one)])
    for what, threads in kinds:
        waits: list[float] = []
        with opened(place / f"{what}-{threads}", Keep(what), disk=Disk(), publish_every=1.0) as log:

            def work(thread: int, log: Any = log, waits: list[float] = waits, threads: int = threads) -> None:
                for number in range(given.appends // threads):
                    given_record = record(thread * 10**6 + number)
                    begin = time.perf_counter()
                    log.append(given_record)
                    waits.append(time.perf_counter() - begin)

            workers = [threading.Thread(target=work, args=(thread,)) for thread in range(threads)]
            begin = time.perf_counter()
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
            seconds = time.perf_counter() - begin
        one = {"kept": what, "threads": threads, **told(waits, seconds)}
        found.append(one)
        rows.append([what, str(threads), *_speed(one)])
    return found, table(rows, ["kept", "threads", "records/s", "median ms", "p99 ms"], right=(1, 2, 3, 4)), False


def yardstick(file: Path, count: int) -> dict[str, Any]:
    """What the disk takes for a record's bytes without a log around them; a commit of the log syncs two files."""
    waits, data, begin = [], b"x" * 1000, time.perf_counter()
    with file.open("ab", buffering=0) as stream:
        for _ in range(count):
            start = time.perf_counter()
            stream.write(data)
            os.fdatasync(stream.fileno())
            waits.append(time.perf_counter() - start)
    return {"kept": None, "threads": 1, **told(waits, time.perf_counter() - begin)}


def told(waits: list[float], seconds: float) -> dict[str, float]:
    cuts = statistics.quantiles(waits, n=100)
    return {"per_second": len(waits) / seconds, "median_ms": cuts[49] * 1e3, "p99_ms": cuts[98] * 1e3}


def _speed(one: dict[str, Any]) -> list[str]:
    return [f"{one['per_second']:,.0f}", f"{one['median_ms']:.2f}", f"{one['p99_ms']:.2f}"]


def million(place: Path, given: Any) -> tuple[Any, str, bool]:
    folder, outside = place / "log", place / "outside"
    begin = time.monotonic()
    with opened(folder, Keep("nothing"), publish_every=1.0) as log:  # no syncs: `speed` is about those
        for number in range(given.records):
            log.append(record(number))
            if number == given.records // 2:
                outside.write_text(log.checkpoint(), encoding="utf-8")
    built = time.monotonic() - begin
    done = subprocess.run([sys.executable, "-c", VERIFY, folder, outside], capture_output=True, text=True, check=True)
    ours = json.loads(done.stdout)
    go, theirs = second(place), None
    if go is not None:
        begin = time.monotonic()
        said = go.ask(folder, (folder / "log.vkey").read_text(encoding="utf-8"), [outside])
        status = Path(f"/proc/{go.process.pid}/status").read_text(encoding="ascii")
        peak = int(status.split("VmHWM:")[1].split()[0]) * 1024
        theirs = {"seconds": time.monotonic() - begin, "peak": peak, "fault": said["fault"]}
        go.close()
    begin = time.monotonic()
    with opened(folder, Keep("nothing")) as log:
        opening = time.monotonic() - begin
        begin = time.monotonic()
        stamped = log.receipt(record(given.records // 3).id)
        receipt = time.monotonic() - begin
        assert stamped is not None
    (folder / "ids").unlink()
    begin = time.monotonic()
    with opened(folder, Keep("nothing")):
        anew = time.monotonic() - begin
    begin = time.monotonic()
    assert Reading(folder).find(record(given.records // 3).id) == given.records // 3
    reading = time.monotonic() - begin
    taken = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    rows = [
        ["built (without syncs)", f"{built:.1f} s, {size(taken)}"],
        ["verified by helder", f"{ours['seconds']:.1f} s ({ours['cpu']:.1f} CPU), {size(ours['peak'])} at most"],
        ["verified by Go", f"{theirs['seconds']:.1f} s, {size(theirs['peak'])}" if theirs else "not here"],
        ["opened", f"{opening:.2f} s; without its index of ids {anew:.1f} s"],
        ["a receipt from the middle", f"{receipt * 1e3:.0f} ms; by reading the folder {reading:.1f} s"],
    ]
    found = {
        "records": given.records, "built_seconds": built, "bytes": taken, "helder": ours, "go": theirs,
        "open_seconds": opening, "open_without_ids_seconds": anew, "receipt_seconds": receipt, "find_seconds": reading,
    }  # fmt: skip
    return found, table(rows, [f"{given.records:,} records", ""]), bool(ours["faults"] or (theirs and theirs["fault"]))


def faults(place: Path, given: Any) -> tuple[Any, str, bool]:
    before = made(place / "before", BEFORE, Keep("texts"))
    count = steps(before, place / "whole")
    tried, kept, lost = Counter[str](), Counter[str](), list[str]()

    def trial(name: str, at: int, disk: Disk, killed: bool = False) -> None:
        folder = place / "trial"
        shutil.copytree(before, folder)
        story = Story(folder, disk, killed)
        tried[name] += 1
        try:
            with suppress(HelderError, Outage):
                story.run()
            story.check()
            kept[name] += 1
        except (AssertionError, HelderError) as error:
            lost.append(f"{name}, step {at}: {error}")
        shutil.rmtree(folder)

    for at in range(1, count + 1, given.every):
        for fault in FAULTS:
            trial(f"{fault}, once", at, Failing(at, fault))
            trial(f"{fault}, three times, then killed", at, Failing(at, fault, more=2), killed=True)
            trial(f"{fault}, for good, then killed", at, Failing(at, fault, more=10**9), killed=True)
        for draw in range(POWER_DRAWS):
            trial("power", at, Power(at, random.Random(f"{draw}/{at}")))
        measuring.note(f"step {at} of {count}, {len(lost)} lost")
    rows = [[name, str(tried[name]), str(kept[name])] for name in tried]
    rows.append(["all", str(sum(tried.values())), str(sum(kept.values()))])
    head = f"fault, at {'each' if given.every == 1 else f'each {given.every}th'} of {count} steps"
    text = "\n".join([table(rows, [head, "tried", "nothing lost"], right=(1, 2)), *lost])
    return {"steps": count, "tried": tried, "kept": kept, "lost": lost}, text, bool(lost)


def kills(place: Path, given: Any) -> tuple[Any, str, bool]:
    draw, killer = random.Random(0), Killer(place)
    acknowledged, lost = 0, list[str]()
    for number in range(1, given.kills + 1):
        try:
            acknowledged = killer.round(draw.uniform(0, 0.06), draw)
        except (AssertionError, HelderError) as error:
            lost.append(f"kill {number}: {error}")
            break
        if number % 20 == 0:
            measuring.note(f"{number} kills, {acknowledged:,} acknowledged records, none lost")
    killer.close()
    text = f"{number} kills, {acknowledged:,} acknowledged records in one log: {len(lost)} times something was lost"
    return {"kills": number, "acknowledged": acknowledged, "lost": lost}, "\n".join([text, *lost]), bool(lost)


PARTS: dict[str, Callable[[Path, Any], tuple[Any, str, bool]]] = {
    "mutations": mutated,
    "speed": speed,
    "million": million,
    "faults": faults,
    "kills": kills,
}


if __name__ == "__main__":
    main()
