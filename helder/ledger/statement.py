"""Statements: in-toto Statement v1 in a DSSE envelope, one for each stage that ended well.

A statement says which stage made which artifact from which others, under which resolved settings and
environment. It refers to everything by digest; nothing in it depends on a path or on a time alone. `sign`
wraps it for others, `verify` opens it again and believes only keys that the caller names.

Formats: https://github.com/in-toto/attestation (Statement v1), https://github.com/secure-systems-lab/dsse
(v1).
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from helder import __version__
from helder.errors import ExitCode, HelderError
from helder.ledger import canonical, environment
from helder.ledger.artifact import Artifact, FileEntry, manifest_digest
from helder.ledger.keys import PublicKey, SigningKey

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://helder.dev/stage/v1"
PAYLOAD_TYPE = "application/vnd.in-toto+json"


@dataclass(frozen=True)
class Statement:
    """A statement that was opened: the in-toto JSON and short ways to what is asked most.

    `statement["predicate"]` holds stage, key, settings, inputs, outputs, environment, code, seal, seed,
    timings and facts.
    """

    payload: Mapping[str, Any]

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
    seal_level: int,
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
        seal_level: how tight the room was, 0 = an ordinary child process with a recorded environment.
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
            "seal": {"level": seal_level},
            "timings": dict(timings),
            "facts": dict(facts),
        },
    }


def sign(statement: Mapping[str, Any], key: SigningKey) -> bytes:
    """The DSSE envelope around a statement, as the bytes of a JSON file.

    Raises:
        canonical.NotCanonical: the statement holds a value without a stable encoding.
    """
    payload = canonical.dumps(statement)
    envelope = {
        "payloadType": PAYLOAD_TYPE,
        "payload": base64.b64encode(payload).decode("ascii"),
        "signatures": [
            {
                "keyid": key.public.id,
                "sig": base64.b64encode(key.sign(_to_be_signed(payload))).decode("ascii"),
            }
        ],
    }
    return json.dumps(envelope, indent=1).encode("ascii") + b"\n"


def verify(envelope: bytes, keys: Iterable[PublicKey], where: str = "The statement") -> Statement:
    """Open an envelope, if one of `keys` signed exactly what is in it.

    The key id in an envelope is a hint and not signed, so every given key is tried; an envelope whose hint
    is not among them is told apart only in the message.

    Raises:
        HelderError: code 3, the signature does not fit or the form is wrong; code 4, the key is not known.
    """
    try:
        outer = canonical.loads(envelope)
        payload = base64.b64decode(outer["payload"], validate=True)
        signatures = [(str(s["keyid"]), base64.b64decode(s["sig"], validate=True)) for s in outer["signatures"]]
        payload_type = outer["payloadType"]
    except (ValueError, KeyError, TypeError, binascii.Error) as error:
        raise _failed(where, f"It is not a DSSE envelope: {error}.") from error
    if payload_type != PAYLOAD_TYPE:
        raise _failed(where, f"Its payload type is {payload_type!r}, not {PAYLOAD_TYPE!r}.")
    known, signed = list(keys), _to_be_signed(payload)
    if not any(key.verifies(signature, signed) for key in known for _, signature in signatures):
        if not {key.id for key in known} & {hint for hint, _ in signatures}:
            hints = ", ".join(hint[:12] for hint, _ in signatures) or "nobody"
            raise HelderError(
                f"{where} is signed with a key that this machine does not know ({hints}).",
                "Whether it is true cannot be checked without that key.",
                "Put the signer's public key, a .pem file, into $HELDER_HOME/keys/trusted/ if you trust it.",
                ExitCode.UNCHECKED,
            )
        raise _failed(where, "The signature does not fit what is written.")
    try:
        statement = canonical.loads(payload)
        if statement["_type"] != STATEMENT_TYPE or statement["predicateType"] != PREDICATE_TYPE:
            raise _failed(where, f"It is a statement of another kind: {statement['predicateType']!r}.")
        result = Statement(statement)
        _ = result.stage, result.key, result.digest, result.facts
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise _failed(where, f"It is signed, but its form is wrong: {error!r}.") from error
    return result


def _to_be_signed(payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding: lengths in front, so that nothing moves between the fields."""
    kind = PAYLOAD_TYPE.encode("ascii")
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def _failed(where: str, why: str) -> HelderError:
    return HelderError(
        f"{where} cannot be believed.",
        why,
        "Get it again from its source, or make it again.",
        ExitCode.FAILED,
    )
