"""The signing keys of this machine, and the keys whose signatures it believes.

ECDSA on the curve P-256 with SHA-256, the key type that the OpenSSF Model Signing format accepts.
Signatures are deterministic (RFC 6979): the same statement signed twice gives the same bytes, and no
signature depends on the quality of this machine's randomness. Private keys are readable by their owner alone.

    $HELDER_HOME/keys/
      signing.pem, signing.pub.pem    the machine's own key, made on first use
      <name>.pem, <name>.pub.pem      further keys, so that several people can sign
      retired/<id12>.pub.pem          keys that were rotated out; what they signed stays believed
      retired/<id12>.pem              their private halves, unless destroyed
      rotations/<old12>-<new12>.json  what the old key says about the new one, for those who trust the old one
      trusted/<id>.pem                keys of others that are believed

This module does not protect against somebody who can read a private key: such a person signs in its name, may name a
successor, and there is no revocation. Whoever no longer believes a key removes its file from `trusted` or `retired`.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helder.errors import ExitCode, HelderError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

OWN = "signing"  # the name of the machine's own key
SHORT = 12  # hexadecimal digits of a key id in a file name; trust goes by whole ids


def helder_home() -> Path:
    """`$HELDER_HOME`, or `helder` in the user's data folder (`$XDG_DATA_HOME`, default `~/.local/share`)."""
    if home := os.environ.get("HELDER_HOME"):
        return Path(home).expanduser().absolute()
    data = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(data).expanduser().absolute() / "helder"


@dataclass(frozen=True)
class PublicKey:
    """A key that can check signatures; `id` is the SHA-256 of its SubjectPublicKeyInfo in DER."""

    key: ec.EllipticCurvePublicKey
    id: str

    @classmethod
    def of(cls, key: ec.EllipticCurvePublicKey) -> PublicKey:
        from cryptography.hazmat.primitives import serialization as form

        der = key.public_bytes(form.Encoding.DER, form.PublicFormat.SubjectPublicKeyInfo)
        return cls(key, hashlib.sha256(der).hexdigest())

    @classmethod
    def from_pem(cls, data: bytes, where: str = "the key") -> PublicKey:
        """Read a public key.

        Raises:
            HelderError: not PEM, or not a P-256 key.
        """
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.serialization import load_pem_public_key

        try:
            key = load_pem_public_key(data)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise HelderError(f"{where} is not a public key in PEM form.", str(error)) from error
        if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
            raise HelderError(f"{where} is not an ECDSA key on P-256.", "Helder signs with P-256 only.")
        return cls.of(key)

    @property
    def fingerprint(self) -> str:
        """The whole id in groups of four digits, for comparing by eye or on the telephone."""
        return " ".join(self.id[place : place + 4] for place in range(0, len(self.id), 4))

    def to_pem(self) -> bytes:
        from cryptography.hazmat.primitives import serialization as form

        return self.key.public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo)

    def verifies(self, signature: bytes, data: bytes) -> bool:
        """Whether `signature` (DER) was made over `data` with the private half of this key."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec

        try:
            self.key.verify(signature, data, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True)
class SigningKey:
    """A key that can sign; printing it shows only the public id."""

    key: ec.EllipticCurvePrivateKey
    public: PublicKey

    @classmethod
    def of(cls, key: ec.EllipticCurvePrivateKey) -> SigningKey:
        return cls(key, PublicKey.of(key.public_key()))

    @classmethod
    def generate(cls) -> SigningKey:
        from cryptography.hazmat.primitives.asymmetric import ec

        return cls.of(ec.generate_private_key(ec.SECP256R1()))

    def __repr__(self) -> str:
        return f"SigningKey({self.public.id})"

    def sign(self, data: bytes) -> bytes:
        """The signature over `data` in DER; the same data give the same signature (RFC 6979)."""
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec

        return self.key.sign(data, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))

    def to_pem(self) -> bytes:
        """The private half, not encrypted (PKCS#8)."""
        from cryptography.hazmat.primitives import serialization as form

        return self.key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())


@dataclass(frozen=True)
class Rotation:
    """That one key took the place of another: the statement's file, both ids, and why."""

    path: Path
    old: str
    new: str
    reason: str


def keys_folder() -> Path:
    return helder_home() / "keys"


def signing_key(folder: Path | None = None, name: str = OWN) -> SigningKey:
    """The key of this machine, made if there is none yet; or a further key, which must be there.

    Args:
        folder: where keys lie; default `$HELDER_HOME/keys`.

    Raises:
        HelderError: the file is readable by others, damaged, of another kind, or there is no key of that name.
    """
    from cryptography.hazmat.primitives.asymmetric import ec

    path = key_file(name, folder)
    if not path.exists():
        if name != OWN:
            raise HelderError(f"There is no key named {name}.", fix=f"helder key new --name {name}")
        place(SigningKey.generate(), path)
    key = read_private(path, "signing key", "sign in your name", "remove it; a new one is made")
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise HelderError(f"The signing key {path} is not an ECDSA key on P-256.", fix="Move it elsewhere.")
    return SigningKey.of(key)


