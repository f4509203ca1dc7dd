from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helder.errors import ExitCode, HelderError
from helder.ledger import envelope
from helder.ledger.keys import SigningKey

ANNA, BEN, EVE = (SigningKey.generate() for _ in range(3))
KIND = "application/x-test"
SEALED = envelope.seal(b'{"a": 1}', KIND, [ANNA, BEN])


@settings(deadline=None)  # signatures on a busy machine
@given(payload=st.binary(max_size=200), kind=st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_what_was_sealed_opens_with_the_keys_that_signed(payload: bytes, kind: str) -> None:
    opened = envelope.open(envelope.seal(payload, kind, [ANNA, BEN]), [EVE.public, BEN.public, ANNA.public])
    assert (opened.payload, opened.payload_type) == (payload, kind)
    assert opened.signers == (ANNA.public, BEN.public)
    assert opened.unknown == opened.broken == ()


def test_keys_that_are_not_given_are_unknown() -> None:
    opened = envelope.open(SEALED, [BEN.public])
    assert opened.signers == (BEN.public,)
    assert opened.unknown == (ANNA.public.id,)
    assert envelope.open(SEALED, []).unknown == (ANNA.public.id, BEN.public.id)


def test_a_signature_is_added_by_someone_else_later() -> None:
    alone = envelope.seal(b'{"a": 1}', KIND, [ANNA])
    assert envelope.add_signature(alone, BEN) == SEALED
    assert envelope.add_signature(SEALED, ANNA) == SEALED


def test_nothing_is_sealed_by_nobody_or_twice_by_one() -> None:
    for keys in ([], [ANNA, ANNA]):
        with pytest.raises(ValueError):
            envelope.seal(b"", KIND, keys)


def test_a_signature_without_a_key_id_is_tried_with_every_key() -> None:
    outer = json.loads(SEALED)
    del outer["signatures"][0]["keyid"]
    outer["signatures"][1]["keyid"] = ""
    opened = envelope.open(json.dumps(outer).encode(), [BEN.public, ANNA.public])
    assert opened.signers == (ANNA.public, BEN.public)
    assert envelope.open(json.dumps(outer).encode(), [EVE.public]).unknown == ("", "")


def test_a_signature_that_names_a_key_and_is_not_from_it_is_broken() -> None:
    outer = json.loads(SEALED)
    outer["signatures"][0]["sig"] = base64.b64encode(EVE.sign(b"other")).decode()
    opened = envelope.open(json.dumps(outer).encode(), [ANNA.public, BEN.public])
    assert (opened.signers, opened.broken) == ((BEN.public,), (ANNA.public.id,))
    with pytest.raises(HelderError) as caught:
        envelope.add_signature(json.dumps(outer).encode(), ANNA)
    assert caught.value.code == ExitCode.FAILED


def test_both_alphabets_of_base64_are_read() -> None:
    payload = bytes(range(256))
    outer = json.loads(envelope.seal(payload, KIND, [ANNA]))
    assert {"+", "/"} <= set(outer["payload"])
    outer["payload"] = outer["payload"].replace("+", "-").replace("/", "_")
    assert envelope.open(json.dumps(outer).encode(), [ANNA.public]).signers == (ANNA.public,)
    outer["payload"] = outer["payload"].replace("-", "+")  # a mixture of both
    with pytest.raises(HelderError):
        envelope.open(json.dumps(outer).encode(), [ANNA.public])


def other_bits(outer: dict[str, Any]) -> None:
    outer["payload"] = "YR=="  # it reads as "YQ==" does, with bits set that say nothing


WRONG: dict[str, Callable[[dict[str, Any]], object]] = {
    "unknown field": lambda outer: outer.update(note="x"),
    "unknown field of a signature": lambda outer: outer["signatures"][0].update(cert="x"),
    "no payload": lambda outer: outer.pop("payload"),
    "no payload type": lambda outer: outer.pop("payloadType"),
    "no signatures": lambda outer: outer.pop("signatures"),
    "zero signatures": lambda outer: outer.update(signatures=[]),
    "too many signatures": lambda outer: outer.update(signatures=outer["signatures"] * 51),
    "a signature twice": lambda outer: outer["signatures"].append({"sig": outer["signatures"][0]["sig"]}),
    "a key twice": lambda outer: outer["signatures"][1].update(keyid=outer["signatures"][0]["keyid"]),
    "signature without bytes": lambda outer: outer["signatures"][0].pop("sig"),
    "key id of another type": lambda outer: outer["signatures"][0].update(keyid=7),
    "payload of another type": lambda outer: outer.update(payload=None),
    "half a surrogate": lambda outer: outer.update(payloadType="\ud800"),
    "bad base64": lambda outer: outer.update(payload="!"),
    "base64 without padding": lambda outer: outer.update(payload="YQ"),
    "base64 with a line": lambda outer: outer.update(payload=outer["payload"] + "\n"),
    "base64 that is not ASCII": lambda outer: outer.update(payload="é==="),
    "base64 with other bits": other_bits,
}


@pytest.mark.parametrize("name", WRONG)
def test_an_envelope_of_another_form_is_refused(name: str) -> None:
    outer = json.loads(SEALED)
    WRONG[name](outer)
    with pytest.raises(HelderError) as caught:
        envelope.open(json.dumps(outer).encode(), [ANNA.public, BEN.public], "This")
    assert caught.value.code == ExitCode.FAILED
    assert caught.value.what == "This cannot be believed."


@pytest.mark.parametrize(
    "data",
    [b"", b"null", b"[]", b"\xff", b"{", SEALED[:-5], SEALED.replace(b"{", b'{"payload": "",', 1), b"[" * 100_000],
    ids=["nothing", "null", "a list", "not UTF-8", "an end", "cut", "a key twice", "a deep hole"],
)
def test_what_is_no_envelope_is_refused(data: bytes) -> None:
    with pytest.raises(HelderError) as caught:
        envelope.open(data, [])
    assert caught.value.code == ExitCode.FAILED


def test_an_envelope_that_is_too_large_is_neither_made_nor_read(monkeypatch: pytest.MonkeyPatch) -> None:
    assert envelope.MAXIMUM == 64_000_000
    monkeypatch.setattr(envelope, "MAXIMUM", len(SEALED))
    envelope.open(SEALED, [])
    for refused in (
        lambda: envelope.open(SEALED + b" ", []),
        lambda: envelope.seal(b'{"a": 1}' * 9, KIND, [ANNA, BEN]),
        lambda: envelope.add_signature(SEALED, EVE),
    ):
        with pytest.raises(HelderError) as caught:
            refused()
        assert caught.value.code == ExitCode.FAILED


@settings(deadline=None)  # signatures on a busy machine
@given(place=st.integers(0, len(SEALED) - 1), bit=st.integers(0, 7))
def test_no_changed_bit_goes_unnoticed(place: int, bit: int) -> None:
    """What is changed is refused, or a key that signed is no longer among the signers, or it was white space."""
    changed = bytearray(SEALED)
    changed[place] ^= 1 << bit
    try:
        opened = envelope.open(bytes(changed), [ANNA.public, BEN.public])
    except HelderError as error:
        assert error.code == ExitCode.FAILED
        return
    if opened.signers == (ANNA.public, BEN.public):
        ids = [json.loads(data)["signatures"] for data in (bytes(changed), SEALED)]
        same = json.loads(bytes(changed)) == json.loads(SEALED)
        assert same or [one["sig"] for one in ids[0]] == [one["sig"] for one in ids[1]]  # a hint was changed
        assert (opened.payload, opened.payload_type) == (b'{"a": 1}', KIND)


def test_hints_from_strangers_are_shown_without_what_a_terminal_would_obey() -> None:
    assert envelope.shown("\x1b[2Jabc") == r"'\x1b[2Jabc'"
    assert envelope.shown(ANNA.public.id) == ANNA.public.id[:12]
    assert envelope.shown("") == "without a name"


def test_securesystemslib_believes_our_envelopes_and_not_changed_ones() -> None:
    dsse = pytest.importorskip("securesystemslib.dsse", reason="securesystemslib is not installed")
    from securesystemslib.exceptions import VerificationError
    from securesystemslib.signer import SSlibKey

    theirs = [SSlibKey.from_crypto(one.public.key, keyid=one.public.id) for one in (ANNA, BEN)]
    accepted = dsse.Envelope.from_dict(json.loads(SEALED)).verify(theirs, 2)
    assert set(accepted) == {ANNA.public.id, BEN.public.id}
    outer = json.loads(SEALED)
    outer["payload"] = base64.b64encode(b'{"a": 2}').decode()
    with pytest.raises(VerificationError):
        dsse.Envelope.from_dict(outer).verify(theirs, 1)


def test_an_envelope_of_securesystemslib_is_believed_here(tmp_path: Path) -> None:
    dsse = pytest.importorskip("securesystemslib.dsse", reason="securesystemslib is not installed")
    from securesystemslib.signer import CryptoSigner, SSlibKey

    named = SSlibKey.from_crypto(EVE.public.key, keyid=EVE.public.id)
    theirs = dsse.Envelope(b"theirs", KIND, {})
    theirs.sign(CryptoSigner(EVE.key, named))
    opened = envelope.open(json.dumps(theirs.to_dict()).encode(), [EVE.public])
    assert (opened.payload, opened.signers) == (b"theirs", (EVE.public,))
