"""What the formats share: names made from digests, text that hides nothing, and where the files of a release lie.

Nothing here knows a format. Everything is taken from the evidence; the only time is the one that the release states.
"""

from __future__ import annotations

import base64
import json
import math
import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from urllib.parse import quote

from helder.certify import licences
from helder.certify.evidence import Evidence
from helder.certify.reading import AVERAGES, IMPORTS, SCRATCH, TEACHES, TOKENIZES, TRAINS, Fact, payload_digest
from helder.errors import ExitCode, HelderError
from helder.ledger import canonical
from helder.ledger.statement import Statement

NOT_STATED = "not stated"
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://helder.dev/release/v1")
ROOT = "../"  # the documents lie in a folder of the bundle; links to other files begin here
# Letters that cannot be seen, or that turn the order of those around them ("Trojan Source", CVE-2021-42574). By number,
# not by Unicode category, which changes with the version of Python.
HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\U000e0000-\U000e0fff]"
)
MEDIA_TYPES = {
    "csv": "text/csv",
    "gguf": "application/octet-stream",
    "json": "application/json",
    "jsonl": "application/jsonlines",  # as Croissant 1.0 calls it; nothing is registered
    "md": "text/markdown",
    "npy": "application/octet-stream",
    "safetensors": "application/octet-stream",
    "tsv": "text/tab-separated-values",
    "txt": "text/plain",
}


Role = Literal["data", "model", "other"]


@dataclass(frozen=True)
class File:
    """One file of an artifact.

    Attributes:
        stage: the stage that made it.
        path: where it lies in the artifact.
        withheld: why it is not handed over; None when it is.
    """

    stage: str
    path: str
    size: int
    sha256: str
    withheld: str | None

    @property
    def place(self) -> str:
        """Where it lies in the bundle, if it is handed over."""
        return f"artifacts/{self.stage}/{self.path}"


@dataclass(frozen=True)
class Source:
    """Something that no stage made: a file of the recipe, or the file of an imported model.

    Attributes:
        digest: SHA-256 of the file, or of the manifest of a folder.
        kind: file or folder.
        path: where it lies in the bundle; None when it is not handed over.
        withheld: why it is not handed over; None when it is.
        fact: as the evidence tells it, where it was read first.
        read_by: (stage, name under which it knew it), sorted.
    """

    digest: str
    kind: str
    path: str | None
    withheld: str | None
    fact: Fact
    read_by: tuple[tuple[str, str], ...]

    @property
    def name(self) -> str:
        return str(self.fact.value["name"])

    @property
    def licence(self) -> str | None:
        found = self.fact.value["licence"]
        return None if found is None else str(found)


def files(evidence: Evidence, stage: str) -> list[File]:
    """The files that a stage made, sorted by path."""
    listed = {str(one["path"]): str(one["why"]) for one in evidence.release.get("withheld", ())}
    found = []
    for one in evidence.statements[stage].predicate["outputs"]:
        path = str(one["path"])
        why = listed.get(f"artifacts/{stage}/{path}")
        if why is None and not evidence.has(stage, path):
            why = f"reason {NOT_STATED}"
        found.append(File(stage, path, int(one["size"]), str(one["sha256"]), why))
    return sorted(found, key=lambda file: file.path)


def sources(evidence: Evidence, role: Role = "data") -> list[Source]:
    """What no stage made, each thing once however many stages read it, by name and digest.

    Args:
        role: what was learnt from and tested on; the files of imported models; or neither, such as the secret that
            salts a commitment.
    """
    paths = {one["digest"]: one["path"] for one in evidence.release.get("sources", ()) if one["path"] is not None}
    reasons = {str(one["sha256"]): str(one["why"]) for one in evidence.release.get("withheld", ())}
    facts: dict[str, list[Fact]] = {}
    for fact in evidence.sources:
        facts.setdefault(fact.value["sha256"], []).append(fact)
    read: dict[str, list[tuple[str, str]]] = {}
    for stage, said in evidence.statements.items():
        for known_as, maker, digest in inputs_of(evidence, said):
            if maker is None and _role(said, digest in facts) == role:
                read.setdefault(digest, []).append((stage, known_as))
    found = []
    for digest, by in read.items():
        input_ = evidence.statements[by[0][0]].predicate["inputs"][by[0][1]]
        unknown = Fact({"name": input_["name"], "rows": None, "bytes": None, "licence": None}, f"statement {by[0][0]}")
        # The stage that counted its rows knows most of it.
        told = sorted(
            facts.get(digest, [unknown]), key=lambda fact: (fact.value["rows"] is None, not fact.value["licence"])
        )
        why = None if digest in paths else reasons.get(digest, "not handed over")
        found.append(Source(digest, str(input_["kind"]), paths.get(digest), why, told[0], tuple(sorted(by))))
    return sorted(found, key=lambda source: (source.name, source.digest))


