"""Level 3: the cheap deterministic stages are run again, and what they make is compared byte for byte.

Each runs as it ran for the maker: in a child process with a cleared environment. Where bytes differ and this machine or
its libraries differ too, the level says so and does not judge; where nothing differs but the bytes, it has failed. The
documents and the page are rendered again as well: nothing stands in them that does not follow from the bundle.
"""

from __future__ import annotations

from collections.abc import Mapping

from helder.certify import bundle as making
from helder.certify import commitment, documents, layout
from helder.certify.again import (
    ASKS,
    CHEAP,
    COUNTED,
    IMPORTS,
    SCORES,
    TRAINS,
    Again,
    Missing,
    Remade,
    differences,
    function_of,
)
from helder.certify.opened import Bundle, keys_in
from helder.certify.verdict import Level, Result
from helder.ledger import artifact as artifacts
from helder.ledger import environment
from helder.ledger.statement import Statement
from helder.train import chain


def check(again: Again, level: Level) -> None:
    """Run every cheap stage of the way again; render documents and page again.

    The level's facts name the stages that were made again and those that could not be, so that nobody has to count.
    """
    for stage, said in again.way.items():
        function = function_of(said)
        if function in CHEAP:
            again.tell("rebuild", f"makes {stage} again")
            _stage(again, stage, level)
        elif function in IMPORTS:
            level.note(stage, "An imported model is a declared source: how it came about is not shown here.")
        elif function == TRAINS:
            _states(again.bundle, stage, said, level)
        elif function not in (ASKS, SCORES):
            level.note(stage, "This stage measures or answers; it is not among those that are made again.")
    same = {finding.place for finding in level.findings if finding.result is Result.PASSED}
    cheap = again.stages(*CHEAP)
    level.facts |= {
        "made_again": [name for name in cheap if name in same],
        "not_made_again": [name for name in cheap if name not in same],
    }
    _revealed(again.bundle, level)
    _licences(again.bundle, level)
    rendered(again.bundle, again.way, level)


def _stage(again: Again, name: str, level: Level) -> None:
    said = again.way[name]
    in_bundle = {source.name for source in again.bundle.sources if source.stage == name and source.path}
    try:
        stage = again.stage_of(name)
    except Missing as missing:
        if function_of(said) == commitment.FUNCTION and "secret" not in in_bundle:
            level.note(name, "Its secret stays with the makers: only a bundle for a regulator can show the root.")
        else:
            level.unchecked(name, f"It could not be made again: {str(missing).removesuffix('.')}.")
        return
    with again.remade(stage, level, name) as made:
        if made is not None:
            compare(said, made, level)


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


def compare(said: Statement, again: Remade, level: Level) -> None:
    """Hold what was made again against the statement."""
    made = {entry.path: entry.sha256 for entry in artifacts.manifest(again.output)}
    stated = {one["path"]: one["sha256"] for one in said.predicate["outputs"]}
    other = sorted(path for path in made.keys() | stated.keys() if made.get(path) != stated.get(path))
    counted = COUNTED.get(function_of(said), ())
    other += [f"what it says of {key}" for key in counted if again.facts.get(key) != said.facts.get(key)]
    if not other:
        level.passed(said.stage, f"Made again, its {len(stated)} files are the same, byte for byte.")
        return
    named = ", ".join(other[:5]) + (" …" if len(other) > 5 else "")
    if reasons := differences(said):
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


def _licences(bundle: Bundle, level: Level) -> None:
    """Licence texts are those of the licences that the release names."""
    stated = {one["path"]: one["licences"] for one in bundle.predicate["licences"]}
    for path in sorted(stated.keys() | {entry.path for entry in bundle.below(layout.LICENCES)}):
        found = documents.licences_in(bundle.root / path) if path in bundle.files else None
        if found is not None and found == stated.get(path):
            level.passed(path, f"It is the text of {', '.join(found) or 'no licence that is known here'}.")
        else:
            level.failed(path, f"Its text is that of {found}; the release says {stated.get(path)}.")


def rendered(bundle: Bundle, way: Mapping[str, Statement], level: Level) -> None:
    """Documents and page say what the bundle says."""
    version = bundle.predicate["helder"]
    try:
        evidence = documents.evidence_of(bundle.predicate, way, bundle.root)
        expected = {f"{layout.DOCUMENTS}/{path}": data for path, data in documents.render(evidence).items()}
        sealed, signers = documents.shown_signatures(bundle.root, keys_in(bundle.root))
        before = documents.evidence_before(bundle.root, bundle.predicate)
        expected[layout.PAGE] = documents.page(evidence, sealed, signers, before)
    except documents.UNTELLABLE as error:
        level.failed(layout.DOCUMENTS, f"Documents and page cannot be made of what the bundle holds: {error!r}.")
        return
    listed = {entry.path for entry in bundle.below(layout.DOCUMENTS)} | {layout.PAGE}
    other = [
        path
        for path in sorted(expected.keys() | listed)
        if path not in expected or path not in listed or layout.read(bundle.root / path) != expected[path]
    ]
    for path in other:
        if version["sha256"] != environment.code_digest():
            level.unchecked(
                path, f"Rendered here it reads otherwise; it was made by another Helder ({version['helder']})."
            )
        else:
            level.failed(path, "It does not say what the bundle's statements and artifacts say.")
    if not other:
        level.passed(layout.DOCUMENTS, f"{len(expected)} documents say what statements and artifacts say.")