def read_private(
    path: Path, what: str, risk: str, otherwise: str, unreadable: ExitCode = ExitCode.USER
) -> PrivateKeyTypes:
    """A private key from its file, which nobody but its owner may read.

    Args:
        what: what people call it, such as "signing key".
        risk: what somebody could do who can read it.
        otherwise: what to do when it was seen by others or is lost.
        unreadable: exit code when it cannot be understood.

    Raises:
        HelderError: code 5, others can read it; or it is damaged.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise HelderError(
            f"The {what} {path} can be read by others (mode {mode:04o}).",
            f"Anybody who can read it can {risk}.",
            f"If nobody else had access: chmod 600 {path}. Otherwise {otherwise}.",
            ExitCode.REFUSED,
        )
    try:
        return load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise HelderError(
            f"The {what} {path} cannot be read.", str(error), f"Restore it, or {otherwise}.", unreadable
        ) from error


def known_keys(folder: Path | None = None) -> list[PublicKey]:
    """`believed`, with the machine's own key made if there is none yet."""
    signing_key(folder)
    return believed(folder)


def believed(folder: Path | None = None) -> list[PublicKey]:
    """The keys whose statements this machine believes, each once: its own, further and retired ones, trusted ones.

    A machine that has no key of its own gets none by being asked.
    """
    folder = folder or keys_folder()
    found = [signing_key(folder).public] if key_file(OWN, folder).exists() else []
    for pattern in ("*.pub.pem", "retired/*.pub.pem", "trusted/*.pem"):
        found += (PublicKey.from_pem(path.read_bytes(), str(path)) for path in sorted(folder.glob(pattern)))
    return list({key.id: key for key in found}.values())


def own_keys(folder: Path | None = None) -> dict[str, SigningKey]:
    """The keys that this machine can sign with, by name; makes none, but puts missing public halves beside them."""
    folder = folder or keys_folder()
    names = sorted(path.stem for path in folder.glob("*.pem") if _is_name(path.stem))
    found = {name: signing_key(folder, name) for name in names}
    for name, key in found.items():
        _publish(key, key_file(name, folder))
    return found


def make(name: str = OWN, folder: Path | None = None) -> tuple[SigningKey, bool]:
    """The key of that name, made if there is none yet: (key, whether it was made now)."""
    path = key_file(name, folder)
    made = not path.exists() and place(SigningKey.generate(), path)
    key = signing_key(folder, name)
    _publish(key, path)
    return key, made


def trust(key: PublicKey, folder: Path | None = None) -> Path:
    """Believe what this key signs from now on; the file under its whole id, which nobody can make another key fit."""
    path = trusted_file(key, folder)
    _write(path, key.to_pem())
    return path


def rotate(
    reason: str, *, destroy: bool = False, name: str = OWN, folder: Path | None = None
) -> tuple[SigningKey, Rotation, Path | None]:
    """Put a new key in the place of an old one, which signs that it is its successor.

    In whatever instant this is killed, the key file holds a whole key, the old or the new one, and what either
    signed is believed: the old key is filed and the statement written before the file changes, in one rename.

    Args:
        destroy: do not keep the old private key. Its bytes are overwritten, which is no promise on a disk that writes
            elsewhere (most SSDs), nor for copies of it.

    Returns:
        The new key, the rotation, and where the old private key is kept.
    """
    from helder.ledger import statement
    from helder.ledger.artifact import fsync_file, write_atomic

    folder, path = folder or keys_folder(), key_file(name, folder)
    with _lock(folder):
        old, new = signing_key(folder, name), SigningKey.generate()
        _forget_unfinished(old.public, folder)
        filed = retired_file(old.public, folder)
        _write(filed.with_suffix(".pub.pem"), old.public.to_pem())
        if not destroy:
            place(old, filed)
        said = rotation_statement(old.public, new.public, reason)
        file = folder / "rotations" / f"{old.public.id[:SHORT]}-{new.public.id[:SHORT]}.json"
        _write(file, statement.sign(said, old, new))
        with path.open("r+b") as before:
            write_atomic(path, new.to_pem(), mode=0o600)
            if destroy:
                before.write(b"\0" * os.fstat(before.fileno()).st_size)
                before.flush()
                os.fsync(before.fileno())
        fsync_file(folder)
        _publish(new, path)
    return new, Rotation(file, old.public.id, new.public.id, reason), None if destroy else filed


def rotations(folder: Path | None = None) -> list[Rotation]:
    """The rotations of this machine's own keys, also of those that are no longer believed.

    Raises:
        HelderError: one of the statements is damaged.
    """
    folder, found = folder or keys_folder(), []
    for path in sorted((folder / "rotations").glob("*.json")):
        found.append(read_rotation(path.read_bytes(), f"The rotation {path}", path))
    return found


