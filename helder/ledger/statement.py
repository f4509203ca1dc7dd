"""Statements: in-toto Statement v1 in a DSSE envelope, one for each stage that ended well.

A statement says which stage made which artifact from which others, under which resolved settings and
environment. It refers to everything by digest; nothing in it depends on a path or on a time alone. `sign`
wraps it for others, `verify` opens it again and believes only keys that the caller names; `open_statement` does so
for statements of other kinds (releases, certificates, key rotations; see `helder.ledger.predicates`).

Format: https://github.com/in-toto/attestation (Statement v1).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from helder import __version__
from helder.errors import ExitCode, HelderError
from helder.ledger import canonical, environment
from helder.ledger import envelope as dsse
from helder.ledger.artifact import Artifact, FileEntry, manifest_digest
from helder.ledger.keys import PublicKey, SigningKey

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://helder.dev/stage/v1"
PAYLOAD_TYPE = "application/vnd.in-toto+json"


@dataclass(frozen=True)
class Statement:
    """A statement that was opened: the in-toto JSON and short ways to what is asked most.

    Of a stage's statement, `payload["predicate"]` holds stage, key, settings, inputs, outputs, environment, code,
    seal, seed, timings and facts; `stage`, `key` and `facts` are for those only.

    Args:
        signers: ids of the believed keys that signed it, in the order of the signatures.
        unknown: ids of keys that signed it as well, or are said to have, and are not known to the reader.
        payload_sha256: SHA-256 of the signed bytes, by which releases and facts refer to a statement.
    """

    payload: Mapping[str, Any]
    signers: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    payload_sha256: str = ""

    @property
    def predicate_type(self) -> str:
        return str(self.payload["predicateType"])

    @property
    def predicate(self) -> Mapping[str, Any]:
        predicate: Mapping[str, Any] = self.payload["predicate"]
        return predicate

    @property
    def stage(self) -> str:
        return str(self.predicate["stage"]["name"])

    @property
    def key(self) -> str:
        """The key of the stage: same key, same work (see `helder.stage.Stage.key`)."""
        return str(self.predicate["key"])

    @property
    def digest(self) -> str:
        """The digest of the artifact that the stage made."""
        return str(self.payload["subject"][0]["digest"]["sha256"])

    @property
    def facts(self) -> Mapping[str, Any]:
        facts: Mapping[str, Any] = self.predicate["facts"]
        return facts


def stage_key(
    name: str,
    version: int,
    function: str,
    settings: Mapping[str, Any],
    inputs: Mapping[str, str],
    variables: Mapping[str, str],
) -> str:
    """Digest of all that decides what a stage makes.

    Args:
        inputs: name → digest of the artifact.
        variables: those of the environment that the stage asked for.
    """
    return canonical.digest(
        {
            "name": name,
            "version": version,
            "function": function,
            "settings": dict(settings),
            "inputs": dict(inputs),
            "environment": dict(variables),
        }
    )


def build(
    *,
    name: str,
    version: int,
    function: str,
    key: str,
    settings: Mapping[str, Any],
    inputs: Mapping[str, Artifact],
    outputs: list[FileEntry],
    environment_record: Mapping[str, Any],
    timings: Mapping[str, Any],
    facts: Mapping[str, Any],
    seal_level: int = 0,
    seal: Mapping[str, Any] | None = None,
    variables: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The statement of one stage, not yet signed.

    Args:
        name, version, function: the stage: its name, the version of what it promises, "module:callable".
        key: digest of everything that decides the result.
        settings: the resolved settings; `seed` among them is repeated on its own.
        inputs: artifacts by the name under which the stage knows them.
        outputs: the manifest of the artifact that was made.
        environment_record: `helder.ledger.environment.record`.
        timings: seconds and bytes; they differ from run to run.
        facts: what the stage measured that is not part of the artifact.
        seal_level: how closed the room was, 0 = an ordinary child process with a recorded environment.
        seal: the same with its particulars, instead (`helder.sealed.room.Seal.to_json`).
        variables: those that the stage asked for because they change numbers; part of the key.
    """
    return {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": name, "digest": {"sha256": manifest_digest(outputs)}}],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "stage": {"name": name, "version": version, "function": function, "variables": dict(variables or {})},
            "key": key,
            "settings": dict(settings),
            "seed": settings.get("seed"),
            "inputs": {
                known_as: {
                    "name": artifact.name,
                    "kind": "folder" if artifact.path.is_dir() else "file",
                    "digest": {"sha256": artifact.digest},
                }
                for known_as, artifact in sorted(inputs.items())
            },
            "outputs": [entry.to_json() for entry in outputs],
            "environment": dict(environment_record),
            "code": {"helder": __version__, "sha256": environment.code_digest()},
            "seal": dict(seal) if seal is not None else {"level": seal_level},
            "timings": dict(timings),
            "facts": dict(facts),
        },
    }


