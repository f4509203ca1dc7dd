"""`helder verify`: what a bundle proves to somebody who does not trust its makers.

    level 1  integrity  every file is what was signed, nothing is missing or extra
    level 2  lineage    every stage's inputs are an earlier stage's outputs or declared sources
    level 3  rebuild    the cheap deterministic stages are run again and compare byte for byte
    level 4  replay     slices of training are run again from stored states and compare bit for bit
    level 5  scores     a sample of the questions is asked again, and the scores follow from the stored answers

Levels 1 and 2 need only the light install and run nothing of the bundle's. What a level cannot check it says; that is
never "passed". Nothing is written outside a temporary folder, and nothing in the bundle is run as a program.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from helder.certify import archive, integrity, layout, lineage, sample
from helder.certify.again import Again
from helder.certify.opened import Bundle, few, keys_in
from helder.certify.verdict import LEVELS, Level, Result, Signer, Verdict
from helder.errors import HelderError
from helder.ledger import keys
from helder.ledger.keys import PublicKey
from helder.ledger.statement import Statement
from helder.stage import OnEvent

USUAL_LEVEL = 2
# Components of the Model Openness Framework that a level exercises when it has passed (`helder.certify.openness`).
EXERCISED = {
    3: ("datasets", "data_preprocessing_code", "model_card", "data_card", "technical_report"),
    4: ("training_code", "model_parameters_intermediate"),
    5: (
        *("model_architecture", "model_parameters_final", "inference_code", "sample_model_outputs"),
        *("evaluation_code", "evaluation_data", "evaluation_results"),
    ),
}
SLICES, ANSWERS = 1, 20  # what is replayed and asked again when the level is asked for and no number is given


def verify(
    path: Path | str,
    *,
    level: int = USUAL_LEVEL,
    replay: int | None = None,
    scores: int | None = None,
    nonce: str | None = None,
    trusted: Sequence[PublicKey] | None = None,
    authorities: Sequence[bytes] = (),
    on_event: OnEvent = lambda event: None,
) -> Verdict:
    """Verify a bundle.

    Args:
        path: the folder, or the one file that `helder certify --archive` made of it.
        level: the highest level; all below are run too.
        replay: how many slices of training are run again; asks for level 4 whatever `level` says.
        scores: how many answers are asked for again; asks for level 5 likewise.
        nonce: decides what is drawn; without it a new one is made. It must be chosen after the bundle was signed.
        trusted: the keys that are believed; without them those that this machine knows.
        authorities: root certificates, in PEM, of those whose time stamps (RFC 3161) are believed.
        on_event: gets what is being done.

    Raises:
        HelderError: there is nothing at `path`, or a wrong argument. What is wrong with a bundle is in the verdict.
    """
    if level not in LEVELS:
        raise HelderError(f"There is no level {level}.", fix=f"Levels are 1 to {len(LEVELS)}.")
    believed = list(keys.believed() if trusted is None else trusted)
    drawn_by = sample.nonce(nonce)
    asked = {number for number in LEVELS if number <= level}
    asked |= ({4} if replay is not None else set()) | ({5} if scores is not None else set())
    with tempfile.TemporaryDirectory(prefix="helder-verify-") as temporary, _folder(Path(path)) as (root, problem):
        levels = {number: Level(number, asked=number in asked) for number in LEVELS}
        if problem is not None:
            levels[1].failed(Path(path).name, problem)
            return _verdict(path, None, {}, [], levels)
        on_event({"event": "note", "stage": "verify", "text": "reads and hashes every file"})
        believed += successors(root, believed, levels[1])
        opened, signers = integrity.open_bundle(root, believed, levels[1])
        if opened is None:
            return _verdict(path, None, {}, [], levels)
        integrity.check(opened, signers, levels[1], authorities)
        signing = [key for key in [*believed, *_keys(root)] if key.id in {signer.id for signer in signers}]
        way = _lineage(opened, [*believed, *signing, *successors(root, signing, levels[1])], levels[2])
        if asked & {3, 4, 5}:
            _run_again(Again(opened, way, Path(temporary), drawn_by, on_event), levels, replay, scores)
        return _verdict(path, opened, way, signers, levels)


def _lineage(opened: Bundle, believed: Sequence[PublicKey], level: Level) -> dict[str, Statement]:
    """Level 2; also where it was not asked for, since other levels stand on the statements."""
    try:
        way = lineage.read_statements(opened, believed, level)
        lineage.check(opened, way, level)
    except HelderError as error:
        level.failed(layout.LEDGER, f"{error.what} {error.why}".strip())
        return {}
    return way


def _run_again(again: Again, levels: Mapping[int, Level], replay: int | None, scores: int | None) -> None:
    """Levels 3 to 5, of files that are what was signed."""
    from helder.certify import rebuild, replays
    from helder.certify import scores as answers

    broken = [levels[number].name for number in (1, 2) if levels[number].result is Result.FAILED]
    checks: dict[int, Callable[[Level], None]] = {
        3: lambda level: rebuild.check(again, level),
        4: lambda level: replays.check(again, level, SLICES if replay is None else replay),
        5: lambda level: answers.check(again, level, ANSWERS if scores is None else scores),
    }
    for number, check in checks.items():
        level = levels[number]
        if not level.asked:
            continue
        if broken:
            why = f"It was not begun: {' and '.join(broken)} failed, so that nothing can be built on it."
            level.unchecked(".", why)
            continue
        try:
            check(level)
        except HelderError as error:
            level.failed(".", f"{error.what} {error.why}".strip())


def _verdict(
    path: Path | str,
    opened: Bundle | None,
    way: Mapping[str, Statement],
    signers: Sequence[Signer],
    levels: Mapping[int, Level],
) -> Verdict:
    if opened is None:
        for number in LEVELS:
            if number > 1 and levels[number].asked:
                levels[number].unchecked(".", "There is no release that can be read.")
    readable = opened is not None and Result.FAILED not in (levels[1].result, levels[2].result)
    facts, openness = _told(opened, way, levels) if opened is not None and readable else (None, None)
    if not levels[2].asked:
        levels[2].findings.clear()
    predicate = {} if opened is None else opened.predicate
    return Verdict(
        path=str(path),
        name=str(predicate.get("name", "")),
        purpose=str(predicate.get("purpose", "")),
        release=None if opened is None else opened.digest,
        predicate=predicate,
        signers=signers,
        levels=[levels[number] for number in LEVELS],
        facts=facts,
        openness=openness,
    )


def _told(
    opened: Bundle, way: Mapping[str, Statement], levels: Mapping[int, Level]
) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """(facts, openness) of a bundle whose files and statements are what was signed."""
    from helder.certify import documents
    from helder.certify.openness import judge

    passed = [number for number, level in levels.items() if level.result is Result.PASSED]
    exercised = {component for number in passed for component in EXERCISED.get(number, ())}
    try:
        evidence = documents.evidence_of(opened.predicate, way, opened.root)
        return evidence.to_json(), judge(evidence, exercised).to_json()
    except documents.UNTELLABLE as error:
        levels[2].failed(layout.ARTIFACTS, f"What stages made cannot be read as what they make: {error!r}.")
        return None, None


@contextmanager
def _folder(path: Path) -> Iterator[tuple[Path, str | None]]:
    """(the folder of a bundle, why there is none)."""
    if path.is_symlink():
        raise HelderError(f"{path} is a link.", "What it leads to can change while it is read.", "Name the folder.")
    if path.is_dir():
        yield path, None
        return
    if not path.is_file():
        raise HelderError(
            f"There is no bundle {path}.", fix="Name a folder that `helder certify` made, or its archive."
        )
    with tempfile.TemporaryDirectory(prefix="helder-archive-") as temporary:
        root = Path(temporary) / "bundle"
        try:
            archive.unpack(path, root)
            problem = None
        except HelderError as error:
            problem = f"{error.what} {error.why}".strip()
        yield root, problem


def _keys(root: Path) -> list[PublicKey]:
    try:
        return keys_in(root)
    except HelderError:
        return []  # said of the file by level 1


def successors(root: Path, known: Sequence[PublicKey], level: Level) -> list[PublicKey]:
    """Keys that follow known ones: whoever believes a key believes what it says of its successor."""
    try:
        paths = few(root / layout.KEYS, "rotation-*.json")
        return keys.successors(known, [layout.read(path, 1 << 16) for path in paths])
    except HelderError as error:
        level.failed(layout.KEYS, f"{error.what} {error.why}".strip())
        return []
