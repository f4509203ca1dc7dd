from __future__ import annotations

import base64
import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from helder.errors import ExitCode, HelderError
from helder.ledger import keys, statement


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


def test_the_fingerprint_is_the_whole_id_in_groups_of_four() -> None:
    public = keys.signing_key().public
    assert public.fingerprint.replace(" ", "") == public.id
    assert {len(group) for group in public.fingerprint.split()} == {4}


def test_each_of_several_people_has_a_key_and_all_are_believed(home: Path) -> None:
    own, made = keys.make()
    anna, _ = keys.make("anna")
    assert made
    again, made = keys.make("anna")
    assert (again.public.id, made) == (anna.public.id, False)
    assert {own.public.id, anna.public.id} == {key.id for key in keys.known_keys()}
    assert list(keys.own_keys()) == ["anna", "signing"]
    with pytest.raises(HelderError, match="no key named ben"):
        keys.signing_key(name="ben")
    assert not (home / "keys" / "ben.pem").exists()


def test_asking_who_is_believed_makes_no_key(home: Path) -> None:
    assert keys.believed() == []
    assert list(home.iterdir()) == []
    friend, anna = keys.SigningKey.generate().public, keys.make("anna")[0].public
    keys.trust(friend)
    assert [key.id for key in keys.believed()] == [anna.id, friend.id]
    own = keys.signing_key().public
    assert [key.id for key in keys.believed()] == [own.id, anna.id, friend.id]
    assert [key.id for key in keys.known_keys()] == [own.id, anna.id, friend.id]


@pytest.mark.parametrize("name", ["", "..", "a/b", "Anna", "signing.pub", "-a", "a" * 65, "a\n"])
def test_a_name_that_leads_elsewhere_is_no_name(name: str) -> None:
    with pytest.raises(HelderError, match="no name for a key"):
        keys.make(name)


def test_a_missing_or_old_public_half_is_put_right(home: Path) -> None:
    own = keys.signing_key()
    public = home / "keys" / "signing.pub.pem"
    for old in (None, keys.SigningKey.generate().public.to_pem()):
        public.unlink()
        if old:
            public.write_bytes(old)
        keys.own_keys()
        assert public.read_bytes() == own.public.to_pem()


# -- rotation ---------------------------------------------------------------------------------------------------


def signed(key: keys.SigningKey) -> bytes:
    said = {
        "_type": statement.STATEMENT_TYPE,
        "subject": [{"name": "x", "digest": {"sha256": "0" * 64}}],
        "predicateType": "x",
        "predicate": {},
    }
    return statement.sign(said, key)


def test_a_rotated_key_signs_no_more_and_stays_believed(home: Path) -> None:
    old = keys.signing_key()
    before = signed(old)
    new, rotation, kept = keys.rotate("a new year")
    assert keys.signing_key().public.id == new.public.id != old.public.id
    assert (home / "keys" / "signing.pub.pem").read_bytes() == new.public.to_pem()
    assert kept is not None
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert kept.read_bytes() == old.to_pem()
    assert [key.id for key in keys.known_keys()] == [new.public.id, old.public.id]
    assert statement.open_statement(before, keys.known_keys(), "x").signers == (old.public.id,)
    assert keys.rotations() == [rotation]
    assert (rotation.old, rotation.new, rotation.reason) == (old.public.id, new.public.id, "a new year")


def test_a_destroyed_key_is_gone_and_stays_believed(home: Path) -> None:
    old, _ = keys.make("anna")
    held = (home / "keys" / "anna.pem").open("rb")  # as an undelete would see it
    _, _, kept = keys.rotate("stolen", destroy=True, name="anna")
    assert kept is None
    with held:
        assert set(held.read()) == {0}
    assert not [path for path in (home / "keys").rglob("*") if path.is_file() and old.to_pem() in path.read_bytes()]
    assert old.public.id in {key.id for key in keys.known_keys()}


def test_a_rotation_needs_a_reason_and_changes_nothing_without() -> None:
    own = keys.signing_key()
    with pytest.raises(HelderError, match="does not have the form"):
        keys.rotate("")
    assert keys.signing_key().public.id == own.public.id


class Killed(BaseException):
    pass


