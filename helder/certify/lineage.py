"""Level 2: every stage's inputs are an earlier stage's outputs or declared sources; no gap, no cycle, nothing else.

What is looked at is what was said: statements against each other, against the signed list, and the training log
against its chain. Whether a stage did what it says is for levels 3 to 5. Light: needs no torch.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from hashlib import sha256

from helder.certify import layout
from helder.certify.opened import WAY, Bundle, Entry, Source
from helder.certify.verdict import Level, Result
from helder.errors import HelderError
from helder.ledger import envelope, predicates, statement
from helder.ledger.artifact import FileEntry, manifest_digest
from helder.ledger.keys import PublicKey
from helder.ledger.statement import Statement

TRAINS, IMPORTS = "helder.train.stage:run", ("helder.model.importer:run",)
NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")  # of stages: folders are called by them
SHORT = 12  # digits of a digest in the name of a source's folder


def read_statements(bundle: Bundle, believed: Sequence[PublicKey], level: Level) -> dict[str, Statement]:
    """The statements of the way, by stage, in an order in which each comes after those it builds on.

    Args:
        believed: keys that may sign statements: those that the verifier believes, and those that signed the release.
        level: gets what is wrong with any statement of the ledger.
    """
    way: dict[str, Statement] = {}
    listed = {entry.file for entry in bundle.entries}
    for file in bundle.below(layout.LEDGER):
        if file.path not in listed:
            level.failed(file.path, "The release does not account for this statement.")
    for entry in bundle.entries:
        said = _read(bundle, entry, believed, level)
        if said is None or entry.role != WAY:
            continue
        if entry.stage in way:
            level.failed(entry.file, f"Two statements say how {entry.stage} was made.")
            continue
        way[entry.stage] = said
    return _in_order(way, level)


def check(bundle: Bundle, way: Mapping[str, Statement], level: Level) -> None:
    """Hold the statements of the way against each other, against the sources and against the signed list."""
    used: set[str] = set()
    sources = {(source.stage, source.name): source for source in bundle.sources}
    if len(sources) < len(bundle.sources):
        level.failed(layout.RELEASE, "A source is declared twice.")
    for stage, said in way.items():
        _outputs(bundle, stage, said, level)
        _inputs(way, stage, sources, used, level)
        if said.predicate["stage"]["function"] == TRAINS:
            _training_log(bundle, said, level)
    for source in bundle.sources:
        _source(bundle, way, source, level)
    _unaccounted(bundle, way, used, level)
    model = bundle.predicate["model"]
    if model not in way:
        level.failed(layout.RELEASE, f"The model is said to come from {model!r}, of which nothing is stated.")
    level.facts |= {"statements": len(bundle.entries), "stages": len(way), "sources": len(bundle.sources)}
    if Result.FAILED not in {finding.result for finding in level.findings}:
        level.passed(
            ".",
            f"{len(way)} stages lead from {len(bundle.sources)} declared sources to the model and its scores, "
            "without a gap.",
        )


def _read(bundle: Bundle, entry: Entry, believed: Sequence[PublicKey], level: Level) -> Statement | None:
    """One statement, if it is what the release says that it is."""
    if entry.file not in bundle.files:
        level.failed(entry.file, "The release names this statement, and it is not in its list of files.")
        return None
    try:
        opened = envelope.open(layout.read(bundle.root / entry.file), believed, entry.file)
        said = Statement(predicates.read(opened.payload, predicates.STAGE, entry.file))
    except HelderError as error:
        level.failed(entry.file, f"{error.what} {error.why}".strip())
        return None
    if not opened.signers:
        level.failed(entry.file, f"It is not signed by a key that signed the release ({', '.join(opened.unknown)}).")
    if not NAME.fullmatch(entry.stage):
        level.failed(entry.file, f"A stage is not called {entry.stage!a}.")
        return None
    told = {"stage": said.stage, "artifact": said.digest, "payload": sha256(opened.payload).hexdigest()}
    called = said.stage if said.predicate["stage"]["function"] in IMPORTS else entry.stage
    expected = {"stage": called, "artifact": entry.digest, "payload": entry.payload_sha256}
    for what, value in told.items():
        if value != expected[what]:
            level.failed(entry.file, f"Its {what} is {value}; the release says {expected[what]}.")
    predicate = said.predicate
    stage = predicate["stage"]
    inputs = {name: one["digest"]["sha256"] for name, one in predicate["inputs"].items()}
    key = statement.stage_key(
        stage["name"], stage["version"], stage["function"], predicate["settings"], inputs, stage.get("variables", {})
    )
    if key != said.key:
        level.failed(entry.file, "Its key does not follow from its settings, inputs and variables.")
    if predicate["seed"] != predicate["settings"].get("seed"):
        level.failed(entry.file, "Its seed is not the one in its settings.")
    outputs = [FileEntry(one["path"], one["size"], one["sha256"]) for one in predicate["outputs"]]
    if manifest_digest(outputs) != said.digest or [one.path for one in outputs] != sorted(one.path for one in outputs):
        level.failed(entry.file, "The digest of its artifact does not follow from the files that it lists.")
    return said


def _in_order(way: Mapping[str, Statement], level: Level) -> dict[str, Statement]:
    makers = {said.digest: stage for stage, said in way.items()}
    before = {
        stage: {makers[digest] for digest in _digests(said).values() if digest in makers} for stage, said in way.items()
    }
    try:
        order = list(TopologicalSorter({stage: sorted(before[stage]) for stage in sorted(before)}).static_order())
    except CycleError as error:
        level.failed(layout.LEDGER, f"The statements go round in a circle: {' → '.join(error.args[1])}.")
        return dict(way)
    return {stage: way[stage] for stage in order}


def _digests(said: Statement) -> dict[str, str]:
    """Name → digest of what a stage read."""
    return {name: one["digest"]["sha256"] for name, one in said.predicate["inputs"].items()}


def _outputs(bundle: Bundle, stage: str, said: Statement, level: Level) -> None:
    """Every file of an artifact is in the bundle or listed as withheld, and is the one that the statement names."""
    for one in said.predicate["outputs"]:
        path = f"{layout.ARTIFACTS}/{stage}/{one['path']}"
        held = bundle.files.get(path) or bundle.withheld.get(path)
        if held is None:
            level.failed(path, f"{stage} made this file; it is neither in the bundle nor listed as withheld.")
        elif (held.size, held.sha256) != (one["size"], one["sha256"]):
            level.failed(path, f"It is not the file that the statement of {stage} speaks of.")


def _inputs(
    way: Mapping[str, Statement],
    stage: str,
    sources: Mapping[tuple[str, str], Source],
    used: set[str],
    level: Level,
) -> None:
    makers = {other.digest: name for name, other in way.items() if name != stage}
    for name, digest in _digests(way[stage]).items():
        source = sources.get((stage, name))
        if digest in makers:
            used.add(makers[digest])
        elif source is None:
            level.failed(stage, f"Its input {name!r} ({digest[:12]}) is no stage's output and no declared source.")
        elif source.digest != digest:
            level.failed(stage, f"Its input {name!r} is {digest[:12]}; declared is {source.digest[:12]}.")


def _source(bundle: Bundle, way: Mapping[str, Statement], source: Source, level: Level) -> None:
    """A declared source is read by the stage that it names, and is what it is said to be where it is in the bundle."""
    said = way.get(source.stage)
    if said is None or source.name not in said.predicate["inputs"]:
        level.failed(layout.RELEASE, f"The source {source.name!r} of {source.stage!r} is read by no stage.")
    if source.path is None:
        return
    if source.kind == "file":
        held = bundle.files.get(source.path)
        found = None if held is None else held.sha256
    else:
        inside = [
            FileEntry(one.path.removeprefix(f"{source.path}/"), one.size, one.sha256)
            for one in bundle.below(source.path)
        ]
        found = manifest_digest(sorted(inside, key=lambda one: one.path))
    if found != source.digest:
        level.failed(source.path, f"It is not the source {source.name!r} that {source.stage} read.")


def _unaccounted(bundle: Bundle, way: Mapping[str, Statement], used: set[str], level: Level) -> None:
    """Nothing lies among artifacts and sources that no statement speaks of; no stage leads nowhere."""
    stated = {
        f"{layout.ARTIFACTS}/{stage}/{one['path']}" for stage, said in way.items() for one in said.predicate["outputs"]
    }
    declared = {source.digest[:SHORT] for source in bundle.sources}
    for path in [*bundle.files, *bundle.withheld]:
        if path.startswith(f"{layout.ARTIFACTS}/") and path not in stated:
            level.failed(path, "No statement says which stage made it.")
        if path.startswith(f"{layout.SOURCES}/") and path.split("/")[1] not in declared:
            level.failed(path, "No stage is declared to have read it.")
    ends = set(bundle.predicate["ends"])
    for stage in sorted(way.keys() - used - ends):
        level.failed(stage, "Nothing was made of it, and the release does not name it as an end of the way.")
    for stage in sorted(ends - way.keys()):
        level.failed(layout.RELEASE, f"It names {stage!r} as an end of the way, of which nothing is stated.")


def _training_log(bundle: Bundle, said: Statement, level: Level) -> None:
    """The log of a training is one unbroken chain, as long as stated, with the rates that the settings give."""
    from helder.train import chain
    from helder.train.schedule import learning_rate

    path = f"{layout.ARTIFACTS}/{said.stage}/log.jsonl"
    if path not in bundle.files:
        level.note(path, "The training log is withheld: its chain was not followed.")
        return
    settings, facts = said.predicate["settings"], said.facts
    try:
        start = chain.begin(settings, facts["first_weights_sha256"])
        with (bundle.root / path).open(encoding="utf-8", errors="replace") as text:
            checked = chain.check(text, start)
        steps = int(facts["steps"])
        if checked.fault:
            level.failed(path, checked.fault)
        elif checked.head != facts["log_sha256"] or len(checked.lines) != steps:
            level.failed(path, f"It is not the log of {steps} steps that the statement of {said.stage} speaks of.")
        for one in facts["states"]:
            line = checked.lines[one["step"] - 1] if one["step"] <= len(checked.lines) else {}
            if line.get(chain.STATE) != one[chain.STATE]:
                level.failed(path, f"It names another state behind step {one['step']} than the statement.")
        for line in checked.lines:
            factor = learning_rate(
                line["step"] - 1, steps, 1.0, settings["warmup"], settings["schedule"], settings["floor"]
            )
            if line["learning_rate"] != factor * settings["learning_rate"]:
                level.failed(path, f"Step {line['step']} has a learning rate that the settings do not give.")
                return
    except (OSError, ValueError, KeyError, TypeError) as error:
        level.failed(path, f"It is no training log: {error!r}.")