def _role(said: Statement, is_source: bool) -> Role:
    if function_of(said) == IMPORTS:
        return "model"
    return "data" if is_source else "other"


def function_of(said: Statement) -> str:
    """What a stage ran; a base or a teacher whose statement names no function of ours was imported."""
    name, function = said.stage, str(said.predicate["stage"]["function"])
    if function.startswith("helder.") and function != "helder.model.stage:run":
        return function
    for prefix, known in (("train", TRAINS), ("average", AVERAGES), ("teach-", TEACHES), ("tokens", TOKENIZES)):
        if name.startswith(prefix):
            return known
    return IMPORTS if name.partition("-")[0] in ("base", "teacher", "tokenizer") else function


def holds_model(said: Statement) -> bool:
    """Whether a stage made a model."""
    return function_of(said) in (TRAINS, AVERAGES, SCRATCH, IMPORTS) or said.stage == "files"


def learnt_from(evidence: Evidence) -> dict[str, list[str]]:
    """Stage or name of the file → the trainings that learnt from it, in their order; teachers are models, not data."""
    found: dict[str, list[str]] = {}
    for training in evidence.trainings:
        for known_as, one in sorted(training.value["learns_from"].items()):
            if not known_as.startswith("teacher"):
                found.setdefault(str(one), []).append(training.value["stage"])
    return found


def tested_on(evidence: Evidence) -> list[File]:
    """The files of the test sets."""
    if "data" not in evidence.statements:
        return []
    return [file for file in files(evidence, "data") if re.fullmatch(r"test(-.+)?\.jsonl", file.path)]


def limits(evidence: Evidence) -> list[str]:
    """What the model is not for, and what nobody should believe of it: of people, of the scores, of the evidence."""
    audience = str(evidence.release.get("audience", "public"))
    found = [f"Not meant for: {text}" for text in lines(evidence.person("out_of_scope").value)]
    found += lines(evidence.verdict["warnings"].value)
    return found + [f"Not proved: {fact.value['text']}" for fact in evidence.not_proved if fact.for_(audience)]


def split_words(counts: Mapping[str, Any]) -> str:
    """What became of the rows of one split, in a sentence."""
    told = [f"{counts['kept']} of {counts['read']} rows kept"]
    for key, what in (("duplicates", "repeated"), ("leaked", "also in a test set"), ("over_limit", "over the limit")):
        if counts.get(key):
            told.append(f"{counts[key]} {what}")
    return f"{counts['split']}: {', '.join(told)}."


def inputs_of(evidence: Evidence, said: Statement) -> Iterator[tuple[str, str | None, str]]:
    """(name under which a stage knew it, the stage that made it or None, digest) of each input, sorted by name."""
    makers: dict[str, str] = {}
    for stage, one in evidence.statements.items():
        makers.setdefault(one.digest, stage)  # one model can be base and teacher
    for known_as, one in sorted(said.predicate["inputs"].items()):
        digest = str(one["digest"]["sha256"])
        yield known_as, makers.get(digest), digest


# -- names, times, links ---------------------------------------------------------------------------------------------


def release_uuid(evidence: Evidence, form: str) -> str:
    """A UUID that only this release has, and only in this form: made from its contents, never drawn.

    The list of files is left out: the document itself will stand in it.
    """
    release = {key: value for key, value in evidence.release.items() if key != "files"}
    said = {stage: payload_digest(one) for stage, one in evidence.statements.items()}
    return str(uuid.uuid5(NAMESPACE, f"{form} {canonical.digest({'release': release, 'statements': said})}"))