def sign(statement: Mapping[str, Any], *keys: SigningKey) -> bytes:
    """The DSSE envelope around a statement, signed with each of `keys`, as the bytes of a JSON file.

    Raises:
        canonical.NotCanonical: the statement holds a value without a stable encoding.
    """
    return dsse.seal(canonical.dumps(statement), PAYLOAD_TYPE, keys)


def verify(envelope: bytes, keys: Iterable[PublicKey], where: str = "The statement") -> Statement:
    """Open the statement of a stage, if one of `keys` signed exactly what is in it.

    Raises:
        HelderError: as `open_statement`.
    """
    opened = open_statement(envelope, keys, PREDICATE_TYPE, where)
    try:
        _ = opened.stage, opened.key, opened.digest, opened.facts
    except (KeyError, TypeError, IndexError) as error:
        raise dsse.failed(where, f"It is signed, but its form is wrong: {error!r}.") from error
    return opened


def open_statement(
    envelope: bytes, keys: Iterable[PublicKey], predicate_type: str, where: str = "The statement"
) -> Statement:
    """Open an envelope, if at least one of `keys` signed exactly what is in it and it speaks of what was asked for.

    The key id in an envelope is a hint and not signed, so every given key is tried; an envelope whose hints
    are not among them is told apart only in the message. A signature that names one of `keys` and does not fit
    condemns the envelope even when others fit: somebody changed it.

    Args:
        predicate_type: the kind of statement, a URI such as `PREDICATE_TYPE`.

    Raises:
        HelderError: code 3, a signature does not fit or the form is wrong; code 4, no key is known.
    """
    opened = dsse.open(envelope, keys, where)
    if opened.payload_type != PAYLOAD_TYPE:
        raise dsse.failed(where, f"Its payload type is {opened.payload_type!a}, not {PAYLOAD_TYPE!r}.")
    if opened.broken:
        raise dsse.failed(where, "The signature does not fit what is written.")
    if not opened.signers:
        names = ", ".join(map(dsse.shown, opened.unknown))
        raise HelderError(
            f"{where} is signed with a key that this machine does not know ({names}).",
            "Whether it is true cannot be checked without that key.",
            "If you trust the signer, take up the public key: helder key trust FILE.pem",
            ExitCode.UNCHECKED,
        )
    try:
        statement = canonical.loads(opened.payload)
        if statement["_type"] != STATEMENT_TYPE or statement["predicateType"] != predicate_type:
            raise dsse.failed(where, f"It is a statement of another kind: {statement['predicateType']!a}.")
        if not isinstance(statement["predicate"], dict):
            raise TypeError("the predicate is not an object")
        _ = statement["subject"][0]["digest"]["sha256"]
    except (ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
        raise dsse.failed(where, f"It is signed, but its form is wrong: {error!r}.") from error
    return Statement(
        statement,
        signers=tuple(key.id for key in opened.signers),
        unknown=opened.unknown,
        payload_sha256=hashlib.sha256(opened.payload).hexdigest(),
    )
