"""Everything signed: envelopes, statements of every kind, model signatures, keys, rotations and time stamps.

The first byte of an input chooses. Readers believe nothing before a signature fits, so that most of the code behind it
would never be reached: half of the kinds are payloads, which are signed here with a key that the reader believes.
"""

from __future__ import annotations

import hashlib
import json
import random
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from bench.fuzz.harness import Target, change_bytes, change_json, scratch
from helder.errors import HelderError
from helder.ledger import predicates
from helder.ledger.keys import PublicKey, SigningKey
from helder.ledger.statement import STATEMENT_TYPE

DIGEST = "0123456789abcdef" * 4
SCALAR = 0x1F3B  # of the believed key: always the same, so that kept envelopes keep their signature
ENVELOPE, PAYLOAD, MODEL, MODEL_PAYLOAD, ROTATION, KEY, STAMP = (bytes([number]) for number in range(7))
JSON = (ENVELOPE, PAYLOAD, MODEL, MODEL_PAYLOAD, ROTATION)


@cache
def key() -> SigningKey:
    from cryptography.hazmat.primitives.asymmetric import ec

    return SigningKey.of(ec.derive_private_key(SCALAR, ec.SECP256R1()))


@cache
def folder() -> Path:
    """A model of two files."""
    place = scratch() / "model"
    (place / "a").mkdir(parents=True, exist_ok=True)
    (place / "a" / "b.txt").write_text("b", encoding="ascii")
    (place / "c.txt").write_text("c" * 10, encoding="ascii")
    return place


def run(data: bytes) -> None:
    from helder.ledger import envelope, keys, model_signing, timestamp
    from helder.ledger.statement import PAYLOAD_TYPE

    kind, data = data[:1], data[1:]
    if kind == ENVELOPE:
        opened = envelope.open(data, [key().public])
        assert not opened.signers or opened.payload, "an empty payload was believed"
        _refused(lambda: envelope.add_signature(data, key()))
        _statement(data)
    elif kind == PAYLOAD:
        _statement(envelope.seal(data, PAYLOAD_TYPE, [key()]))
    elif kind == MODEL:
        model_signing.verify(folder(), data, [key().public])
    elif kind == MODEL_PAYLOAD:
        sealed = json.loads(envelope.seal(data, PAYLOAD_TYPE, [key()]))
        bundle = {
            "mediaType": model_signing.BUNDLE_TYPE,
            "verificationMaterial": {"publicKey": {"hint": model_signing.hint(key().public)}, "tlogEntries": []},
            "dsseEnvelope": sealed,
        }
        written = json.dumps(bundle).encode()
        _refused(lambda: model_signing.listed(written, [key().public]))
        model_signing.verify(folder(), written, [key().public])
    elif kind == ROTATION:
        for sealed_ in (data, envelope.seal(data, PAYLOAD_TYPE, [key()])):
            _refused(lambda sealed_=sealed_: keys.read_rotation(sealed_, "the rotation"))
            _refused(lambda sealed_=sealed_: keys.successors([key().public], [sealed_, data]))
    elif kind == KEY:
        PublicKey.from_pem(data)
    else:
        timestamp.verify(data, DIGEST, [_root()])
        raise AssertionError("a time stamp of nobody was believed")


def _statement(sealed: bytes) -> None:
    from helder.ledger import statement

    for kind in (predicates.STAGE, predicates.RELEASE, predicates.CERTIFICATE, predicates.KEY_ROTATION):
        _refused(lambda kind=kind: predicates.validate(statement.open_statement(sealed, [key().public], kind)))
    opened = statement.verify(sealed, [key().public])
    predicates.validate(opened)
    predicates.slsa(opened)


def _refused(work: Any) -> None:
    """Work that may be refused, with more to do afterwards."""
    with suppress(HelderError):
        work()


