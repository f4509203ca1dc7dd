"""What statements say: the predicates of Helder, one strict model each, and their JSON Schemas.

    https://helder.dev/stage/v1          which stage made which artifact from which others, under what
    https://helder.dev/release/v1        what is handed over, what is withheld, and on which statements it rests
    https://helder.dev/certificate/v1    that a page belongs to a release
    https://helder.dev/key-rotation/v1   that one key takes the place of another
    https://helder.dev/audit-key/v1      that a key signs the checkpoints of an audit log

Whoever reads a statement refuses what these models do not know: a field that no verifier looks at is a place to hide
things. The schemas in `helder/ledger/schemas/` are made from the models and are for other people's tools.
A signature is not looked at here (`helder.ledger.statement`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from helder.errors import ExitCode, HelderError
from helder.ledger import canonical
from helder.ledger.artifact import FileEntry, manifest_digest
from helder.ledger.keys import PublicKey
from helder.ledger.statement import PREDICATE_TYPE, STATEMENT_TYPE, Statement

STAGE = PREDICATE_TYPE
RELEASE = "https://helder.dev/release/v1"
CERTIFICATE = "https://helder.dev/certificate/v1"
KEY_ROTATION = "https://helder.dev/key-rotation/v1"
AUDIT_KEY = "https://helder.dev/audit-key/v1"
SLSA = "https://slsa.dev/provenance/v1"
SHOWN = 5  # problems of one statement that are told; assumption: whoever made it wrong needs no more to begin with


def _path(value: str) -> str:
    path = PurePosixPath(value)
    if not value or str(path) != value or path.is_absolute() or {".", ".."} & set(path.parts) or "\\" in value:
        raise ValueError("a path is relative, with '/' between names, and does not lead outside")
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in value):
        raise ValueError("a path holds no control characters")
    return value


def _time(value: str) -> str:
    datetime.fromisoformat(value)
    return value


def _pem(value: str) -> str:
    try:
        PublicKey.from_pem(value.encode("ascii"))
    except (HelderError, UnicodeEncodeError) as error:
        raise ValueError(str(error).splitlines()[0]) from error
    return value


Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Text = Annotated[str, Field(min_length=1)]
RelativePath = Annotated[str, AfterValidator(_path)]
Count = Annotated[int, Field(ge=0)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Time = Annotated[
    str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$"), AfterValidator(_time)
]
UtcTime = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"), AfterValidator(_time)]


class Strict(BaseModel):
    """What all parts of a predicate share: fields that are not known and values of another type are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, use_attribute_docstrings=True)


class Sha256(Strict):
    """A digest, as in-toto writes it."""

    sha256: Digest
    """SHA-256 in hexadecimal; of a folder, that of its canonical manifest (`helder.ledger.artifact`)."""


class File(Strict):
    """One file."""

    path: RelativePath
    """Where it lies, relative, with '/' between names."""
    size: Count
    """Bytes."""
    sha256: Digest
    """SHA-256 of its bytes."""


class Code(Strict):
    """Which Helder."""

    helder: Text
    """Version of Helder."""
    sha256: Digest
    """SHA-256 over its own code (`helder.ledger.environment.code_digest`)."""


# -- stage/v1 -------------------------------------------------------------------------------------------------


class StageName(Strict):
    """Which stage."""

    name: Text
    """Its name in the run."""
    version: int
    """Raised when the same settings and inputs are meant to give another result."""
    function: Text
    """What ran, as "module:callable"."""
    variables: dict[str, str] = {}
    """Variables that change numbers and were asked for by the stage; part of the key."""


class Input(Strict):
    """One artifact that the stage could read."""

    name: str
    """What the artifact is called where it comes from: a stage, or a file of the recipe."""
    kind: Literal["folder", "file"]
    """Whether the digest is that of a folder's manifest or of a file's bytes."""
    digest: Sha256
    """Its identity."""


class Processor(Strict):
    """The processor."""

    model: str
    """Its name."""
    flags_sha256: Digest
    """SHA-256 over the sorted list of what it can do."""
    cpus: Count
    """How many CPUs the process was allowed to use."""


