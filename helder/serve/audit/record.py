"""What the log says of an answer: the record, and what lies beside it so that it can be forgotten.

A record holds no text that a person wrote or read. Prompt and answer stand in it as salted digests, HMAC-SHA256 under
32 random bytes each: who has text and salt can show that this was asked or answered; once both are erased there is
nothing left to guess, and the record, which is in the tree for ever, tells nothing. Texts and salts lie beside the
tree (`texts.py`), as the policy `Keep` says.
"""

from __future__ import annotations

import hmac
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from helder.errors import HelderError
from helder.ledger import canonical
from helder.serve.audit.tiles import LONGEST_RECORD

VERSION = 1
SALT = 32  # bytes; nobody tries 2^256 of them
KINDS = ("answer", "erasure", "retention", "recovery")
Kept = Literal["texts", "digests", "nothing"]
FinishReason = Literal["stop", "length", "error", "cancelled"]
_WORD = re.compile(r"[ -~]{0,200}")  # settings are numbers and short words, never what somebody wrote
_SHA256 = re.compile(r"[0-9a-f]{64}")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}")


@dataclass(frozen=True)
class Keep:
    """What is kept beside the record of an answer, and for how long.

    Attributes:
        what: "texts": prompt and answer with their salts; "digests": the salts alone, so that somebody who has the
            text can show that it is the one; "nothing": neither, the digests in the record say nothing to anybody.
        days: after so many days what lies beside is erased, and a record says so; None: it stays.
    """

    what: Kept = "digests"
    days: int | None = None

    def __post_init__(self) -> None:
        if self.what not in ("texts", "digests", "nothing"):
            raise HelderError(f"The log cannot keep {self.what!r}.", "", "Choose texts, digests or nothing.")
        if self.days is not None and self.days < 1:
            raise HelderError(f"Texts cannot be kept for {self.days} days.", "", "Give 1 or more, or nothing at all.")


def now() -> str:
    """The time as records write it: UTC, with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True)
class Record:
    """One answer, as the server gives it to the log.

    Attributes:
        id: of the answer, as the client sees it; nobody uses it twice.
        who: the name of the token that asked; never the token.
        model, model_sha256, format: which model file answered; without a digest where it was not verified.
        engine, engine_sha256: what ran it, with its version, and the digest of its program where there is one.
        settings: the decoding settings in effect: numbers, booleans and short words.
        prompt: what was asked.
        answer: what was said; None when nothing was.
        finish_reason: why it ended; "error": the engine failed; "cancelled": the client left.
        prompt_ids, answer_ids: the tokens, where they are known; with them an answer can be replayed exactly.
        stop: texts that end an answer; people write them, so they are treated as the prompt is.
        abstained: the answer was too unsure and is withheld; `answer` is what was said instead.
        confidence: how sure the model was, 0 to 1.
        passages: SHA-256 of each passage that the model was given.
        mode: "exact": one at a time with the cache off, so that a replay gives the same text; "fast": not so.
        restarts: how often the engine was restarted while this was answered.
        trace: the id of its trace, where one was made.
        time: when, UTC.
    """

    id: str
    who: str
    model: str
    model_sha256: str | None
    format: str
    engine: str
    prompt: str
    answer: str | None
    finish_reason: FinishReason
    settings: Mapping[str, canonical.Json] = field(default_factory=dict)
    engine_sha256: str | None = None
    prompt_ids: tuple[int, ...] | None = None
    answer_ids: tuple[int, ...] | None = None
    stop: tuple[str, ...] = ()
    abstained: bool = False
    confidence: float | None = None
    passages: tuple[str, ...] = ()
    mode: Literal["exact", "fast"] = "exact"
    restarts: int = 0
    trace: str | None = None
    time: str = field(default_factory=now)

    def __post_init__(self) -> None:
        if _ID.fullmatch(self.id) is None:
            raise ValueError(f"{self.id!r} is no id of an answer")
        for name, value in self.settings.items():
            if isinstance(value, str) and _WORD.fullmatch(value) is None:
                raise ValueError(f"the setting {name} is free text, which no record holds")
        for digest in (self.model_sha256, self.engine_sha256, *self.passages):
            if digest is not None and _SHA256.fullmatch(digest) is None:
                raise ValueError(f"{digest!r} is no SHA-256")

    def split(self, keep: Keep) -> tuple[bytes, dict[str, Any] | None]:
        """(the record as it goes into the tree, what lies beside it or None). Salts are drawn here.

        Raises:
            HelderError: the record is longer than a log can hold.
        """
        salts = {"prompt": secrets.token_bytes(SALT), "answer": secrets.token_bytes(SALT)}
        texts = {"prompt": self.prompt, "answer": self.answer, "stop": list(self.stop)}
        tokens = {"prompt_ids": self.prompt_ids, "answer_ids": self.answer_ids}
        beside = texts | {name: None if ids is None else list(ids) for name, ids in tokens.items()}
        entry: dict[str, Any] = {
            "v": VERSION,
            "kind": "answer",
            "id": self.id,
            "time": self.time,
            "who": self.who,
            "model": {"name": self.model, "sha256": self.model_sha256, "format": self.format},
            "engine": {"name": self.engine, "sha256": self.engine_sha256},
            "settings": dict(self.settings),
            "digests": digests(beside, salts),
            "finish_reason": self.finish_reason,
            "abstained": self.abstained,
            "confidence": self.confidence,
            "passages": list(self.passages),
            "mode": self.mode,
            "restarts": self.restarts,
            "trace": self.trace,
            "kept": keep.what,
        }
        kept: dict[str, Any] | None = None
        if keep.what != "nothing":
            kept = {"id": self.id, "salts": {name: salt.hex() for name, salt in salts.items()}}
            kept |= beside if keep.what == "texts" else {}
        return encoded(entry), kept


def digests(beside: Mapping[str, Any], salts: Mapping[str, bytes]) -> dict[str, str | None]:
    """The salted digest of each text; what belongs to the prompt is under the prompt's salt."""
    under = {"prompt": "prompt", "stop": "prompt", "prompt_ids": "prompt", "answer": "answer", "answer_ids": "answer"}
    return {
        name: None if beside[name] is None else salted(salts[salt], name, beside[name]) for name, salt in under.items()
    }