@pytest.mark.parametrize("destroy", [False, True])
def test_a_rotation_that_is_killed_anywhere_leaves_a_usable_key(
    tmp_path: Path, destroy: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed before each call that changes a disk, one after the other, until one rotation runs through."""
    calls = ("link", "rename", "unlink", "fsync", "open")
    reals = {name: getattr(os, name) for name in calls}
    unlink, rename = Path.unlink, Path.rename
    ends = 0
    for number in range(200):
        folder = tmp_path / f"{number}"
        old = keys.signing_key(folder)
        before, left = signed(old), number

        def count() -> None:
            nonlocal left
            if left == 0:
                raise Killed
            left -= 1

        def counted(real: Any) -> Any:
            def call(*arguments: Any, **more: Any) -> Any:
                count()
                return real(*arguments, **more)

            return call

        with monkeypatch.context() as patch:
            for name in calls:
                patch.setattr(os, name, counted(reals[name]))
            patch.setattr(Path, "rename", counted(rename))
            patch.setattr(Path, "unlink", counted(unlink))
            try:
                keys.rotate("test", destroy=destroy, folder=folder)
                ends += 1
            except Killed:
                pass
        now = keys.signing_key(folder)
        known = keys.known_keys(folder)
        assert statement.open_statement(before, known, "x").signers == (old.public.id,)
        assert statement.open_statement(signed(now), known, "x").signers == (now.public.id,)
        if now.public.id != old.public.id:  # then whoever trusts the old key can be led to the new one
            files = sorted((folder / "rotations").glob("*.json"))
            assert [key.id for key in keys.successors([old.public], [f.read_bytes() for f in files])] == [now.public.id]
        keys.rotate("again", folder=folder)
        assert [rotation.old for rotation in keys.rotations(folder)].count(now.public.id) == 1
        assert (folder / "signing.pub.pem").read_bytes() == keys.signing_key(folder).public.to_pem()
        if ends:
            break
    assert ends == 1
    assert number > 20


def chain(folder: Path, length: int) -> tuple[list[keys.PublicKey], list[bytes]]:
    """A key and its successors, with the statements that lead from each to the next."""
    found, said = [keys.signing_key(folder).public], []
    for _ in range(length):
        new, rotation, _ = keys.rotate("test", folder=folder)
        found.append(new.public)
        said.append(rotation.path.read_bytes())
    return found, said


def test_whoever_trusts_a_key_believes_its_successors_and_nobody_elses(tmp_path: Path) -> None:
    theirs, said = chain(tmp_path / "theirs", 3)
    _, strange = chain(tmp_path / "strange", 2)
    for order in (said, said[::-1]):
        found = keys.successors(theirs[:1], [*strange, *order])
        assert [key.id for key in found] == [key.id for key in theirs[1:]]
    assert [key.id for key in keys.successors([theirs[1]], said)] == [key.id for key in theirs[2:]]
    assert keys.successors(theirs[:1], said[1:]) == []  # a link is missing
    assert keys.successors([], said) == []
    assert keys.successors(theirs, said) == []  # all known already


def test_a_successor_must_have_signed_too(tmp_path: Path) -> None:
    """Otherwise the owner of a trusted key could adopt the key of somebody else."""
    old, other = keys.SigningKey.generate(), keys.SigningKey.generate()
    said = keys.rotation_statement(old.public, other.public, "mine now")
    with pytest.raises(HelderError) as caught:
        keys.successors([old.public], [statement.sign(said, old)])
    assert caught.value.code == ExitCode.FAILED


def test_nobody_names_the_successor_of_a_key_that_is_not_theirs() -> None:
    trusted, victim, new = (keys.SigningKey.generate() for _ in range(3))
    said = keys.rotation_statement(victim.public, new.public, "not true")
    with pytest.raises(HelderError) as caught:
        keys.successors([trusted.public, victim.public], [statement.sign(said, trusted, new)])
    assert caught.value.code == ExitCode.FAILED
    assert keys.successors([victim.public], [statement.sign(said, new)]) == []


def test_a_broken_rotation_of_a_believed_key_is_told(tmp_path: Path) -> None:
    theirs, said = chain(tmp_path / "theirs", 1)
    outer = json.loads(said[0])
    payload = base64.b64decode(outer["payload"]).replace(b'"reason":"test"', b'"reason":"best"')
    outer["payload"] = base64.b64encode(payload).decode()
    with pytest.raises(HelderError) as caught:
        keys.successors(theirs[:1], [json.dumps(outer).encode()])
    assert caught.value.code == ExitCode.FAILED
