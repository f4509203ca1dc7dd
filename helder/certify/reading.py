"""Statements and the files of their artifacts, read as facts: where each stands, how well it is shown, who may see it.

Files are held against the digests that the statements name before anything in them is believed. What is withheld is
not there and gives None. Light: it needs no torch.
"""

from __future__ import annotations

import hashlib
import heapq
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from helder.errors import ExitCode, HelderError
from helder.ledger import canonical
from helder.ledger.statement import Statement
from helder.model import families
from helder.model.config import TransformerConfig

Audience = Literal["public", "customer", "regulator"]
AUDIENCES: tuple[Audience, ...] = ("public", "customer", "regulator")  # each sees what those before it see
DECLARED, PRESENT, BOUND, EXERCISED = 0, 1, 2, 3
# What a stage does, by its function; in brackets how stages are called whose function is not Helder's own.
TRAINS, AVERAGES, TEACHES = "helder.train.stage:run", "helder.train.average:run", "helder.train.teach:run"
TOKENIZES, SCRATCH, IMPORTS = "helder.tokens.stage:run", "helder.model.scratch:run", "helder.model.importer:run"
CALLED = {TRAINS: "train", AVERAGES: "average", TEACHES: "teach", TOKENIZES: "tokens"}


@dataclass(frozen=True)
class Fact:
    """One thing that is said.

    Attributes:
        value: JSON; None when it is not known, and then it is left open for all to see.
        source: where it stands, in words: "statement train: settings.learning_rate".
        evidence: SHA-256 of the payload of the statement, or of the file, that shows it; None for words of people.
        grade: 0 declared, 1 present, 2 bound in the signed ledger, 3 exercised: it was run again.
        audience: who may see it at least.
    """

    value: Any
    source: str
    evidence: str | None = None
    grade: int = DECLARED
    audience: Audience = "public"

    @property
    def known(self) -> bool:
        return self.value is not None

    def for_(self, audience: str) -> bool:
        """Whether these readers may see it."""
        return AUDIENCES.index(self.audience) <= AUDIENCES.index(audience)

    def to_json(self) -> dict[str, Any]:
        return {
            "value": self.value,
            "source": self.source,
            "evidence": self.evidence,
            "grade": self.grade,
            "audience": self.audience,
        }


Facts = dict[str, Fact]
Read = tuple[Any, str]  # what a file says, and its SHA-256


