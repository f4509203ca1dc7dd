from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from helder.errors import ExitCode, HelderError
from helder.ledger import keys


def test_the_key_is_made_on_first_use_for_its_owner_alone(home: Path) -> None:
    made = keys.signing_key()
    path = home / "keys" / "signing.pem"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert keys.signing_key().public.id == made.public.id
    assert keys.PublicKey.from_pem((home / "keys" / "signing.pub.pem").read_bytes()).id == made.public.id


def test_the_same_data_give_the_same_signature() -> None:
    key = keys.signing_key()
    assert key.sign(b"data") == key.sign(b"data")
    assert key.public.verifies(key.sign(b"data"), b"data")
    assert not key.public.verifies(key.sign(b"data"), b"date")
    assert not key.public.verifies(b"", b"data")


def test_a_key_that_others_can_read_is_refused(home: Path) -> None:
    keys.signing_key()
    (home / "keys" / "signing.pem").chmod(0o644)
    with pytest.raises(HelderError, match="can be read by others") as caught:
        keys.signing_key()
    assert caught.value.code == ExitCode.REFUSED


@pytest.mark.parametrize(
    "content", [b"", b"not a key", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
)
def test_a_damaged_key_is_told_and_never_replaced_in_silence(home: Path, content: bytes) -> None:
    keys.signing_key()
    path = home / "keys" / "signing.pem"
    path.write_bytes(content)
    with pytest.raises(HelderError, match="cannot be read"):
        keys.signing_key()
    assert path.read_bytes() == content


def test_a_key_of_another_kind_is_refused() -> None:
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric import ec

    other = ec.generate_private_key(ec.SECP384R1()).public_key()
    pem = other.public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(HelderError, match="P-256"):
        keys.PublicKey.from_pem(pem)


def test_first_uses_at_the_same_moment_end_with_one_key_for_all(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(lambda _: keys.signing_key(tmp_path / "keys").public.id, range(8)))
    assert len(ids) == 1
    assert sorted(path.name for path in (tmp_path / "keys").iterdir()) == ["signing.pem", "signing.pub.pem"]


def test_printing_a_key_does_not_show_its_secret() -> None:
    key = keys.signing_key()
    assert repr(key) == f"SigningKey({key.public.id})"


def test_keys_in_the_trusted_folder_are_known(home: Path, tmp_path: Path) -> None:
    friend = keys.signing_key(tmp_path / "friend").public
    assert friend.id not in {key.id for key in keys.known_keys()}
    (home / "keys" / "trusted").mkdir(parents=True)
    (home / "keys" / "trusted" / "friend.pem").write_bytes(friend.to_pem())
    assert friend.id in {key.id for key in keys.known_keys()}