@cache
def _root() -> bytes:
    """A certificate of an authority that stamped none of the inputs."""
    from datetime import UTC, datetime

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization

    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "root")])
    builder = x509.CertificateBuilder(
        name, name, key().key.public_key(), 1, datetime(2026, 1, 1, tzinfo=UTC), datetime(2036, 1, 1, tzinfo=UTC)
    )
    return builder.sign(key().key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def seeds() -> list[bytes]:
    from helder.ledger import envelope, keys, model_signing
    from helder.ledger.statement import PAYLOAD_TYPE

    found = [ENVELOPE + envelope.seal(json.dumps(_stage()).encode(), PAYLOAD_TYPE, [key()])]
    found += [PAYLOAD + json.dumps(one).encode() for one in (_stage(), _release(), _certificate())]
    signed = model_signing.sign(folder(), key(), "model")
    payload = envelope.open(json.dumps(json.loads(signed)["dsseEnvelope"]).encode(), []).payload
    sharded = json.loads(payload)
    sharded["predicate"]["serialization"] |= {"method": "shards", "shard_size": 4, "hash_type": "blake2b"}
    pieces = {"a/b.txt:0:1": b"b", "c.txt:0:4": b"cccc", "c.txt:4:8": b"cccc", "c.txt:8:10": b"cc"}
    digests = {name: hashlib.blake2b(piece).hexdigest() for name, piece in pieces.items()}
    sharded["predicate"]["resources"] = [
        {"name": name, "algorithm": "blake2b", "digest": digest} for name, digest in digests.items()
    ]
    root = hashlib.sha256(b"".join(map(bytes.fromhex, digests.values()))).hexdigest()
    sharded["subject"][0]["digest"]["sha256"] = root
    found += [MODEL + signed, MODEL_PAYLOAD + payload, MODEL_PAYLOAD + json.dumps(sharded).encode()]
    rotated = json.dumps(keys.rotation_statement(key().public, _next().public, "planned")).encode()
    both = envelope.seal(rotated, PAYLOAD_TYPE, [key(), _next()])
    return [*found, ROTATION + rotated, ROTATION + both, KEY + key().public.to_pem(), STAMP + _stamp()]


@cache
def _next() -> SigningKey:
    from cryptography.hazmat.primitives.asymmetric import ec

    return SigningKey.of(ec.derive_private_key(SCALAR + 1, ec.SECP256R1()))


def _stamp() -> bytes:
    """The skeleton of a TimeStampResp: granted, with signed data that nobody signed."""
    from helder.ledger import der

    info = der.pack(
        der.SEQUENCE, der.integer(1), der.identifier("1.2.3.4.1"),
        der.pack(der.SEQUENCE, der.pack(der.SEQUENCE, der.identifier("2.16.840.1.101.3.4.2.1"), der.NULL),
                 der.pack(der.OCTETS, bytes.fromhex(DIGEST))),
        der.integer(1), der.pack(0x18, b"20261125100000Z"),
    )  # fmt: skip
    inside = der.pack(
        der.SEQUENCE, der.identifier("1.2.840.113549.1.9.16.1.4"), der.pack(0xA0, der.pack(der.OCTETS, info))
    )
    digests = der.pack(0x31, der.pack(der.SEQUENCE, der.identifier("2.16.840.1.101.3.4.2.1")))
    signed = der.pack(der.SEQUENCE, der.integer(3), digests, inside, der.pack(0x31))
    token = der.pack(der.SEQUENCE, der.identifier("1.2.840.113549.1.7.2"), der.pack(0xA0, signed))
    return der.pack(der.SEQUENCE, der.pack(der.SEQUENCE, der.integer(0)), token)


def mutate(data: bytes, chance: random.Random) -> bytes:
    if data[:1] in JSON and chance.random() < 0.9:
        return data[:1] + change_json(data[1:], chance)
    return data[:1] + change_bytes(data[1:], chance)


# -- true statements ------------------------------------------------------------------------------------------------


def _file(path: str) -> dict[str, Any]:
    return {"path": path, "size": 3, "sha256": DIGEST}


def _framed(kind: str, digest: str, predicate: dict[str, Any]) -> dict[str, Any]:
    return {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": "it", "digest": {"sha256": digest}}],
        "predicateType": kind,
        "predicate": predicate,
    }


def _stage() -> dict[str, Any]:
    from helder.ledger import environment, statement
    from helder.ledger.artifact import Artifact, FileEntry

    return statement.build(
        name="words", version=1, function="tests.fake_stages:copy", key=DIGEST, settings={"seed": 7, "rate": 0.5},
        inputs={"text": Artifact(folder() / "c.txt", DIGEST, "c.txt")}, outputs=[FileEntry("a/b.txt", 1, DIGEST)],
        environment_record=environment.record({"OMP_NUM_THREADS": "1"}), facts={"rows": 3}, seal_level=0,
        timings={"seconds": 1.0, "cpu_seconds": 1.0, "peak_memory": 5, "started": "2026-11-25T10:00:00+00:00",
                 "energy": {"joules": 2.0, "how": "estimated"}},
        variables={"OMP_NUM_THREADS": "1"},
    )  # fmt: skip


def _release() -> dict[str, Any]:
    ledger = {"file": "ledger/001-data.json", "sha256": DIGEST, "stage": "data", "digest": DIGEST, "role": "way"}
    source = {
        "name": "train",
        "kind": "file",
        "digest": DIGEST,
        "stage": "data",
        "licence": None,
        "path": "sources/t/t.jsonl",
    }
    return _framed(predicates.RELEASE, DIGEST, {
        "name": "doses", "purpose": "Doses.", "version": "1", "made": "2026-11-25T10:00:00Z", "audience": "public",
        "model": "train", "files": [_file("artifacts/train/config.json"), _file("ledger/001-data.json")],
        "withheld": [{**_file("sources/t/t.jsonl"), "why": "patients' words"}], "ledger": [ledger], "sources": [source],
        "people": {"contact": "someone@example.org"}, "ends": ["scores"],
        "licences": [{"path": "licences/LICENSE", "licences": ["CC0-1.0"]}], "previous": None,
        "helder": {"helder": "0.1.0", "sha256": DIGEST},
    })  # fmt: skip


def _certificate() -> dict[str, Any]:
    return _framed(predicates.CERTIFICATE, DIGEST, {"page": DIGEST, "release": "f" * 64, "signers": [DIGEST]})


TARGET = Target(
    "statement",
    run,
    seeds,
    mutate,
    words=(b"payloadType", b"signatures", b"keyid", b"predicateType", b"subject", b"digest", b"sha256",
           b"serialization", b"shard_size", b"hash_type", b"ignore_paths", b"blake2b", b"-----BEGIN PUBLIC KEY-----"),
)  # fmt: skip