class System(Strict):
    """The operating system."""

    kernel: str
    """Release of the kernel."""
    machine: str
    """Architecture, such as x86_64."""
    libc: str
    """Name and version of the C library."""


class Environment(Strict):
    """What the stage ran under; a field that is absent was not recorded."""

    python: str | None = None
    """Version of Python."""
    implementation: str | None = None
    """Implementation of Python, such as CPython."""
    packages: dict[str, str] | None = None
    """Every package that could be imported, with its version."""
    processor: Processor | None = None
    """The processor, and how much of it."""
    system: System | None = None
    """The operating system."""
    threads: Count | None = None
    """How many threads one operation may use."""
    variables: dict[str, str] | None = None
    """The whole environment of the process, with folders of the machine replaced by names."""


class Packets(Strict):
    """What was counted in the network of the room, when its stage had ended."""

    left: Count
    """Packets that were sent over any interface but the loopback."""
    loopback: Count
    """Packets that processes of the stage sent each other."""


class Seal(Strict):
    """How closed the room was, as proved by attack on that machine; a field that is absent was not recorded."""

    level: Count
    """3: namespaces, Landlock and seccomp; 2: Landlock and seccomp only; 1: open to other hosts of a training; 0: an
    ordinary child process with a recorded environment."""
    walls: list[Text] | None = None
    """Of what the room was made."""
    refused: Count | None = None
    """How many attempts to get out of such a room were made before, and all refused."""
    packets: Packets | None = None
    """What was counted in its network, if it had one of its own."""


class Energy(Strict):
    """How much energy the stage took."""

    joules: Amount
    """Joules."""
    how: Text
    """Measured or estimated, and how."""


class Timings(Strict):
    """When and how long; these differ from run to run. A field that is absent was not recorded."""

    started: Time | None = None
    """When it began, as the machine's clock said."""
    seconds: Amount | None = None
    """How long it took."""
    cpu_seconds: Amount | None = None
    """Seconds of all CPUs together."""
    peak_memory: Count | None = None
    """The most memory that it held, in bytes."""
    energy: Energy | None = None
    """How much energy it took."""


class Stage(Strict):
    """What https://helder.dev/stage/v1 says: one stage made one artifact, the subject, from others."""

    stage: StageName
    """Which stage."""
    key: Text
    """Digest of everything that decides the result: same key, same work."""
    settings: dict[str, Any]
    """The resolved settings, not those that a person wrote."""
    seed: int | None
    """The seed among the settings, if the stage has one."""
    inputs: dict[str, Input]
    """What it could read, by the name under which it knew it."""
    outputs: list[File]
    """The files of what it made, sorted by path; the subject's digest is that of this list."""
    environment: Environment
    """What it ran under."""
    code: Code
    """Which Helder it was."""
    seal: Seal
    """How tight the room was."""
    timings: Timings
    """When and how long."""
    facts: dict[str, Any]
    """What the stage measured that is not part of the artifact."""

    @model_validator(mode="after")
    def _agrees(self) -> Stage:
        if self.seed != self.settings.get("seed"):
            raise ValueError(f"the seed is {self.seed}, and {self.settings.get('seed')!a} among the settings")
        return self


# -- release/v1 -----------------------------------------------------------------------------------------------


class Withheld(File):
    """A file that belongs to the release and is not handed over."""

    why: Text
    """The reason, in words."""


class LedgerEntry(Strict):
    """One statement of the run."""

    file: RelativePath
    """Where its envelope lies in the bundle."""
    sha256: Digest
    """SHA-256 of its payload, the bytes that are signed."""
    stage: Text
    """Name of the stage."""
    digest: Digest
    """Digest of the artifact that the stage made."""
    role: Literal["way", "superseded", "other"]
    """Whether it leads to the model, was made again later, or neither."""