def salted(salt: bytes, name: str, value: canonical.Json) -> str:
    """HMAC-SHA256 under the salt, over what it is and its canonical JSON."""
    return hmac.digest(salt, b"helder/audit/%b\n" % name.encode("ascii") + canonical.dumps(value), "sha256").hex()


def event(kind: str, who: str, facts: Mapping[str, Any]) -> bytes:
    """A record of something other than an answer, done to the log itself."""
    if kind not in KINDS[1:]:
        raise ValueError(f"{kind} is no kind of event")
    made: dict[str, Any] = {
        "v": VERSION,
        "kind": kind,
        "id": f"log-{secrets.token_hex(12)}",
        "time": now(),
        "who": who,
        **facts,
    }
    return encoded(made)


def encoded(entry: Mapping[str, Any]) -> bytes:
    data = canonical.dumps(dict(entry))
    if len(data) > LONGEST_RECORD:
        raise HelderError(
            f"The record {entry['id']} has {len(data):,} bytes.",
            f"A log takes records of at most {LONGEST_RECORD:,}.",
            "Give the model fewer passages.",
        )
    return data


def decoded(data: bytes) -> dict[str, Any]:
    """A record that was read.

    Raises:
        ValueError: it is none of ours, or of a version that is not known here.
    """
    entry = parsed(data)
    if not isinstance(entry, dict) or entry.get("v") != VERSION or entry.get("kind") not in KINDS:
        raise ValueError("it is no record of this version")
    if not isinstance(entry.get("id"), str) or not isinstance(entry.get("time"), str):
        raise ValueError("it has no id or no time")
    return entry


def parsed(data: bytes) -> Any:
    """Canonical JSON that was read; as `canonical.loads`, and several times as fast.

    What is written again as the same bytes can be understood in one way only: no key is given twice, no number has
    another form.

    Raises:
        ValueError: it is no canonical JSON.
    """
    try:
        value = json.loads(data)
        again = json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        same = again.encode("utf-8") == data
    except RecursionError as error:  # brackets a thousand deep
        raise ValueError("it is no canonical JSON") from error
    if not same:
        raise ValueError("it is no canonical JSON")
    return value