def stated_time(evidence: Evidence) -> str:
    """When the release was made, as it says, in UTC to the second.

    Raises:
        HelderError: code 3: it does not say so.
    """
    found = utc(evidence.release.get("made"))
    if found is None:
        raise HelderError(
            "The release does not say when it was made.",
            f"`made` is {evidence.release.get('made')!a}.",
            "Make the release again.",
            ExitCode.FAILED,
        )
    return found


def utc(text: object, seconds: object = 0) -> str | None:
    """A time in UTC to the second, `seconds` later; None when it is no time."""
    try:
        moment = datetime.fromisoformat(str(text))
        if moment.tzinfo is None:
            return None
        later = timedelta(seconds=float(seconds)) if isinstance(seconds, int | float) else timedelta()
        return (moment + later).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ").zfill(20)
    except (ValueError, OverflowError):
        return None


def link(path: str) -> str:
    """A relative reference from a document to a file of the bundle."""
    return ROOT + escape(path)


def escape(text: str) -> str:
    """Text as a part of an IRI (RFC 3986): everything but letters, digits, "-._~" and "/" is percent-encoded."""
    return quote(visible(text), safe="/")


def segment(text: str) -> str:
    """As `escape`, for a part of a package URL, where "/" would begin the next part."""
    return escape(text).replace("/", "%2F")


def named_by_digest(sha256: str) -> str:
    """The name of bytes that are not handed over (RFC 6920): whoever has them can tell that they are those."""
    digest = base64.urlsafe_b64encode(bytes.fromhex(sha256)).decode("ascii").rstrip("=")
    return f"ni:///sha-256;{digest}"


def media_type(path: str) -> str:
    """The media type of a file, by its ending."""
    return MEDIA_TYPES.get(path.rpartition(".")[2].lower(), "application/octet-stream")


def expression(licence: str) -> str | None:
    """A licence as an SPDX expression in SPDX's own case; None when a part of it is not known here."""
    parts = re.split(r"\s+(AND|OR)\s+", licence.strip())
    found = [licences.find(part) for part in parts[::2]]
    if any(one is None or one.id.startswith("LicenseRef-") for one in found):
        return None
    parts[::2] = [one.id for one in found if one is not None]
    return " ".join(parts)


# -- text and numbers ------------------------------------------------------------------------------------------------


def visible(text: str) -> str:
    """Text in which nothing is hidden: what cannot be seen, or turns the order of letters, stands there by number."""
    return HIDDEN.sub(lambda found: f"<U+{ord(found.group()):04X}>", text)


def words(value: Any) -> str:
    """A JSON value as text: text as it is, a number as the shortest text that reads back to it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)


def lines(value: Any) -> list[str]:
    """One or several things that somebody said, as texts."""
    if value is None:
        return []
    return [words(one) for one in (value if isinstance(value, list | tuple) else [value])]


def number(value: Any) -> float | None:
    """A number that can be printed; None for what is none."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number and math.isfinite(value) else None


def kilowatt_hours(joules: float) -> float:
    """To six figures, more than any measurement has."""
    return float(f"{joules / 3.6e6:.6g}")


def flat(settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Settings as (name, text), sorted; those that were not set are left out."""
    return [(key, words(value)) for key, value in sorted(settings.items()) if value is not None]


def dump(document: Mapping[str, Any]) -> bytes:
    """JSON as it is handed over: every text made visible, a line for each value, keys in the order of the format.

    Raises:
        HelderError: code 3: it holds a number that JSON does not know.
    """
    try:
        text = json.dumps(shown(document), ensure_ascii=False, indent=1, allow_nan=False)
    except ValueError as error:
        raise HelderError(
            "The release cannot be written as JSON.", str(error), "Make it again.", ExitCode.FAILED
        ) from error
    return text.encode("utf-8") + b"\n"


def shown(value: Any) -> Any:
    """A JSON value with every text in it made visible, keys as well."""
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, Mapping):
        return {visible(key): shown(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [shown(item) for item in value]
    return value