class Source(Strict):
    """One input that no stage made: a file of the recipe, or an imported model."""

    name: Text
    """Under which name the recipe knows it."""
    kind: Text
    """What it is."""
    digest: Digest
    """Its identity."""
    stage: Text
    """The stage that read it."""
    licence: str | None
    """Its licence as it is declared; null is not declared."""
    path: RelativePath | None
    """Where it lies in the bundle; null is not handed over."""


class LicenceText(Strict):
    """The text of a licence that is handed over."""

    path: RelativePath
    """Where it lies in the bundle."""
    licences: list[Text]
    """SPDX identifiers of the licences whose text it is, sorted; empty when it is none that is known."""


class Release(Strict):
    """What https://helder.dev/release/v1 says: what is handed over, and on what it rests."""

    name: Text
    """Name of the model."""
    purpose: str
    """What it is for, as the recipe says."""
    version: Text
    """Version of this release."""
    made: UtcTime
    """When it was made, in UTC, as the signer's clock said; a time stamp beside it can show more."""
    audience: Literal["public", "customer", "regulator"]
    """For whom: decides what is withheld."""
    model: Text
    """Name of the stage that made the final weights."""
    ends: list[Text]
    """Stages of which nothing else is made: what the way leads to."""
    files: list[File]
    """Every other file of the bundle, sorted by path."""
    withheld: list[Withheld]
    """Files that are not handed over, sorted by path."""
    ledger: list[LedgerEntry]
    """Every statement of the run, in the order in which they were made."""
    sources: list[Source]
    """What no stage made."""
    licences: list[LicenceText]
    """Licence texts that lay beside the recipe, sorted by path."""
    people: dict[str, Any]
    """Answers that only people can give, from the recipe; what is absent is open."""
    previous: dict[str, Any] | None
    """What the release before this one said, as far as differences are told; null when there is none."""
    helder: Code
    """Which Helder made the release."""

    @model_validator(mode="after")
    def _lists(self) -> Release:
        for name, paths in (
            ("files", [file.path for file in self.files]),
            ("withheld", [file.path for file in self.withheld]),
        ):
            if paths != sorted(set(paths)):
                raise ValueError(f"`{name}` is not sorted by path, or names a path twice")
        if both := {file.path for file in self.files} & {file.path for file in self.withheld}:
            raise ValueError(f"{min(both)!a} is both among the files and withheld")
        entries = [entry.file for entry in self.ledger]
        if len(set(entries)) != len(entries):
            raise ValueError("`ledger` names a file twice")
        return self


# -- certificate/v1 and key-rotation/v1 -----------------------------------------------------------------------


class Certificate(Strict):
    """What https://helder.dev/certificate/v1 says: this page, the subject, was made for that release."""

    page: Digest
    """SHA-256 of the page."""
    release: Digest
    """SHA-256 of the payload of the release's envelope."""
    signers: list[Digest]
    """Ids of the keys that had signed the release when the page was made, in their order."""


class KeyRotation(Strict):
    """What https://helder.dev/key-rotation/v1 says: one key takes the place of another. Both sign it."""

    old: Digest
    """Id of the key that is retired."""
    new: Digest
    """Id of its successor, the subject."""
    pem: Annotated[str, AfterValidator(_pem)]
    """The public half of the successor, in PEM form."""
    reason: Text
    """Why, in words."""

    @model_validator(mode="after")
    def _two_keys(self) -> KeyRotation:
        if self.old == self.new:
            raise ValueError("a key cannot be its own successor")
        if PublicKey.from_pem(self.pem.encode("ascii")).id != self.new:
            raise ValueError("`pem` is another key than `new`")
        return self


class AuditKey(Strict):
    """What https://helder.dev/audit-key/v1 says: a key signs the checkpoints of an audit log of this organisation."""

    origin: Text
    """Which log: the first line of its checkpoints, and the name of its key."""
    vkey: Text
    """The log's public key, as a verifier of signed notes reads it; its SHA-256 is the subject."""
    made: UtcTime
    """When the log was begun, as the machine's clock said."""

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.vkey.encode("utf-8")).hexdigest()


