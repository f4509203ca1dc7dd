"""A bundle that was received: its streams and where they come from, when it holds what was learnt from.

Who may have the texts has the indexes too (`helder.certify.audience`), when there was one: it is made by the first
`helder trace` of whoever ran it. Nothing is made here. Which step saw a passage is told from the statements and the
training logs of the bundle, as in the house of its makers.

What is read here is believed for the signatures on statements alone; that files are what was signed is for `verify`
(levels 1 and 2), which `helder trace` and `helder serve` ask first.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helder.certify import layout
from helder.certify.again import function_of
from helder.certify.opened import Bundle
from helder.certify.verdict import Level
from helder.errors import ExitCode, HelderError
from helder.ledger.artifact import Artifact
from helder.ledger.keys import PublicKey
from helder.ledger.statement import Statement

if TYPE_CHECKING:
    from helder.trace.streams import Stream
    from helder.trace.way_back import Origin

TEXTS = ("documents.jsonl", "train.jsonl", "train.npy")  # what documents, records and their tokens lie in
INDEX, READ = "artifacts/index-", "artifacts/extract/"  # indexes; documents as they were read, before any went out
SHORT = 12  # digits of a digest in the name of an artifact


def is_bundle(path: Path) -> bool:
    """Whether a path is the folder of a bundle.

    Raises:
        HelderError: it is one in one file.
    """
    if path.is_file() and zipfile.is_zipfile(path):
        raise HelderError(
            f"{path} is a bundle in one file, or another archive.",
            "helder trace reads a folder.",
            "Unpack it, and name its folder.",
        )
    return (path / layout.RELEASE).is_file()


def opened(path: Path, trusted: Sequence[PublicKey] | None = None) -> tuple[Origin, list[Stream]]:
    """What `Tracer` needs of a bundle whose files are what was signed.

    Args:
        path: its folder.
        trusted: the keys that are believed; without them those that this machine knows.

    Raises:
        HelderError: its texts or its index are withheld from this audience or were never made; or its release or its
            statements cannot be believed (codes 3 and 4).
    """
    bundle, way = _read(path, trusted)
    refuse(bundle)
    return _origin(bundle, way), streams(bundle, way)


def checked(path: Path) -> None:
    """Refuse a bundle that is not whole, not signed by somebody known, or whose lineage has a gap.

    Raises:
        HelderError: code 3 or 4.
    """
    from helder.certify.verify import verify

    verdict = verify(path)
    verdict.require(f"{path} is not traced")


def _read(path: Path, trusted: Sequence[PublicKey] | None) -> tuple[Bundle, dict[str, Statement]]:
    from helder.certify import integrity, lineage
    from helder.certify.opened import keys_in
    from helder.certify.verdict import Result
    from helder.ledger import keys

    known = list(keys.believed() if trusted is None else trusted)
    level = Level(1, asked=True)
    bundle, signers = integrity.open_bundle(path, known, level)
    if bundle is None:
        raise HelderError(f"{path} cannot be used.", level.findings[-1].what, "Get it again.", ExitCode.FAILED)
    signing = [key for key in keys_in(path) if key.id in {signer.id for signer in signers}]
    way = lineage.read_statements(bundle, [*known, *signing], level)
    for finding in level.findings:
        if finding.result is Result.FAILED or finding.result is Result.UNCHECKED:
            code = ExitCode.FAILED if finding.result is Result.FAILED else ExitCode.UNCHECKED
            raise HelderError(
                f"{path} cannot be believed.", f"{finding.place}: {finding.what}", "helder verify says all.", code
            )
    return bundle, way


def refuse(bundle: Bundle) -> None:
    """Say why a bundle is not traced, where what is needed is not in it.

    Raises:
        HelderError: its texts are withheld from this audience, or it holds no index.
    """
    release = bundle.predicate
    held = [one for one in release["withheld"] if _is_text(one["path"])]
    if held:
        raise HelderError(
            f"{bundle.root} is a bundle for the audience {release['audience']!r}, and what was learnt from is not in "
            "it.",
            f"Withheld: {held[0]['path']}, and {len(held) - 1} more such files. {held[0]['why']}",
            f"Ask whoever made {release['name']} to trace the text, or for a bundle for a regulator.",
        )
    if not any(path.startswith(INDEX) for path in bundle.files):
        raise HelderError(
            f"{bundle.root} holds no index of what was learnt from.",
            "An index is made by the first helder trace of a run, and handed over when it is there.",
            f'Ask whoever made {release["name"]} to call helder trace RUN "any words" before helder certify.',
        )


def streams(bundle: Bundle, way: Mapping[str, Statement]) -> list[Stream]:
    """What the trainings of a bundle learnt from, with indexes; in the order of the way."""
    from helder.trace.index import FUNCTION
    from helder.trace.steps import Training
    from helder.trace.streams import LEARNT_FROM, TOKENIZES, TRAINS, Stream

    trainings = [stage for stage, said in way.items() if function_of(said) == TRAINS]
    found: list[Stream] = []
    for stage, said in way.items():
        if function_of(said) != FUNCTION:
            continue
        kind = next(kind for kind in LEARNT_FROM if kind in said.predicate["inputs"])
        learnt = _input(bundle, way, stage, kind)
        maker = next((name for name, one in way.items() if one.digest == learnt.digest), None)
        sources: dict[str, Artifact] = {kind: learnt}
        if maker is not None and function_of(way[maker]) == TOKENIZES:
            texts = [name for name in way[maker].predicate["inputs"] if name.startswith("text")]
            sources = {name: _input(bundle, way, maker, name) for name in sorted(texts)}
        seen = [name for name in trainings if _digest(way[name], kind) == learnt.digest]
        base = _input(bundle, way, *((stage, "base") if kind != "text" else (str(maker), "base")))
        known = tuple(Training(name, way[name], bundle.folder(name)) for name in seen)
        made = Artifact(bundle.folder(stage), said.digest, f"{stage}-{said.digest[:SHORT]}")
        one = Stream(stage.removeprefix("index-"), kind, learnt, base, sources, known)
        found.append(replace(one, made=made))
    return found


def _origin(bundle: Bundle, way: Mapping[str, Statement]) -> Origin:
    from helder.trace.way_back import Origin, is_training, stated

    data = way.get("data")
    settings: Mapping[str, Any] = {} if data is None else data.predicate["settings"]
    base = way.get("base")
    imported = base is not None and function_of(base) != "helder.model.scratch:run"
    name = str(base.predicate["settings"].get("name", "")) if imported and base is not None else None

    def files() -> Iterator[Artifact]:
        for source in bundle.sources:
            if source.stage == "data" and is_training(source.name) and source.path is not None:
                path = bundle.root / source.path
                yield Artifact(path, source.digest, path.name)

    return Origin(stated(settings.get("licence")), name, str(settings.get("input", "input")), list(files()))


def _digest(said: Statement, name: str) -> str | None:
    found = said.predicate["inputs"].get(name)
    return None if found is None else str(found["digest"]["sha256"])


def _input(bundle: Bundle, way: Mapping[str, Statement], stage: str, name: str) -> Artifact:
    """Where an input of a stage lies in the bundle.

    Raises:
        HelderError: code 3, it is neither a stage's artifact nor a source that lies there.
    """
    digest = _digest(way[stage], name)
    for maker, said in way.items():
        if said.digest == digest:
            return Artifact(bundle.folder(maker), said.digest, maker)
    for source in bundle.sources:
        if source.digest == digest and source.path is not None:
            path = bundle.root / source.path
            return Artifact(path, source.digest, path.name)
    raise HelderError(
        f"The {name} of the stage {stage} is not in the bundle.",
        f"Its digest is {(digest or '?')[:SHORT]}.",
        "helder verify says what is missing.",
        ExitCode.FAILED,
    )


def _is_text(path: str) -> bool:
    return path.startswith(INDEX) or (path.rpartition("/")[2] in TEXTS and not path.startswith(READ))
