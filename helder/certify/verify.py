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
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from helder.certify import archive, integrity, layout, lineage, sample
from helder.certify.opened import MOST_KEYS, Bundle, keys_in
from helder.certify.verdict import LEVELS, Level, Result, Signer, Verdict
from helder.errors import HelderError
from helder.ledger import keys
from helder.ledger.keys import PublicKey
from helder.ledger.statement import Statement
from helder.stage import OnEvent

USUAL_LEVEL = 2
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
            return _verdict(path, None, [], levels)
        on_event({"event": "note", "stage": "verify", "text": "reads and hashes every file"})
        believed += _successors(root, believed, levels[1])
        opened, signers = integrity.open_bundle(root, believed, levels[1])
        if opened is None:
            return _verdict(path, None, [], levels)
        integrity.check(opened, signers, levels[1], authorities)
        signing = [key for key in [*believed, *_keys(root)] if key.id in {signer.id for signer in signers}]
        way = _lineage(opened, [*believed, *signing, *_successors(root, signing, levels[1])], levels[2])
        if asked & {3, 4, 5}:
            _run_again(opened, way, Path(temporary), levels, asked, replay, scores, drawn_by, on_event)
        return _verdict(path, opened, signers, levels)


def _lineage(opened: Bundle, believed: Sequence[PublicKey], level: Level) -> dict[str, Statement]:
    """Level 2; also where it was not asked for, since other levels stand on the statements."""
    try:
        way = lineage.read_statements(opened, believed, level)
        lineage.check(opened, way, level)
    except HelderError as error:
        level.failed(layout.LEDGER, f"{error.what} {error.why}".strip())
        return {}
    return way


def _run_again(
    opened: Bundle,
    way: dict[str, Statement],
    work: Path,
    levels: dict[int, Level],
    asked: set[int],
    replay: int | None,
    scores: int | None,
    nonce: str,
    on_event: OnEvent,
) -> None:
    """Levels 3 to 5, of files that are what was signed."""
    from helder.certify import rebuild, replays
    from helder.certify import scores as answers

    broken = [levels[number].name for number in (1, 2) if levels[number].result is Result.FAILED]
    for number in sorted(asked & {3, 4, 5}):
        level = levels[number]
        if broken:
            level.unchecked(
                ".", f"It was not begun: {' and '.join(broken)} failed, so that nothing can be built on it."
            )
            continue
        try:
            if number == 3:
                rebuild.check(opened, way, work, level, on_event)
            elif number == 4:
                wanted = SLICES if replay is None else replay
                replays.check(opened, way, work, level, nonce, opened.digest, wanted, on_event)
            else:
                wanted = ANSWERS if scores is None else scores
                answers.check(opened, way, work, level, nonce, opened.digest, wanted, on_event)
        except HelderError as error:
            level.failed(".", f"{error.what} {error.why}".strip())


def _verdict(path: Path | str, opened: Bundle | None, signers: Sequence[Signer], levels: dict[int, Level]) -> Verdict:
    predicate = {} if opened is None else opened.predicate
    if opened is None:
        for number in LEVELS:
            if number > 1 and levels[number].asked:
                levels[number].unchecked(".", "There is no release that can be read.")
    elif not levels[2].asked:
        levels[2].findings.clear()
    return Verdict(
        path=str(path),
        name=str(predicate.get("name", "")),
        purpose=str(predicate.get("purpose", "")),
        release=None if opened is None else opened.digest,
        predicate=predicate,
        signers=signers,
        levels=[levels[number] for number in LEVELS],
    )


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


def _successors(root: Path, known: Sequence[PublicKey], level: Level) -> list[PublicKey]:
    """Keys that follow known ones: whoever believes a key believes what it says of its successor."""
    folder = root / layout.KEYS
    paths = sorted(folder.glob("rotation-*.json"))[:MOST_KEYS] if folder.is_dir() and not folder.is_symlink() else []
    try:
        return keys.successors(known, [layout.read(path, 1 << 16) for path in paths])
    except HelderError as error:
        level.failed(layout.KEYS, f"{error.what} {error.why}".strip())
        return []