MODELS: Mapping[str, type[Strict]] = {
    STAGE: Stage,
    RELEASE: Release,
    CERTIFICATE: Certificate,
    KEY_ROTATION: KeyRotation,
    AUDIT_KEY: AuditKey,
}


# -- reading --------------------------------------------------------------------------------------------------


def validate(statement: Statement | Mapping[str, Any], where: str = "The statement") -> None:
    """Refuse a statement whose form is not exactly that of its predicate, or that contradicts itself.

    Raises:
        HelderError: code 3, with the place of everything that is wrong, as in `predicate.timings.energy.joules`;
            code 4, a kind of statement that is not known here.
    """
    payload = statement.payload if isinstance(statement, Statement) else statement
    subject = _subject(payload, where)
    kind = payload["predicateType"]
    if kind not in MODELS:
        raise HelderError(
            f"{where} is of a kind that is not known here: {kind!a}.",
            f"Known are {', '.join(MODELS)}.",
            "A newer Helder may know it.",
            ExitCode.UNCHECKED,
        )
    try:
        said = MODELS[kind].model_validate(payload["predicate"])
    except ValidationError as error:
        raise _wrong(where, _sentences(error)) from error
    if isinstance(said, Stage):
        expected = manifest_digest([FileEntry(file.path, file.size, file.sha256) for file in said.outputs])
    elif isinstance(said, AuditKey):
        expected = said.sha256
    else:
        expected = {CERTIFICATE: "page", KEY_ROTATION: "new"}.get(kind, "")
        expected = str(payload["predicate"][expected]) if expected else subject
    if subject != expected:
        raise _wrong(where, f"`subject` has the digest {subject[:12]}…, the predicate speaks of {expected[:12]}…")


def read(payload: bytes, predicate_type: str, where: str = "The statement") -> dict[str, Any]:
    """The bytes of a statement of this kind as JSON, validated. Whether it is signed is not looked at.

    Raises:
        HelderError: code 3, as `validate`, or it is of another kind.
    """
    try:
        found = canonical.loads(payload)
    except (ValueError, RecursionError) as error:
        raise _wrong(where, f"it is not JSON: {error}") from error
    _subject(found, where)
    if found["predicateType"] != predicate_type:
        raise _wrong(where, f"it is a statement of another kind: {found['predicateType']!a}")
    validate(found, where)
    return dict(found)


def json_schemas() -> dict[str, dict[str, Any]]:
    """File name → JSON Schema of each predicate; shipped in `helder/ledger/schemas/`."""
    return {
        f"{kind.split('/')[-2]}.schema.json": {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": kind,
            **model.model_json_schema(),
            "title": kind,
        }
        for kind, model in MODELS.items()
    }


def _subject(payload: Any, where: str) -> str:
    """The digest of the one thing that a statement speaks of; refuses what is no in-toto statement of that form."""
    if not isinstance(payload, Mapping):
        raise _wrong(where, "it is not a JSON object")
    fields = {"_type", "subject", "predicateType", "predicate"}
    if unknown := sorted(set(payload) - fields):
        raise _wrong(where, f"there is no field `{unknown[0]}`")
    if missing := sorted(fields - set(payload)):
        raise _wrong(where, f"the field `{missing[0]}` is missing")
    if payload["_type"] != STATEMENT_TYPE:
        raise _wrong(where, f"`_type` is {payload['_type']!a}, not {STATEMENT_TYPE!r}")
    if not isinstance(payload["predicateType"], str):
        raise _wrong(where, "`predicateType` is not a text")
    try:
        return _Subjects.model_validate({"subject": payload["subject"]}).subject[0].digest.sha256
    except ValidationError as error:
        raise _wrong(where, _sentences(error, root="")) from error


class _Subject(Strict):
    name: Text
    digest: Sha256


class _Subjects(Strict):
    subject: Annotated[list[_Subject], Field(min_length=1, max_length=1)]


def _sentences(error: ValidationError, root: str = "predicate") -> str:
    """What is wrong and where, the first few of it."""
    problems = error.errors(include_url=False)
    told = [_sentence(problem, root) for problem in problems[:SHOWN]]
    return "; ".join(told) + (f"; and {len(problems) - SHOWN} more" if len(problems) > SHOWN else "")