@dataclass(frozen=True)
class Reading:
    """A release with its statements and what is there of its artifacts.

    Attributes:
        release: the release's predicate, see `helder.ledger.predicates`; `files` may be missing while it is made.
        statements: stage → statement of those that led to the model and its scores, each after those it builds on.
        places: stage → folder of its artifact; None, or files missing from it, when they are withheld.
    """

    release: Mapping[str, Any]
    statements: Mapping[str, Statement]
    places: Mapping[str, Path | None]

    def imported(self, stage: str) -> bool:
        """Whether this stage is the import of a model of others."""
        return stage in self.statements and self._does(stage, IMPORTS)

    def has(self, stage: str, path: str) -> bool:
        """Whether this file of an artifact is in the bundle."""
        place, said = self.places.get(stage), self._said(stage)
        listed = said is not None and any(one["path"] == path for one in said.predicate["outputs"])
        return listed and place is not None and (place / path).is_file()

    def _does(self, stage: str, function: str) -> bool:
        """Whether a stage ran this function; foreign ones are known by their name."""
        own = str(self.statements[stage].predicate["stage"]["function"])
        if own.startswith("helder."):
            return own == function
        called = CALLED.get(function)
        return called is not None and (stage == called or stage.startswith(f"{called}-"))

    def _stages(self, function: str) -> list[str]:
        return [stage for stage in self.statements if self._does(stage, function)]

    def _said(self, stage: str) -> Statement | None:
        return self.statements.get(stage)

    def _payload(self, stage: str) -> str | None:
        """SHA-256 of a statement as it is signed."""
        said = self._said(stage)
        return None if said is None else payload_digest(said)

    def _shown(self, stage: str, value: Any, where: str) -> Fact:
        return Fact(value, f"statement {stage}: {where}", self._payload(stage), BOUND)

    def _fact(self, stage: str, part: str, key: str, grade: int = BOUND) -> Fact:
        """One value of a statement's settings or facts."""
        said = self._said(stage)
        if said is None:
            return Fact(None, f"there is no statement {stage}")
        return Fact(said.predicate[part].get(key), f"statement {stage}: {part}.{key}", self._payload(stage), grade)

    def _digest(self, stage: str) -> Fact:
        said = self._said(stage)
        return (
            Fact(None, f"there is no statement {stage}") if said is None else self._shown(stage, said.digest, "subject")
        )

    def _outputs(self, stage: str, suffix: str, form: Callable[[str], str]) -> list[Fact]:
        said = self._said(stage)
        return [
            self._file(
                stage,
                {"file": one["path"], "format": form(one["path"]), "bytes": one["size"], "sha256": one["sha256"]},
            )
            for one in (said.predicate["outputs"] if said else [])
            if one["path"].endswith(suffix)
        ]

    def _file(self, stage: str, value: dict[str, Any]) -> Fact:
        return Fact(value, f"statement {stage}: outputs", self._payload(stage), BOUND)

    def _config(self, stage: str) -> tuple[TransformerConfig, str] | None:
        """The architecture that a model's folder names."""
        read = self._json(stage, "config.json")
        place = self.places.get(stage)
        if read is None or place is None or "model_type" not in read[0]:
            return None
        return families.read_config(place), read[1]

    def _json(self, stage: str, name: str) -> Read | None:
        """A JSON file of an artifact and its digest; None when it is withheld or was never made.

        Raises:
            HelderError: code 3: it is not the file that the statement speaks of, or no JSON.
        """
        found = self._bytes(stage, name)
        if found is None:
            return None
        try:
            return json.loads(found[0].decode("utf-8")), found[1]
        except (ValueError, RecursionError) as error:
            raise HelderError(f"{stage}/{name} is not JSON.", str(error), "Make it again.", ExitCode.FAILED) from error

    def _lines(self, stage: str, name: str) -> tuple[list[Any], str] | None:
        """The lines of a JSONL file of an artifact, as `_json`."""
        found = self._bytes(stage, name)
        if found is None:
            return None
        try:
            return [json.loads(line) for line in found[0].decode("utf-8").splitlines()], found[1]
        except (ValueError, RecursionError) as error:
            raise HelderError(f"{stage}/{name} is not JSONL.", str(error), "Make it again.", ExitCode.FAILED) from error

    def _bytes(self, stage: str, name: str) -> tuple[bytes, str] | None:
        said, place = self._said(stage), self.places.get(stage)
        listed = {one["path"]: one["sha256"] for one in said.predicate["outputs"]} if said else {}
        if place is None or name not in listed or not (place / name).is_file():
            return None
        data = (place / name).read_bytes()
        if hashlib.sha256(data).hexdigest() != listed[name]:
            raise HelderError(
                f"{stage}/{name} is not the file that its statement speaks of.",
                "Its content was changed.",
                "Get the bundle again from its source, or make it again.",
                ExitCode.FAILED,
            )
        return data, listed[name]


def payload_digest(said: Statement) -> str:
    """SHA-256 of a statement as it is signed."""
    return canonical.digest(dict(said.payload))


def in_order(statements: Mapping[str, Statement]) -> dict[str, Statement]:
    """Each statement after those it builds on; among equals by name, so that the order given does not matter."""
    makers: dict[str, list[str]] = {}
    for stage in sorted(statements):
        makers.setdefault(statements[stage].digest, []).append(stage)
    before = {stage: set(_builds_on(said, makers, stage)) for stage, said in statements.items()}
    ready = sorted(stage for stage, needed in before.items() if not needed)
    found: dict[str, Statement] = {}
    while ready:
        stage = heapq.heappop(ready)
        found[stage] = statements[stage]
        for other, needed in before.items():
            if stage in needed:
                needed.remove(stage)
                if not needed:
                    heapq.heappush(ready, other)
    # What goes round in a circle cannot be ordered; lineage is refused elsewhere, nothing is dropped here.
    return found | {stage: statements[stage] for stage in sorted(statements.keys() - found.keys())}


def _builds_on(said: Statement, makers: Mapping[str, Sequence[str]], stage: str) -> Iterator[str]:
    for one in said.predicate["inputs"].values():
        yield from (maker for maker in makers.get(one["digest"]["sha256"], ()) if maker != stage)
