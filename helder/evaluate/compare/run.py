"""A comparison from beginning to end: plan, agreement, questions, judgement, result.

    FOLDER/<plan12>/
      plan.json        what was fixed             leaving.jsonl    every request, before it was sent
      record.jsonl     every byte, as it came     answers.jsonl    every answer and its judgement
      comparison.json  the result                 report.html      the same for people
      ledger/          signed statements: first of the plan, then of the result, which names the plan's digest

The plan decides the name of the folder, so that the same command goes on where it stopped and pays for nothing twice.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helder.errors import ExitCode, HelderError
from helder.evaluate import evidence
from helder.evaluate.compare import RECORDED, asking, local, record, result
from helder.evaluate.compare import leaving as leavings
from helder.evaluate.compare import plan as plans
from helder.evaluate.compare.asking import Answered
from helder.evaluate.compare.budget import Budget, Limits
from helder.evaluate.compare.gate import Gate
from helder.evaluate.compare.items import Asked
from helder.evaluate.compare.leaving import Leaving
from helder.evaluate.compare.local import Answers, Local, Taken
from helder.evaluate.compare.plan import Plan
from helder.evaluate.compare.services import Service
from helder.evaluate.verifiers import Verifier
from helder.ledger import artifact as artifacts
from helder.ledger.artifact import Artifact
from helder.ledger.run_folder import RunFolder

Subject = Service | Local
OnEvent = Callable[[dict[str, Any]], None]
CUT = result.CUT


@dataclass(frozen=True)
class Prepared:
    """A comparison that is planned and whose plan is sealed; nothing has been asked.

    Attributes:
        folder: where everything of it lies.
        known: what was answered before.
    """

    folder: Path
    subjects: tuple[Subject, ...]
    asked: Asked
    leaving: Leaving
    plan: Plan
    judge: Verifier
    known: record.Known

    @property
    def services(self) -> list[Service]:
        return [one for one in self.subjects if isinstance(one, Service)]

    @property
    def open_requests(self) -> list[leavings.Request]:
        """What is still to be sent."""
        done = self.known.replies
        return [one for one in self.leaving.requests if (one.service.name, one.item.key, one.sha256) not in done]


def prepare(
    subjects: Sequence[Subject],
    asked: Asked,
    judge: Verifier,
    folder: Path,
    gate: Gate,
    *,
    margin: float,
    confidence: float,
    discordant: float,
    seed: int,
) -> Prepared:
    """Plan a comparison, write the plan and what would leave, and state the plan in the ledger.

    Args:
        folder: where comparisons lie; each gets a folder of its own in it.

    Raises:
        HelderError: fewer than two subjects, two of one name, a host that is not allowed, or items that may not leave.
    """
    names = [one.name for one in subjects]
    if len(names) < 2:
        raise HelderError("A comparison has two subjects or more.", "", "Name another one.")
    if twice := [name for name in names if names.count(name) > 1]:
        raise HelderError(
            f"Two subjects are called {twice[0]}.", "", "Rename one of them: a file, or a table of --services."
        )
    services = [one for one in subjects if isinstance(one, Service)]
    for service in services:
        gate.check(service.host, service.name)
    going = leavings.leaving(services, asked)
    leavings.check(asked, going)
    described = [one.model_dump(mode="json") if isinstance(one, Service) else one.to_json() for one in subjects]
    plan = plans.make(
        described, asked, going, judge, margin=margin, confidence=confidence, discordant=discordant, seed=seed
    )
    own = folder / plan.digest[:12]
    if not (own / "plan.json").is_file():
        artifacts.write_atomic(own / "leaving.jsonl", going.lines)
        _state(own, "comparison-plan", plan, asked, [("plan.json", plan.text), ("leaving.jsonl", going.lines)], {})
        artifacts.write_atomic(own / "plan.json", plan.text)
    _check(own, plan, going)
    return Prepared(own, tuple(subjects), asked, going, plan, judge, record.read(own / "record.jsonl"))


def run(
    prepared: Prepared,
    gate: Gate,
    limits: Limits,
    *,
    at_once: int = asking.AT_ONCE,
    may_miss: int = 0,
    sleep: Callable[[float], object] | None = None,
    on_event: OnEvent = lambda event: None,
) -> dict[str, Any]:
    """Ask everyone, judge, and write the result.

    Args:
        limits: what was agreed to spend; requests and money of earlier attempts count.
        at_once: questions that are open at a time, of one service.
        may_miss: how many items may be left out for everyone because a service refuses them.

    Returns:
        comparison.json.

    Raises:
        HelderError: see `asking.ask_all`, `local.ask` and `result.comparison`; what was answered is kept.
    """
    plan, asked = prepared.plan, prepared.asked
    for service in prepared.services:
        asking.key_of(service)  # a missing key is told before anything is asked
    given: dict[str, Answers] = {}
    with RunFolder(prepared.folder).lock():
        before = record.read(prepared.folder / "record.jsonl")  # anew: another process may have asked meanwhile
        journal = record.Record(prepared.folder / "record.jsonl", plan.digest) if prepared.services else None
        try:
            budget = Budget(limits, before.requests, before.money)
            replies: dict[str, Answered] = {}
            # Services last: what fails here on this machine fails before it costs anything.
            for subject in sorted(prepared.subjects, key=lambda one: isinstance(one, Service)):
                on_event({"event": "started", "stage": subject.name})
                progress = _counter(on_event, subject.name, len(asked.items))
                if isinstance(subject, Local):
                    with tempfile.TemporaryDirectory(prefix="helder-") as scratch:
                        given[subject.name] = local.ask(subject, asked, Path(scratch), progress)
                else:
                    assert journal is not None
                    going = prepared.leaving.of(subject)
                    replies[subject.name] = asking.ask_all(
                        going, gate, budget, journal, before, seed=int(plan.record["seed"]), at_once=at_once,
                        sleep=sleep, progress=progress,
                    )  # fmt: skip
        finally:
            if journal is not None:
                journal.close()
                artifacts.fsync_file(prepared.folder / "record.jsonl")
        known = record.read(prepared.folder / "record.jsonl")
        for service in prepared.services:
            given[service.name] = _of_service(service, replies[service.name], known, prepared.leaving)
        left = {service.name: _left(service, prepared.leaving, known) for service in prepared.services}
        ordered = {one.name: given[one.name] for one in prepared.subjects}
        right = {name: result.judged(prepared.judge, asked, answers) for name, answers in ordered.items()}
        others = plans.others(plan, prepared.folder.parent)
        found = result.comparison(plan, asked, ordered, right, left, may_miss, others)
        _write(prepared, found, result.answer_lines(asked, ordered, right))
    return found


def _of_service(service: Service, answered: Answered, known: record.Known, going: Leaving) -> Answers:
    replies = answered.replies
    seconds = known.seconds.get(service.name, [])
    dates = known.dates.get(service.name, [])
    cost = (known.costs.get(service.name, 0.0), service.price.currency) if service.price else None
    facts = {
        "host": service.host,
        "served_models": sorted({reply.served_model for reply in replies.values()}),
        "dates": [min(dates), max(dates)] if dates else [],
        "input_tokens": sum(reply.input_tokens or 0 for reply in replies.values()),
        "output_tokens": sum(reply.output_tokens or 0 for reply in replies.values()),
        "cut": sum(reply.finish in CUT for reply in replies.values()),
        "refused": dict(sorted(answered.refused.items())),
        "finish": {
            reason: sum(reply.finish == reason for reply in replies.values())
            for reason in sorted({reply.finish for reply in replies.values()})
        },
    }
    taken = Taken(sum(seconds), tuple(seconds), None, None, cost)
    return Answers({key: reply.text for key, reply in replies.items()}, taken, facts)


def _left(service: Service, going: Leaving, known: record.Known) -> dict[str, Any]:
    """What left for a service: counted from the record, not from the plan."""
    size, requests = known.left.get(service.name, (0, 0))
    items = len({one.item.key for one in going.of(service)})
    where = "this machine, whoever listens there" if service.on_this_machine else service.host
    return {"host": service.host, "where": where, "items": items, "requests": requests, "bytes": size}


def _write(prepared: Prepared, found: Mapping[str, Any], lines: Sequence[Any]) -> None:
    from helder.report.comparison import page

    folder = prepared.folder
    text = (json.dumps(found, ensure_ascii=False, indent=1) + "\n").encode("utf-8")
    answers = "".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in lines)
    files = [("comparison.json", text), ("answers.jsonl", answers.encode("utf-8"))]
    for name, data in files:
        artifacts.write_atomic(folder / name, data)
    artifacts.write_atomic(folder / "report.html", page(found, prepared.plan.record).encode("utf-8"))
    journal = folder / "record.jsonl"
    kept = [*files, *([("record.jsonl", journal.read_bytes())] if journal.is_file() else [])]
    facts: dict[str, Any] = {"verdicts": [one["sentence"] for one in found["comparisons"]]}
    facts |= {"services_are": RECORDED} if prepared.services else {}
    inputs = {"plan": evidence.sealed(folder, "comparison-plan")}
    _state(folder, "comparison", prepared.plan, prepared.asked, kept, inputs, facts)


def _state(
    folder: Path,
    stage: str,
    plan: Plan,
    asked: Asked,
    files: Sequence[tuple[str, bytes]],
    inputs: Mapping[str, Artifact],
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Seal files of the comparison in its own folder."""
    evidence.seal_files(
        folder,
        stage,
        dict(files),
        {"plan": plan.digest, "seed": plan.record["seed"]},
        {**asked.sources, **inputs},
        facts,
        function=f"{__name__}:{'prepare' if stage == 'comparison-plan' else 'run'}",
    )


def _check(folder: Path, plan: Plan, going: Leaving) -> None:
    """The plan and the list in the folder are those of this command, and are sealed."""
    sealed = evidence.sealed(folder, "comparison-plan")
    same = (folder / "plan.json").read_bytes() == plan.text == (sealed.path / "plan.json").read_bytes()
    if not (same and (folder / "leaving.jsonl").read_bytes() == going.lines and sealed.intact()):
        raise HelderError(
            f"The plan in {folder} was changed after it was made.",
            "A plan that can be changed fixes nothing.",
            "Restore the folder, or compare again in another one: --out",
            ExitCode.FAILED,
        )


def _counter(on_event: OnEvent, stage: str, total: int) -> Callable[[int], None]:
    import threading

    lock, done = threading.Lock(), 0

    def progress(count: int) -> None:
        nonlocal done
        with lock:
            done += count
            on_event({"event": "progress", "stage": stage, "done": done, "total": total, "unit": "item"})

    return progress
