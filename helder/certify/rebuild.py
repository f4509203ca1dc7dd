"""Level 3: the cheap deterministic stages are run again, and what they make is compared byte for byte.

Each runs as it ran for the maker: in a child process with a cleared environment. Where bytes differ and this machine or
its libraries differ too, the level says so and does not judge; where nothing differs but the bytes, it has failed. The
documents and the page are rendered again as well: nothing stands in them that does not follow from the bundle.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path

from helder.certify import again, commitment, documents, layout
from helder.certify import bundle as making
from helder.certify.again import Missing
from helder.certify.opened import Bundle, keys_in
from helder.certify.verdict import Level
from helder.errors import HelderError
from helder.ledger import artifact as artifacts
from helder.ledger import environment
from helder.ledger.statement import Statement
from helder.stage import OnEvent
from helder.train import chain

NEED_TRAINING = frozenset(
    {
        "helder.model.scratch:run",
        "helder.train.average:run",
        "helder.compress.stage:run",
        "helder.evaluate.baselines:run",
    }
)


def check(bundle: Bundle, way: Mapping[str, Statement], work: Path, level: Level, on_event: OnEvent) -> None:
    """Run every cheap stage of the way again.

    Args:
        work: an empty folder; what is made there is removed again.
    """
    for stage, said in way.items():
        function = said.predicate["stage"]["function"]
        if function in again.CHEAP:
            on_event({"event": "note", "stage": "rebuild", "text": f"makes {stage} again"})
            _stage(bundle, way, stage, work, level, on_event)
        elif function in again.IMPORTS:
            level.note(stage, "An imported model is a declared source: how it came about is not shown here.")
        elif function not in (again.TRAINS, again.ASKS, again.SCORES):
            level.note(stage, "This stage measures or answers; it is not among those that are made again.")
        if function == again.TRAINS:
            _states(bundle, stage, said, level)
    _revealed(bundle, level)
    rendered(bundle, way, level)


def _stage(
    bundle: Bundle, way: Mapping[str, Statement], stage: str, work: Path, level: Level, on_event: OnEvent
) -> None:
    said = way[stage]
    if said.predicate["stage"]["function"] in NEED_TRAINING and importlib.util.find_spec("torch") is None:
        level.unchecked(said.stage, "It needs what `pip install 'helder[train]'` installs, which is not here.")
        return
    sources = {source.name for source in bundle.sources if source.stage == stage and source.path}
    try:
        output = again.remake(again.stage_of(bundle, way, stage), work / said.stage, on_event)
        compare(said, output, level)
    except Missing as missing:
        if said.predicate["stage"]["function"] == commitment.FUNCTION and "secret" not in sources:
            level.note(said.stage, "Its secret stays with the makers: only a bundle for a regulator can show the root.")
        else:
            level.unchecked(said.stage, f"It could not be made again: {missing}.")
    except HelderError as error:
        level.failed(said.stage, f"Making it again ended with an error: {error.what} {error.why}")
    finally:
        artifacts.remove(work / said.stage)


def _states(bundle: Bundle, stage: str, said: Statement, level: Level) -> None:
    """The states that were kept are those that the training log names."""
    for one in said.facts.get("states", []):
        path = f"{layout.ARTIFACTS}/{stage}/{chain.state_file(one['step'])}"
        if path not in bundle.files:
            level.note(path, "The state is withheld.")
        elif chain.holds(bundle.root / path, one[chain.STATE]):
            level.passed(path, "It is the state that the training log names.")
        else:
            level.failed(path, "It is not the state that the training log names.")


def compare(said: Statement, output: Path, level: Level, only: Sequence[str] | None = None) -> None:
    """Hold what was made again against the statement.

    Args:
        only: the files that count; None for all.
    """
    made = {entry.path: entry.sha256 for entry in artifacts.manifest(output) if only is None or entry.path in only}
    stated = {one["path"]: one["sha256"] for one in said.predicate["outputs"] if only is None or one["path"] in only}
    other = sorted(path for path in made.keys() | stated.keys() if made.get(path) != stated.get(path))
    if not other:
        level.passed(said.stage, f"Made again, its {len(stated)} files are the same, byte for byte.")
        return
    named = ", ".join(other[:5]) + (" …" if len(other) > 5 else "")
    if reasons := again.differences(said):
        level.unchecked(said.stage, f"Made again, {named} came out otherwise, and {'; '.join(reasons)}.")
    else:
        level.failed(said.stage, f"Made again under the same conditions, {named} came out otherwise.")


def _revealed(bundle: Bundle, level: Level) -> None:
    """Documents that are shown stand among those committed to."""
    shown = sorted(bundle.below(making.REVEALED), key=lambda entry: entry.path)
    if not shown:
        return
    record = layout.read_json(bundle.folder(commitment.STAGE) / commitment.FILE)
    for entry in shown:
        if commitment.proved(layout.read_json(bundle.root / entry.path), record):
            level.passed(entry.path, "It stands among the documents that were committed to.")
        else:
            level.failed(entry.path, "It does not stand among the documents that were committed to.")


def rendered(bundle: Bundle, way: Mapping[str, Statement], level: Level) -> None:
    """Documents and page say what the bundle says."""
    version = bundle.predicate["helder"]
    try:
        evidence = documents.evidence_of(bundle.predicate, way, bundle.root)
        expected = {f"{layout.DOCUMENTS}/{path}": data for path, data in documents.render(evidence).items()}
        sealed, signers = documents.shown_signatures(bundle.root, keys_in(bundle.root))
        before = documents.evidence_before(bundle.root, bundle.predicate)
        expected[layout.PAGE] = documents.page(evidence, sealed, signers, before)
    except (HelderError, KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError) as error:
        level.failed(layout.DOCUMENTS, f"Documents and page cannot be made of what the bundle holds: {error!r}.")
        return
    listed = {entry.path for entry in bundle.below(layout.DOCUMENTS)} | {layout.PAGE}
    for path in sorted(expected.keys() | listed):
        there = bundle.root / path
        if path in expected and there.is_file() and layout.read(there) == expected[path]:
            continue
        if version["sha256"] != environment.code_digest():
            level.unchecked(
                path, f"Rendered here it reads otherwise; it was made by another Helder ({version['helder']})."
            )
        else:
            level.failed(path, "It does not say what the bundle's statements and artifacts say.")
    if all(finding.place not in expected for finding in level.findings):
        level.passed(layout.DOCUMENTS, f"{len(expected)} documents say what statements and artifacts say.")
