"""The signature check of install.py, which has no library: it says what cryptography says."""

from __future__ import annotations

import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from hypothesis import given, settings
from hypothesis import strategies as st

from helder.airgap import install
from helder.ledger.keys import SigningKey

KEYS = [SigningKey.of(ec.derive_private_key(secret, ec.SECP256R1())) for secret in (1, 2, 3, 0xDEADBEEF, install.N - 1)]


def point(key: SigningKey) -> tuple[int, int]:
    return install.key_of(key.public.to_pem(), "key").point


@given(st.sampled_from(KEYS), st.binary(max_size=200))
@settings(max_examples=12, deadline=None)
def test_what_a_key_signed_fits_that_key_and_no_other(key: SigningKey, data: bytes) -> None:
    signature = key.sign(data)
    assert [install.verifies(point(one), signature, data) for one in KEYS] == [one is key for one in KEYS]
    assert not install.verifies(point(key), signature, data + b"x")


@given(st.sampled_from(KEYS), st.integers(0), st.integers(1, 255))
@settings(max_examples=40, deadline=None)
def test_a_changed_signature_is_judged_as_cryptography_does(key: SigningKey, place: int, flip: int) -> None:
    data = b"a list of files"
    changed = bytearray(key.sign(data))
    changed[place % len(changed)] ^= flip
    assert install.verifies(point(key), bytes(changed), data) == key.public.verifies(bytes(changed), data)


@pytest.mark.parametrize("which", range(8))
def test_numbers_at_the_edges_are_no_signature(which: int) -> None:
    key, data = KEYS[3], b"data"
    r, s = decode_dss_signature(key.sign(data))
    edges = [(0, s), (r, 0), (install.N, s), (r, install.N), (r + install.N, s), (r, s + install.N), (0, 0), (1, 1)]
    assert not install.verifies(point(key), encode_dss_signature(*edges[which]), data)


@pytest.mark.parametrize("change", ["tail", "head", "length", "negative", "padded", "short", "empty"])
def test_a_signature_has_one_way_to_be_written(change: str) -> None:
    key, data = KEYS[3], b"data"
    signature = key.sign(data)
    length = signature[3]
    r = signature[4 : 4 + length]
    padded = bytes((48, signature[1] + 1, 2, length + 1, 0)) + r + signature[4 + length :]
    forms = {
        "tail": signature + b"\0", "head": b"\x31" + signature[1:], "length": signature[:1] + b"\x81" + signature[1:],
        "negative": signature[:4] + bytes((r[0] | 0x80,)) + signature[5:], "padded": padded,
        "short": signature[:-1], "empty": b"",
    }  # fmt: skip
    assert not install.verifies(point(key), forms[change], data)


def test_the_digest_of_what_is_signed_may_be_larger_than_the_group() -> None:
    """Sums that pass through the point at infinity, and a key whose point is the generator or its opposite."""
    assert install.add(install.G, (install.G[0], install.P - install.G[1])) is None
    assert install.add(None, install.G) == install.G == install.add(install.G, None)
    for number in range(4):
        data = hashlib.sha256(bytes((number,))).digest()
        for key in (KEYS[0], KEYS[4]):
            assert install.verifies(point(key), key.sign(data), data)


@pytest.mark.parametrize("curve", [ec.SECP384R1(), ec.SECP256K1()])
def test_other_keys_are_refused(curve: ec.EllipticCurve) -> None:
    from cryptography.hazmat.primitives import serialization as form

    public = ec.derive_private_key(7, curve).public_key()
    pem = public.public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(install.Refused, match="P-256"):
        install.key_of(pem, "key")


def test_a_point_beside_the_curve_is_no_key() -> None:
    import base64

    x, y = install.G
    for wrong in ((x, y ^ 1), (x ^ 1, y), (0, 0), (install.P, y)):
        der = install.HEAD + wrong[0].to_bytes(32, "big") + wrong[1].to_bytes(32, "big")
        pem = b"-----BEGIN PUBLIC KEY-----\n" + base64.b64encode(der) + b"\n-----END PUBLIC KEY-----\n"
        with pytest.raises(install.Refused, match="P-256"):
            install.key_of(pem, "key")
    for junk in (b"", b"-----BEGIN PUBLIC KEY-----\n!\n-----END PUBLIC KEY-----\n", b"\xff" * 50):
        with pytest.raises(install.Refused, match="P-256"):
            install.key_of(junk, "key")
