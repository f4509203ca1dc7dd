"""Backups of private keys: PKCS#8, encrypted under a passphrase, readable by `openssl pkey` and any other tool.

PBES2 (RFC 8018) with PBKDF2-HMAC-SHA256 and AES-256-CBC. Written here and not by `cryptography`, which derives the key
in 2,048 rounds (version 50) and takes no other number. What others encrypted under other settings is read as well.
A backup is as strong as its passphrase, and nobody can open it without.
"""

from __future__ import annotations

import base64
import hashlib
import os
from pathlib import Path

from helder.errors import ExitCode, HelderError
from helder.ledger import der
from helder.ledger.keys import SigningKey

ROUNDS = 600_000  # OWASP, Password Storage Cheat Sheet (2023): PBKDF2 with HMAC-SHA256
SHORTEST = 15  # letters; NIST SP 800-63B-4 (2025): a password that is the only factor
PBES2, PBKDF2 = "1.2.840.113549.1.5.13", "1.2.840.113549.1.5.12"  # RFC 8018, appendix C
HMAC_SHA256, AES_256_CBC = "1.2.840.113549.2.9", "2.16.840.1.101.3.4.1.42"


def encrypt(key: SigningKey, passphrase: str) -> bytes:
    """The private key as a PEM file that only the passphrase opens; other bytes each time (salt).

    Raises:
        HelderError: the passphrase is too short.
    """
    from cryptography.hazmat.primitives import padding
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    if len(passphrase) < SHORTEST:
        raise HelderError(
            f"The passphrase has {len(passphrase)} letters; at least {SHORTEST} are needed.",
            "A backup lies where others may get it, and can be tried as often as they like.",
            "Take several words.",
            ExitCode.REFUSED,
        )
    salt, start = os.urandom(16), os.urandom(16)
    derived = hashlib.pbkdf2_hmac("sha256", passphrase.encode("utf-8"), salt, ROUNDS, 32)
    plain = key.key.private_bytes(form.Encoding.DER, form.PrivateFormat.PKCS8, form.NoEncryption())
    pad, cipher = padding.PKCS7(128).padder(), Cipher(algorithms.AES(derived), modes.CBC(start)).encryptor()
    hidden = cipher.update(pad.update(plain) + pad.finalize()) + cipher.finalize()
    how = der.pack(
        der.SEQUENCE,
        _algorithm(
            PBKDF2,
            der.pack(
                der.SEQUENCE,
                der.pack(der.OCTETS, salt),
                der.integer(ROUNDS),
                _algorithm(HMAC_SHA256, der.NULL),
            ),
        ),
        _algorithm(AES_256_CBC, der.pack(der.OCTETS, start)),
    )
    packed = base64.b64encode(der.pack(der.SEQUENCE, _algorithm(PBES2, how), der.pack(der.OCTETS, hidden)))
    lines = [packed[place : place + 64] for place in range(0, len(packed), 64)]
    kind = b"ENCRYPTED PRIVATE KEY-----\n"
    return b"-----BEGIN " + kind + b"\n".join(lines) + b"\n-----END " + kind


def write(path: Path, data: bytes) -> None:
    """Write a backup where nothing is yet. Without links or renames: it goes to sticks whose file systems lack them.

    Raises:
        HelderError: something is there.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise occupied(path) from error
    except OSError as error:
        raise HelderError(f"{path} cannot be written.", str(error), "Name another place.") from error
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def occupied(path: Path) -> HelderError:
    return HelderError(f"{path} is there already.", "A backup is never written over something.", "Name another file.")


def decrypt(data: bytes, passphrase: str, where: str = "the backup") -> SigningKey:
    """The private key in a backup.

    Raises:
        HelderError: the passphrase does not open it, or it holds something else.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(data, passphrase.encode("utf-8"))
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise HelderError(
            f"The passphrase does not open {where}, or it is not an encrypted private key in PEM form.", str(error)
        ) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise HelderError(f"The key in {where} is not an ECDSA key on P-256.", "Helder signs with P-256 only.")
    return SigningKey.of(key)


def _algorithm(name: str, parameters: bytes) -> bytes:
    return der.pack(der.SEQUENCE, der.identifier(name), parameters)
