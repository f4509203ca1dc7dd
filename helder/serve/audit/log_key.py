"""The key that signs a log's checkpoints: its own, made with the log, and vouched for by the organisation.

It is Ed25519, because that is what verifiers of such logs read, and it lies beside the log, readable by its owner
alone. A statement signed with the organisation's key says which key it is, so that whoever believes the organisation
can check the log.

    log.pem     the private half
    log.json    the statement (https://helder.dev/audit-key/v1, in-toto in DSSE)
    log.vkey    the public half as one line, for other tools
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from helder.errors import ExitCode, HelderError
from helder.ledger import envelope as dsse
from helder.ledger import predicates, statement
from helder.ledger.keys import PublicKey, SigningKey, read_private
from helder.serve.audit.disk import Disk
from helder.serve.audit.note import NAME, NoteKey, VerifierKey

PRIVATE, STATEMENT, VKEY = "log.pem", "log.json", "log.vkey"


def take(folder: Path, organisation: SigningKey, origin: str, disk: Disk) -> NoteKey:
    """The key of a log, made and stated if there is none yet; the organisation's present key signs as well.

    Raises:
        HelderError: it can be read by others, is damaged, or belongs to a log of another name.
        OSError: the disk does not take it.
    """
    if NAME.fullmatch(origin) is None:
        raise HelderError(
            f"{origin!r} is no name for a log.",
            "It stands in every checkpoint; it has no spaces and no '+', such as hospital.example/doses.",
            "Choose another name.",
        )
    path = folder / PRIVATE
    if not path.exists():
        disk.replace(path, _pem(NoteKey.generate(origin)))
    key = _read(path, origin)
    stated = folder / STATEMENT
    if not stated.exists():
        made = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        disk.replace(stated, statement.sign(statement_of(key.public, made), organisation))
    public = read(folder)
    if public != key.public:
        raise HelderError(
            f"The statement {stated} is about another key, or a log of another name ({public.name}).",
            f"This log's key is {key.public.vkey}.",
            f"Open the log under its name, {public.name}, or restore the files that belong together.",
            ExitCode.FAILED,
        )
    envelope = stated.read_bytes()
    signed = dsse.add_signature(envelope, organisation, f"The statement {stated}")
    if signed != envelope:
        disk.replace(stated, signed)
    if not (folder / VKEY).exists():
        disk.replace(folder / VKEY, public.vkey.encode("utf-8") + b"\n")
    return key


def read(folder: Path) -> VerifierKey:
    """The public key that the statement of a log names; who signed it is for `signers` to say.

    Raises:
        HelderError: there is no statement, or it is damaged.
    """
    return VerifierKey.read(_stated(folder)["predicate"]["vkey"], f"The key in {folder / STATEMENT}")


def signers(folder: Path, known: Iterable[PublicKey]) -> statement.Statement:
    """The statement about a log's key, if one of the known keys signed it.

    Raises:
        HelderError: code 3, the signature does not fit; code 4, nobody signed it who is known.
    """
    path = folder / STATEMENT
    return statement.open_statement(_contents(path), known, predicates.AUDIT_KEY, f"The statement {path}")


def statement_of(key: VerifierKey, made: str) -> dict[str, Any]:
    """What the organisation signs about the key of a log."""
    said = predicates.AuditKey(origin=key.name, vkey=key.vkey, made=made)
    payload = {
        "_type": statement.STATEMENT_TYPE,
        "subject": [{"name": "audit-key", "digest": {"sha256": said.sha256}}],
        "predicateType": predicates.AUDIT_KEY,
        "predicate": said.model_dump(),
    }
    predicates.validate(payload, "The statement about the log's key")
    return payload


def _stated(folder: Path) -> dict[str, Any]:
    path = folder / STATEMENT
    where = f"The statement {path}"
    return predicates.read(dsse.open(_contents(path), [], where).payload, predicates.AUDIT_KEY, where)


def _contents(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise HelderError(
            f"{path} cannot be read.",
            f"{os.strerror(error.errno or 0)}. It says which key signs the checkpoints of the log.",
            "Check the name of the folder, or restore the file.",
            ExitCode.FAILED if path.parent.is_dir() else ExitCode.USER,
        ) from error


def _pem(key: NoteKey) -> bytes:
    from cryptography.hazmat.primitives import serialization as form

    return key.key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())


def _read(path: Path, origin: str) -> NoteKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    risk = "sign another history in the log's name"
    key = read_private(path, "log's key", risk, "begin a new log", ExitCode.FAILED)
    if not isinstance(key, Ed25519PrivateKey):
        raise HelderError(f"The log's key {path} is not an Ed25519 key.", fix="Restore it.", code=ExitCode.FAILED)
    return NoteKey(origin, key)
