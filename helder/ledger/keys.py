"""The signing key of this machine, and the keys whose signatures it believes.

ECDSA on the curve P-256 with SHA-256, the key type that the OpenSSF Model Signing format accepts.
Signatures are deterministic (RFC 6979): the same statement signed twice gives the same bytes, and no
signature depends on the quality of this machine's randomness. The private key is made on first use, lies in
`$HELDER_HOME/keys/signing.pem` readable by its owner alone, and never leaves that file.

This module does not protect against somebody who can read that file, and there is no revocation.
"""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from helder.errors import ExitCode, HelderError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec


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
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.serialization import load_pem_public_key

        try:
            key = load_pem_public_key(data)
        except (ValueError, TypeError) as error:
            raise HelderError(f"{where} is not a public key in PEM form.", str(error)) from error
        if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
            raise HelderError(f"{where} is not an ECDSA key on P-256.", "Helder signs with P-256 only.")
        return cls.of(key)

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

    def __repr__(self) -> str:
        return f"SigningKey({self.public.id})"

    def sign(self, data: bytes) -> bytes:
        """The signature over `data` in DER; the same data give the same signature (RFC 6979)."""
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec

        return self.key.sign(data, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))


def signing_key(folder: Path | None = None) -> SigningKey:
    """The key of this machine, made if there is none yet.

    Args:
        folder: where keys lie; default `$HELDER_HOME/keys`.

    Raises:
        HelderError: the file is readable by others, damaged, or of another kind.
    """
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    folder = folder or helder_home() / "keys"
    path = folder / "signing.pem"
    if not path.exists():
        _make(path)
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise HelderError(
            f"The signing key {path} can be read by others (mode {mode:04o}).",
            "Anybody who can read it can sign in your name.",
            f"If nobody else had access: chmod 600 {path}. Otherwise remove it; a new one is made.",
            ExitCode.REFUSED,
        )
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError) as error:
        raise HelderError(
            f"The signing key {path} cannot be read.",
            str(error),
            "Restore it, or remove it; a new one is made.",
        ) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise HelderError(f"The signing key {path} is not an ECDSA key on P-256.", fix="Move it elsewhere.")
    return SigningKey(key, PublicKey.of(key.public_key()))


def known_keys(folder: Path | None = None) -> list[PublicKey]:
    """The keys whose statements this machine believes: its own, and every `*.pem` in `keys/trusted/`."""
    folder = folder or helder_home() / "keys"
    trusted = sorted((folder / "trusted").glob("*.pem"))
    return [signing_key(folder).public, *(PublicKey.from_pem(p.read_bytes(), str(p)) for p in trusted)]


def _make(path: Path) -> None:
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric import ec

    from helder.ledger.artifact import fsync_file, temporary_beside, write_atomic

    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = temporary_beside(path)
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            stream.write(pem)
            stream.flush()
            os.fsync(stream.fileno())
        # A link fails when the file is there: of two processes on their first use, one key wins, for both.
        os.link(temporary, path)
    except FileExistsError:
        return
    finally:
        temporary.unlink(missing_ok=True)
    fsync_file(path.parent)
    write_atomic(path.with_suffix(".pub.pem"), PublicKey.of(key.public_key()).to_pem())