def _sentence(problem: Any, root: str) -> str:
    place = root
    for part in problem["loc"]:
        place += f"[{part}]" if isinstance(part, int) else f".{_plain(part)}"
    place, kind = place.removeprefix("."), problem["type"]
    if kind == "extra_forbidden":
        return f"there is no field `{place}`"
    if kind == "missing":
        return f"the field `{place}` is missing"
    message = problem["msg"].removeprefix("Value error, ")
    return f"`{place}`: {message[:1].lower()}{message[1:]}"


def _plain(name: str) -> str:
    return name if name.isidentifier() else ascii(name)


def _wrong(where: str, why: str) -> HelderError:
    return HelderError(
        f"{where} does not have the form of its kind.",
        f"{why[:1].upper()}{why[1:]}.",
        "Get it again from its source, or make it again.",
        ExitCode.FAILED,
    )


# -- SLSA -----------------------------------------------------------------------------------------------------


def slsa(statement: Statement | Mapping[str, Any]) -> dict[str, Any]:
    """The statement of a stage as SLSA provenance v1, for tools that know no other: an in-toto Statement, not signed.

    What decided the result stands in `externalParameters`, what it ran under in `internalParameters`, inputs and
    Helder's code in `resolvedDependencies`. The builder's id names the seal level: rooms that are not equally tight are
    not the same builder. No SLSA level is claimed. Subjects are the artifact and each of its files. Timings other
    than begin and end, and facts, have no place there and stay in the stage's own statement.

    Source: https://slsa.dev/spec/v1.0/provenance.

    Raises:
        HelderError: code 3, it is not the statement of a stage (`validate`).
    """
    payload = statement.payload if isinstance(statement, Statement) else statement
    validate(payload)
    if payload["predicateType"] != STAGE:
        raise _wrong("The statement", f"it is a statement of another kind: {payload['predicateType']!a}")
    said, (whole,) = payload["predicate"], payload["subject"]
    stage, code = said["stage"], said["code"]
    metadata = {"invocationId": said["key"]}
    if started := said["timings"].get("started"):
        try:
            begin = datetime.fromisoformat(started).astimezone(UTC)
            metadata["startedOn"] = _zulu(begin)
            if (seconds := said["timings"].get("seconds")) is not None:
                metadata["finishedOn"] = _zulu(begin + timedelta(seconds=seconds))
        except OverflowError as error:
            raise _wrong("The statement", "its timings lead out of the calendar") from error
    files = [
        {"name": f"{stage['name']}/{file['path']}", "digest": {"sha256": file["sha256"]}} for file in said["outputs"]
    ]
    inputs = [
        {
            "name": known_as,
            "digest": {"sha256": one["digest"]["sha256"]},
            "annotations": {"kind": one["kind"], "made_by": one["name"]},
        }
        for known_as, one in sorted(said["inputs"].items())
    ]
    helder = {"name": "helder", "uri": f"pkg:pypi/helder@{code['helder']}", "digest": {"sha256": code["sha256"]}}
    return {
        "_type": STATEMENT_TYPE,
        "subject": [dict(whole), *files],
        "predicateType": SLSA,
        "predicate": {
            "buildDefinition": {
                "buildType": STAGE,
                "externalParameters": {
                    "stage": dict(stage),
                    "settings": said["settings"],
                    "inputs": {known_as: one["name"] for known_as, one in sorted(said["inputs"].items())},
                },
                "internalParameters": {"environment": said["environment"]},
                "resolvedDependencies": [*inputs, helder],
            },
            "runDetails": {
                "builder": {
                    "id": f"https://helder.dev/builder/v1/seal-{said['seal']['level']}",
                    "version": {"helder": code["helder"]},
                },
                "metadata": metadata,
            },
        },
    }


def _zulu(time: datetime) -> str:
    return time.replace(microsecond=0).isoformat().replace("+00:00", "Z")
