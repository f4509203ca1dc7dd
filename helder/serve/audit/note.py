"""Signed notes and checkpoints: some lines of text, and below them who signed (C2SP signed-note, tlog-checkpoint).

A checkpoint says how many records a log has and what the root of its tree is. Keys are Ed25519, the signature type
that every verifier of such logs knows. A key is handed out as one line, its vkey: `name+id+key`. Signatures of keys
that are not asked for (witnesses, an older key) are passed over, as the format demands; one that names the key that
is asked for and does not fit condemns the note.

Formats: https://c2sp.org/signed-note, https://c2sp.org/tlog-checkpoint.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from helder.errors import ExitCode, HelderError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ED25519 = b"\x01"  # signed-note, "Signature types"
MAXIMUM = 100_000  # bytes of a note; assumption: room for 16 post-quantum signatures of 5 kB, as the format asks
SIGNATURES = 64  # assumption: more witnesses than one log has
NAME = re.compile(r"[!-*,-~]{1,200}")  # printable ASCII without spaces and "+"; narrower than the format


@dataclass(frozen=True)
class VerifierKey:
    """A public key that signs notes: its name, and 32 bytes."""

    name: str
    key: bytes

    @property
    def id(self) -> bytes:
        return hashlib.sha256(self.name.encode("utf-8") + b"\n" + ED25519 + self.key).digest()[:4]

    @property
    def vkey(self) -> str:
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(ED25519 + self.key).decode('ascii')}"

    @classmethod
    def read(cls, vkey: str, where: str = "The key") -> VerifierKey:
        """Read the line that hands out a key.

        Raises:
            HelderError: code 3, it is no such line, or its id is not that of its key.
        """
        parts = vkey.strip().split("+", 2)  # base64 may hold a plus
        try:
            name, number, encoded = parts
            data = _decode(encoded)
            if NAME.fullmatch(name) is None or len(data) != 33 or data[:1] != ED25519:
                raise ValueError("its name or kind is not one that is known here")
            found = cls(name, data[1:])
            if found.id.hex() != number:
                raise ValueError("its id is not that of its key")
        except ValueError as error:
            raise _failed(where, f"It is not the line of an Ed25519 key for notes: {error}.") from error
        return found

    def verifies(self, signature: bytes, text: bytes) -> bool:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            Ed25519PublicKey.from_public_bytes(self.key).verify(signature, text)
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True)
class NoteKey:
    """A private key that signs notes under a name; printing it shows only the public line."""

    name: str
    key: Ed25519PrivateKey

    @classmethod
    def generate(cls, name: str) -> NoteKey:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return cls(name, Ed25519PrivateKey.generate())

    def __repr__(self) -> str:
        return f"NoteKey({self.public.vkey})"

    @property
    def public(self) -> VerifierKey:
        return VerifierKey(self.name, self.key.public_key().public_bytes_raw())

    def sign(self, text: str) -> str:
        """The note: `text`, which ends in a newline, and the signature below it."""
        public, data = self.public, text.encode("utf-8")
        signature = base64.b64encode(public.id + self.key.sign(data)).decode("ascii")
        return f"{text}\n— {self.name} {signature}\n"


@dataclass(frozen=True)
class Checkpoint:
    """How far a log is: which log, how many records, and the root of the tree over them."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode('ascii')}\n"

    def sign(self, key: NoteKey) -> str:
        return key.sign(self.text)

    @classmethod
    def read(cls, note: bytes, key: VerifierKey, where: str = "The checkpoint") -> Checkpoint:
        """Open a checkpoint, if `key` signed exactly what is in it.

        Raises:
            HelderError: code 3, it is damaged, not signed with `key`, or of another log.
        """
        found = cls.parse(opened(note, key, where), where)
        if found.origin != key.name:
            raise _failed(where, f"It is of the log {found.origin!a}, not of {key.name!a}.")
        return found

    @classmethod
    def parse(cls, text: str, where: str = "The checkpoint") -> Checkpoint:
        """The three lines of a checkpoint; lines after them are signed with it and say nothing to us."""
        lines = text.split("\n")
        try:
            if len(lines) < 4 or lines[-1] or not all(lines[:-1]):
                raise ValueError("it is not three lines or more, each with something in it")
            origin, size, encoded = lines[:3]
            if re.fullmatch(r"0|[1-9][0-9]{0,18}", size) is None:
                raise ValueError(f"its size is {size[:30]!a}")
            root = _decode(encoded)
            if len(root) != 32:
                raise ValueError("its root has not 32 bytes")
        except ValueError as error:
            raise _failed(where, f"It is not a checkpoint: {error}.") from error
        return cls(origin, int(size), root)


def opened(note: bytes, key: VerifierKey, where: str = "The note") -> str:
    """The text of a note, if `key` signed it.

    Raises:
        HelderError: code 3.
    """
    text, signatures = parse(note, where)
    mine = [signature for name, number, signature in signatures if (name, number) == (key.name, key.id)]
    if not mine:
        others = ", ".join(sorted({f"{name}+{number.hex()}" for name, number, _ in signatures}))
        raise _failed(where, f"It is not signed with the key {key.name}+{key.id.hex()}, but with {others}.")
    if len(mine) > 1 or not key.verifies(mine[0], text.encode("utf-8")):
        raise _failed(where, f"The signature of {key.name}+{key.id.hex()} does not fit what is written.")
    return text


def parse(note: bytes, where: str = "The note") -> tuple[str, list[tuple[str, bytes, bytes]]]:
    """The text of a note, and (key name, key id, signature) of each line below it; nothing is believed yet.

    Raises:
        HelderError: code 3, it does not have the form.
    """
    try:
        if len(note) > MAXIMUM:
            raise ValueError(f"it has {len(note):,} bytes, more than {MAXIMUM:,}")
        whole = note.decode("utf-8")
        if any(ord(letter) < 32 and letter != "\n" for letter in whole):
            raise ValueError("it holds control characters")
        text, gap, below = whole.rpartition("\n\n")
        lines = below.split("\n")
        if not gap or len(lines) < 2 or lines[-1]:
            raise ValueError("there are no signature lines below a text")
        if len(lines) - 1 > SIGNATURES:
            raise ValueError(f"it has more than {SIGNATURES} signatures")
        signatures = [_signature(line) for line in lines[:-1]]
    except ValueError as error:  # UnicodeDecodeError is one
        raise _failed(where, f"It is not a signed note: {error}.") from error
    return text + "\n", signatures


def _signature(line: str) -> tuple[str, bytes, bytes]:
    mark, _, rest = line.partition(" ")
    name, _, encoded = rest.partition(" ")
    data = _decode(encoded)
    if mark != "—" or not name or "+" in name or any(letter.isspace() for letter in name) or len(data) < 5:
        raise ValueError("a line below the text is no signature")
    return name, data[:4], data[4:]


def _decode(text: str) -> bytes:
    """Base64 with padding; other texts for the same bytes are refused."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (ValueError, binascii.Error) as error:
        raise ValueError(f"bad base64 ({error})") from error
    if base64.b64encode(data).decode("ascii") != text:
        raise ValueError("bad base64 (bits that say nothing are set)")
    return data


def _failed(where: str, why: str) -> HelderError:
    return HelderError(f"{where} cannot be believed.", why, "Get it again from its source.", ExitCode.FAILED)
