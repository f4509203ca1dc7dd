"""What a verification found: levels, each passed, failed or not checked, with a finding for every place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from helder.errors import ExitCode, HelderError

LEVELS = {1: "integrity", 2: "lineage", 3: "rebuild", 4: "replay", 5: "scores"}


class Result(StrEnum):
    """How a check ended. What could not be checked has neither passed nor failed."""

    PASSED = "passed"
    FAILED = "failed"
    UNCHECKED = "could not be checked"
    SKIPPED = "not asked for"


@dataclass(frozen=True)
class Finding:
    """One thing that a level looked at.

    Attributes:
        place: what is spoken of: a file, a statement, a stage, a slice of a training.
        what: what was found, a sentence; with `UNCHECKED` it begins with the reason.
        result: `SKIPPED` for what the level does not promise and says for information.
    """

    place: str
    what: str
    result: Result

    def to_json(self) -> dict[str, str]:
        return {"place": self.place, "what": self.what, "result": self.result.value}


@dataclass
class Level:
    """One level of a verification, while it is made and after.

    Attributes:
        number: 1 to 5, see `LEVELS`.
        facts: numbers that the level has to tell, such as how many files or which nonce.
        asked: whether it was run.
    """

    number: int
    findings: list[Finding] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    asked: bool = True

    @property
    def name(self) -> str:
        return LEVELS[self.number]

    @property
    def result(self) -> Result:
        """The worst finding; a level that looked at nothing has not passed."""
        found = {finding.result for finding in self.findings}
        for worst in (Result.FAILED, Result.UNCHECKED):
            if worst in found:
                return worst
        if not self.asked:
            return Result.SKIPPED
        return Result.PASSED if Result.PASSED in found else Result.UNCHECKED

    def passed(self, place: str, what: str) -> None:
        self.findings.append(Finding(place, what, Result.PASSED))

    def failed(self, place: str, what: str) -> None:
        self.findings.append(Finding(place, what, Result.FAILED))

    def unchecked(self, place: str, why: str) -> None:
        self.findings.append(Finding(place, why, Result.UNCHECKED))

    def note(self, place: str, what: str) -> None:
        """Say something that the level neither promises nor checks."""
        self.findings.append(Finding(place, what, Result.SKIPPED))

    def to_json(self) -> dict[str, Any]:
        return {
            "level": self.number,
            "name": self.name,
            "result": self.result.value,
            "findings": [finding.to_json() for finding in self.findings],
            "facts": dict(self.facts),
        }


@dataclass(frozen=True)
class Signer:
    """A key whose signature on the release fits.

    Attributes:
        id: SHA-256 of the public key.
        known: whether the verifier believes it.
    """

    id: str
    known: bool


@dataclass(frozen=True)
class Verdict:
    """What `helder verify` has to say of a bundle; everything that the page shows can be had from here.

    Attributes:
        name, purpose: of the model, as the release says; empty when the release could not be read.
        release: SHA-256 of the release's payload, what a verifier writes down; None when there is none.
        predicate: the release itself, see `helder.ledger.predicates`.
        signers: whose signatures fit.
        levels: all five; those that were not asked for say so.
        facts: what the page tells, each fact with its value, where it stands, its evidence and grade, see
            `helder.certify.evidence`; None when levels 1 and 2 do not let anybody read it.
        openness: the components of the Model Openness Framework with their grades, 3 for what this verification
            exercised, see `helder.certify.openness`; None likewise.
    """

    path: str
    name: str
    purpose: str
    release: str | None
    predicate: Mapping[str, Any]
    signers: Sequence[Signer]
    levels: Sequence[Level]
    facts: Mapping[str, Any] | None = None
    openness: Mapping[str, Any] | None = None

    def level(self, number: int) -> Level:
        return self.levels[number - 1]

    @property
    def result(self) -> Result:
        """Failed when any level failed, else not checked when any could not be, else passed."""
        found = {level.result for level in self.levels}
        for worst in (Result.FAILED, Result.UNCHECKED):
            if worst in found:
                return worst
        return Result.PASSED

    @property
    def exit_code(self) -> ExitCode:
        return {Result.FAILED: ExitCode.FAILED, Result.UNCHECKED: ExitCode.UNCHECKED}.get(self.result, ExitCode.DONE)

    def problems(self) -> list[tuple[Level, Finding]]:
        """Every finding that is not good news, in order."""
        bad = (Result.FAILED, Result.UNCHECKED)
        return [(level, finding) for level in self.levels for finding in level.findings if finding.result in bad]

    def require(self, refused: str) -> None:
        """Go on only when all that was checked has passed.

        Args:
            refused: what is not done otherwise, such as "release/ is not signed".

        Raises:
            HelderError: code 3 or 4, with the first finding.
        """
        for level, finding in self.problems():
            raise HelderError(
                f"{refused}: {level.name} has not passed.",
                f"{finding.place}: {finding.what}",
                "helder verify says all.",
                self.exit_code,
            )

    def to_json(self) -> dict[str, Any]:
        return {
            "path": self.path,
            "name": self.name,
            "purpose": self.purpose,
            "result": self.result.value,
            "exit_code": int(self.exit_code),
            "release_sha256": self.release,
            "signers": [{"key": signer.id, "known": signer.known} for signer in self.signers],
            "levels": [level.to_json() for level in self.levels],
            "release": dict(self.predicate),
            "facts": self.facts,
            "openness": self.openness,
        }