def read_rotation(envelope: bytes, where: str, path: Path = Path()) -> Rotation:
    """What a rotation says, if the successor signed it; whether the old key did is for `successors` to tell.

    Raises:
        HelderError: code 3, it is damaged or something else.
    """
    from helder.ledger import envelope as dsse
    from helder.ledger import predicates, statement

    inside = predicates.read(dsse.open(envelope, [], where).payload, predicates.KEY_ROTATION, where)
    new = PublicKey.from_pem(inside["predicate"]["pem"].encode("ascii"), where)
    said = statement.open_statement(envelope, [new], predicates.KEY_ROTATION, where).predicate
    return Rotation(path, str(said["old"]), str(said["new"]), str(said["reason"]))


def successors(known: Iterable[PublicKey], rotation_envelopes: Iterable[bytes]) -> list[PublicKey]:
    """The keys that are to be believed because a believed key named them, directly or through others, in order.

    A rotation counts when the old key signed it and the new one did too: the first says who follows, the second that
    it is there, so that nobody adopts the key of somebody else. Rotations of keys that are not believed change nothing.

    Raises:
        HelderError: code 3, a rotation that names a believed key is broken.
    """
    from helder.ledger import envelope as dsse
    from helder.ledger import predicates, statement

    believed = {key.id: key for key in known}
    found, waiting = [], list(rotation_envelopes)
    while waiting:
        later = []
        for envelope in waiting:
            try:
                opened = statement.open_statement(
                    envelope, believed.values(), predicates.KEY_ROTATION, "The rotation of a key"
                )
            except HelderError as error:
                if error.code != ExitCode.UNCHECKED:
                    raise
                later.append(envelope)
                continue
            predicates.validate(opened, "The rotation of a key")
            new = PublicKey.from_pem(opened.predicate["pem"].encode("ascii", "replace"), "The new key of a rotation")
            if opened.predicate["old"] not in opened.signers:
                if opened.predicate["old"] in opened.unknown:
                    later.append(envelope)  # signed by its successor, which is believed for another reason
                    continue
                raise dsse.failed("The rotation of a key", "The key that it retires did not sign it.")
            if not dsse.open(envelope, [new]).signers:
                raise dsse.failed("The rotation of a key", "The key that it names as the successor did not sign it.")
            if new.id not in believed:
                believed[new.id] = new
                found.append(new)
        if len(later) == len(waiting):
            break
        waiting = later
    return found


def key_file(name: str, folder: Path | None = None) -> Path:
    """Where the private key of that name lies."""
    if not _is_name(name):
        raise HelderError(f"{name!r} is no name for a key.", "A name is lower-case letters, digits and '-'.")
    return (folder or keys_folder()) / f"{name}.pem"


def trusted_file(key: PublicKey, folder: Path | None = None) -> Path:
    return (folder or keys_folder()) / "trusted" / f"{key.id}.pem"


def retired_file(key: PublicKey, folder: Path | None = None) -> Path:
    """Where the private half of a retired key lies, when it was kept."""
    return (folder or keys_folder()) / "retired" / f"{key.id[:SHORT]}.pem"


def place(key: SigningKey, path: Path) -> bool:
    """Write a private key and its public half where none is yet; False, and nothing done, where there is one."""
    from helder.ledger.artifact import fsync_file, temporary_beside

    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = temporary_beside(path)
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            stream.write(key.to_pem())
            stream.flush()
            os.fsync(stream.fileno())
        # A link fails when the file is there: of two processes on their first use, one key wins, for both.
        os.link(temporary, path)
    except FileExistsError:
        return False
    finally:
        temporary.unlink(missing_ok=True)
    fsync_file(path.parent)
    _publish(key, path)
    return True


def _is_name(name: str) -> bool:
    return re.fullmatch(r"[a-z0-9][a-z0-9-]{0,63}", name) is not None


def _publish(key: SigningKey, path: Path) -> None:
    """Put the public half beside a private key; it is missing or old when a process was killed in between."""
    public, pem = path.with_suffix(".pub.pem"), key.public.to_pem()
    if not public.exists() or public.read_bytes() != pem:
        _write(public, pem)


def _write(path: Path, data: bytes) -> None:
    from helder.ledger.artifact import write_atomic

    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_atomic(path, data)


def rotation_statement(old: PublicKey, new: PublicKey, reason: str) -> dict[str, Any]:
    """What both keys sign when one follows the other."""
    from helder.ledger import predicates, statement

    made = {
        "_type": statement.STATEMENT_TYPE,
        "subject": [{"name": "key", "digest": {"sha256": new.id}}],
        "predicateType": predicates.KEY_ROTATION,
        "predicate": {"old": old.id, "new": new.id, "pem": new.to_pem().decode("ascii"), "reason": reason},
    }
    predicates.validate(made, "The rotation")
    return made


def _forget_unfinished(current: PublicKey, folder: Path) -> None:
    """Remove what a rotation left that was killed before the new key was in place: a statement about a lost key."""
    there = {key.id for key in known_keys(folder)}
    for rotation in rotations(folder):
        if rotation.old == current.id and rotation.new not in there:
            rotation.path.unlink()


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """One rotation at a time."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
