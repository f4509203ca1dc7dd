from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from helder.errors import ExitCode, HelderError
from helder.ledger import envelope as dsse
from helder.ledger import keys, statement
from helder.ledger.artifact import Artifact, manifest


@pytest.fixture
def built(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.txt").write_text("a", encoding="utf-8")
    (tmp_path / "in.txt").write_text("in", encoding="utf-8")
    return statement.build(
        name="data",
        version=1,
        function="helder.data.stage:run",
        key="k" * 64,
        settings={"seed": 7, "holdout": 0.1},
        inputs={"train": Artifact.of(tmp_path / "in.txt", "in.txt")},
        outputs=manifest(tmp_path / "out"),
        environment_record={"python": "3.11"},
        timings={"seconds": 1.5},
        facts={"records": 3},
        seal_level=0,
    )


def test_a_signed_statement_opens_with_the_signers_key(built: dict[str, Any], tmp_path: Path) -> None:
    key = keys.signing_key()
    opened = statement.verify(statement.sign(built, key), [key.public])
    assert opened.payload == built
    assert (opened.stage, opened.key, opened.facts) == ("data", "k" * 64, {"records": 3})
    assert opened.digest == Artifact.of(tmp_path / "out", "data").digest
    assert opened.predicate["seed"] == 7
    assert opened.predicate["seal"] == {"level": 0}
    assert opened.predicate["inputs"]["train"]["kind"] == "file"
    assert len(opened.predicate["code"]["sha256"]) == 64


def test_the_envelope_is_dsse_as_others_read_it(built: dict[str, Any]) -> None:
    key = keys.signing_key()
    envelope = json.loads(statement.sign(built, key))
    payload = base64.b64decode(envelope["payload"])
    assert json.loads(payload)["_type"] == "https://in-toto.io/Statement/v1"
    kind = envelope["payloadType"]
    assert kind == "application/vnd.in-toto+json"
    # https://github.com/secure-systems-lab/dsse/blob/master/protocol.md, written out
    signed = f"DSSEv1 {len(kind)} {kind} {len(payload)} ".encode() + payload
    assert key.public.verifies(base64.b64decode(envelope["signatures"][0]["sig"]), signed)


def test_signing_twice_gives_the_same_bytes(built: dict[str, Any]) -> None:
    key = keys.signing_key()
    assert statement.sign(built, key) == statement.sign(built, key)


def changed_payload(envelope: dict[str, Any]) -> None:
    payload = base64.b64decode(envelope["payload"]).replace(b'"holdout":0.1', b'"holdout":0.2')
    envelope["payload"] = base64.b64encode(payload).decode()


def changed_type(envelope: dict[str, Any]) -> None:
    envelope["payloadType"] = "application/json"


def changed_signature(envelope: dict[str, Any]) -> None:
    signature = bytearray(base64.b64decode(envelope["signatures"][0]["sig"]))
    signature[-1] ^= 1
    envelope["signatures"][0]["sig"] = base64.b64encode(signature).decode()


def no_signature(envelope: dict[str, Any]) -> None:
    del envelope["signatures"]


@pytest.mark.parametrize("tamper", [changed_payload, changed_type, changed_signature, no_signature])
def test_a_tampered_envelope_is_a_failed_check(built: dict[str, Any], tamper: Callable[[dict[str, Any]], None]) -> None:
    key = keys.signing_key()
    envelope = json.loads(statement.sign(built, key))
    tamper(envelope)
    with pytest.raises(HelderError) as caught:
        statement.verify(json.dumps(envelope).encode(), [key.public], "That")
    assert caught.value.code == ExitCode.FAILED
    assert caught.value.what == "That cannot be believed."


@pytest.mark.parametrize("data", [b"", b"[]", b'{"payload": 1}', b"\xff\xfe", b'{"payload":"!","signatures":[]}'])
def test_what_is_no_envelope_is_a_failed_check(data: bytes) -> None:
    with pytest.raises(HelderError) as caught:
        statement.verify(data, [keys.signing_key().public])
    assert caught.value.code == ExitCode.FAILED


def test_an_unknown_signer_is_could_not_be_checked_never_failed(built: dict[str, Any], tmp_path: Path) -> None:
    stranger = keys.signing_key(tmp_path / "stranger")
    with pytest.raises(HelderError, match="does not know") as caught:
        statement.verify(statement.sign(built, stranger), [keys.signing_key().public])
    assert caught.value.code == ExitCode.UNCHECKED


def test_claiming_a_known_key_id_does_not_make_a_strangers_signature_valid(
    built: dict[str, Any], tmp_path: Path
) -> None:
    ours = keys.signing_key().public
    envelope = json.loads(statement.sign(built, keys.signing_key(tmp_path / "stranger")))
    envelope["signatures"][0]["keyid"] = ours.id
    with pytest.raises(HelderError) as caught:
        statement.verify(json.dumps(envelope).encode(), [ours])
    assert caught.value.code == ExitCode.FAILED


def test_a_signed_statement_of_another_kind_is_refused(built: dict[str, Any]) -> None:
    key = keys.signing_key()
    built["predicateType"] = "https://slsa.dev/provenance/v1"
    with pytest.raises(HelderError, match="cannot be believed") as caught:
        statement.verify(statement.sign(built, key), [key.public])
    assert "another kind" in caught.value.why


def test_several_people_sign_one_statement(built: dict[str, Any], tmp_path: Path) -> None:
    first, second = keys.signing_key(), keys.signing_key(tmp_path / "second")
    signed = statement.sign(built, first, second)
    assert statement.verify(signed, [second.public, first.public]).signers == (first.public.id, second.public.id)
    opened = statement.verify(signed, [second.public])
    assert (opened.signers, opened.unknown) == ((second.public.id,), (first.public.id,))


def test_one_broken_signature_condemns_the_others(built: dict[str, Any], tmp_path: Path) -> None:
    first, second = keys.signing_key(), keys.signing_key(tmp_path / "second")
    envelope = json.loads(statement.sign(built, first, second))
    changed_signature(envelope)
    with pytest.raises(HelderError) as caught:
        statement.verify(json.dumps(envelope).encode(), [first.public, second.public])
    assert caught.value.code == ExitCode.FAILED


def test_a_statement_is_referred_to_by_the_bytes_that_are_signed(built: dict[str, Any]) -> None:
    key = keys.signing_key()
    signed = statement.sign(built, key)
    payload = base64.b64decode(json.loads(signed)["payload"])
    assert statement.verify(signed, [key.public]).payload_sha256 == hashlib.sha256(payload).hexdigest()


def test_statements_of_other_kinds_are_opened_by_their_kind() -> None:
    key = keys.signing_key()
    said = {
        "_type": statement.STATEMENT_TYPE,
        "subject": [{"name": "x", "digest": {"sha256": "0" * 64}}],
        "predicateType": "https://example.org/other/v1",
        "predicate": {"answer": 42},
    }
    signed = statement.sign(said, key)
    opened = statement.open_statement(signed, [key.public], "https://example.org/other/v1")
    assert (opened.predicate, opened.predicate_type) == ({"answer": 42}, "https://example.org/other/v1")
    assert opened.digest == "0" * 64
    with pytest.raises(HelderError, match="cannot be believed"):
        statement.open_statement(signed, [key.public], statement.PREDICATE_TYPE)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[]",
        b"{}",
        b"[" * 100_000,
        b'{"_type": "https://in-toto.io/Statement/v1", "predicateType": "x", "subject": [], "predicate": {}}',
        b'{"_type": "https://in-toto.io/Statement/v1", "predicateType": "x", "subject": 1, "predicate": []}',
    ],
    ids=["nothing", "a list", "no fields", "a deep hole", "no subject", "a predicate of another type"],
)
def test_a_signed_payload_of_another_form_is_refused(payload: bytes) -> None:
    key = keys.signing_key()
    with pytest.raises(HelderError) as caught:
        statement.open_statement(dsse.seal(payload, statement.PAYLOAD_TYPE, [key]), [key.public], "x")
    assert caught.value.code == ExitCode.FAILED
