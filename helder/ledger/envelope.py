"""Envelopes: DSSE v1, some bytes with one or several signatures over them.

Stricter than the format asks for: it lets readers skip fields they do not know, here such an envelope is refused,
because what stands in it is not signed and would only mislead. Who is to be believed is the caller's to say: the
key ids in an envelope are hints, and every given key is tried on every signature.

Format: https://github.com/secure-systems-lab/dsse (envelope.md and protocol.md, v1).
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from helder.errors import ExitCode, HelderError
from helder.ledger import canonical
from helder.ledger.keys import PublicKey, SigningKey

MAXIMUM = 64_000_000  # bytes; assumption: room for a release of 200,000 files, and small enough for any memory
SIGNATURES = 100  # assumption: more people than ever sign one thing; bounds the work that a hostile file can ask for


@dataclass(frozen=True)
class Opened:
    """An envelope that was read. It may be that nobody signed it who is known: see `signers`.

    Args:
        signers: those of the given keys whose signature fits, in the order of the signatures.
        unknown: key ids of signatures that no given key can check ("" where there is no id).
        broken: ids of given keys that are named by a signature which does not fit.
    """

    payload: bytes
    payload_type: str
    signers: tuple[PublicKey, ...]
    unknown: tuple[str, ...]
    broken: tuple[str, ...]


def seal(payload: bytes, payload_type: str, keys: Sequence[SigningKey]) -> bytes:
    """The envelope around `payload`, signed with each of `keys`, as the bytes of a JSON file.

    Raises:
        HelderError: code 3, it would be larger than any reader takes.
        ValueError: no key, or a key given twice.
    """
    if not keys or len({key.public.id for key in keys}) != len(keys):
        raise ValueError("an envelope is signed by at least one key, and by none twice")
    signed = pre_authentication(payload, payload_type)
    return _write(payload, payload_type, [(key.public.id, key.sign(signed)) for key in keys])


def add_signature(envelope: bytes, key: SigningKey, where: str = "The envelope") -> bytes:
    """The same envelope with one more signature; unchanged when this key has signed already.

    Raises:
        HelderError: code 3, it is no envelope, or names this key beside a signature that is not from it.
    """
    payload, payload_type, signatures = _read(envelope, where)
    opened = _match(payload, payload_type, signatures, [key.public])
    if opened.broken:
        raise failed(where, "It names this key beside a signature that the key did not make.")
    if opened.signers:
        return envelope
    added = (key.public.id, key.sign(pre_authentication(payload, payload_type)))
    return _write(payload, payload_type, [*signatures, added])


def open(envelope: bytes, keys: Iterable[PublicKey], where: str = "The envelope") -> Opened:
    """Read an envelope and try `keys` on its signatures.

    Args:
        where: how errors call it.

    Raises:
        HelderError: code 3, the form is wrong: not JSON, a field too many, too few or twice, bad base64, no
            signature, a key id twice, or larger than `MAXIMUM`.
    """
    return _match(*_read(envelope, where), list(keys))


def pre_authentication(payload: bytes, payload_type: str) -> bytes:
    """The bytes that are signed (DSSE's PAE): lengths in front, so that nothing moves between the fields."""
    kind = payload_type.encode("utf-8")
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def shown(key_id: str) -> str:
    """A key id for people: its beginning. What is no key id comes from a stranger and is shown escaped."""
    if key_id and all(digit in "0123456789abcdef" for digit in key_id):
        return key_id[:12]
    return ascii(key_id[:24]) if key_id else "without a name"


def failed(where: str, why: str) -> HelderError:
    """The error for what was checked and cannot be believed."""
    return HelderError(
        f"{where} cannot be believed.",
        why,
        "Get it again from its source, or make it again.",
        ExitCode.FAILED,
    )


def _write(payload: bytes, payload_type: str, signatures: Sequence[tuple[str, bytes]]) -> bytes:
    envelope = {
        "payloadType": payload_type,
        "payload": base64.b64encode(payload).decode("ascii"),
        "signatures": [{"keyid": key, "sig": base64.b64encode(sig).decode("ascii")} for key, sig in signatures],
    }
    written = json.dumps(envelope, indent=1).encode("ascii") + b"\n"
    if len(written) > MAXIMUM:
        raise failed("The envelope", f"It would have {len(written):,} bytes; no reader takes more than {MAXIMUM:,}.")
    return written


def _read(envelope: bytes, where: str) -> tuple[bytes, str, list[tuple[str, bytes]]]:
    if len(envelope) > MAXIMUM:
        raise failed(where, f"It has {len(envelope):,} bytes; an envelope has at most {MAXIMUM:,}.")
    try:
        # RecursionError: brackets in brackets, a thousand deep.
        outer = _fields(canonical.loads(envelope), {"payloadType": str, "payload": str, "signatures": list})
        if not 1 <= len(outer["signatures"]) <= SIGNATURES:
            raise ValueError(f"it has {len(outer['signatures'])} signatures, not 1 to {SIGNATURES}")
        found = [_fields(one, {"sig": str}, {"keyid": str}) for one in outer["signatures"]]
        signatures = [(one.get("keyid", ""), _decode(one["sig"])) for one in found]
        names = [name for name, _ in signatures if name]
        if len(set(names)) != len(names):
            raise ValueError("a key id is given to two signatures")
        if len({signature for _, signature in signatures}) != len(signatures):
            raise ValueError("a signature is given twice")
        outer["payloadType"].encode("utf-8")
        return _decode(outer["payload"]), outer["payloadType"], signatures
    except (ValueError, RecursionError) as error:
        raise failed(where, f"It is not a DSSE envelope: {error}.") from error


def _fields(found: Any, needed: Mapping[str, type], possible: Mapping[str, type] | None = None) -> dict[str, Any]:
    """A JSON object that has exactly these fields, of these types."""
    if not isinstance(found, dict):
        raise ValueError(f"{type(found).__name__} where an object belongs")
    types = {**needed, **(possible or {})}
    for name in needed:
        if name not in found:
            raise ValueError(f"the field {name!r} is missing")
    for name, value in found.items():
        if name not in types:
            raise ValueError(f"the field {name!a} does not belong there")
        if type(value) is not types[name]:
            raise ValueError(f"the field {name!r} is of the wrong type")
    return found


def _decode(text: str) -> bytes:
    """Base64 in either of its alphabets, padded; refused when other text would give the same bytes."""
    try:
        plain = text.encode("ascii")
        # The second alphabet becomes the first, and the first, were it mixed in, what is in neither.
        other = b"-" in plain or b"_" in plain
        standard = plain.translate(bytes.maketrans(b"-_+/", b"+/--")) if other else plain
        data = base64.b64decode(standard, validate=True)
    except (ValueError, binascii.Error) as error:
        raise ValueError(f"bad base64 ({error})") from error
    if base64.b64encode(data) != standard:
        raise ValueError("bad base64 (bits that say nothing are set)")
    return data


def _match(payload: bytes, payload_type: str, signatures: Sequence[tuple[str, bytes]], keys: list[PublicKey]) -> Opened:
    signed, ids = pre_authentication(payload, payload_type), {key.id for key in keys}
    signers: dict[str, PublicKey] = {}
    unknown, broken = [], []
    for name, signature in signatures:
        # The key that is named first; the name may be missing or wrong, so that the others have their turn.
        ordered = sorted(keys, key=lambda key: key.id != name)
        fitting = next((key for key in ordered if key.verifies(signature, signed)), None)
        if fitting is not None:
            signers.setdefault(fitting.id, fitting)
        elif name in ids:
            broken.append(name)
        else:
            unknown.append(name)
    return Opened(payload, payload_type, tuple(signers.values()), tuple(unknown), tuple(broken))
