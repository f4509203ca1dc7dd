from __future__ import annotations

import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from helder.errors import ExitCode, HelderError
from helder.ledger import key_backup
from helder.ledger.keys import SigningKey

WORDS = "seven grey herons, café"
KEY = SigningKey.generate()


@pytest.fixture(scope="module")
def backup() -> bytes:
    return key_backup.encrypt(KEY, WORDS)


def test_a_backup_opens_with_its_passphrase_alone(backup: bytes) -> None:
    assert key_backup.decrypt(backup, WORDS).public.id == KEY.public.id
    with pytest.raises(HelderError, match="does not open"):
        key_backup.decrypt(backup, WORDS + " ")


needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="the program openssl is not installed")


@needs_openssl
def test_openssl_opens_a_backup_and_sees_how_it_is_hidden(backup: bytes, tmp_path: Path) -> None:
    (tmp_path / "backup.pem").write_bytes(backup)
    (tmp_path / "words").write_text(WORDS + "\n", encoding="utf-8")
    shown = subprocess.run(
        ["openssl", "pkey", "-in", "backup.pem", "-passin", "file:words", "-pubout"],
        cwd=tmp_path, capture_output=True, check=True,
    )  # fmt: skip
    assert shown.stdout == KEY.public.to_pem()
    parsed = subprocess.run(
        ["openssl", "asn1parse", "-in", "backup.pem"], cwd=tmp_path, capture_output=True, check=True, text=True
    ).stdout
    for expected in ("PBES2", "PBKDF2", "hmacWithSHA256", "aes-256-cbc", f":{key_backup.ROUNDS:06X}"):
        assert expected in parsed


@needs_openssl
def test_what_openssl_encrypted_is_read(tmp_path: Path) -> None:
    made = subprocess.run(
        ["openssl", "pkcs8", "-topk8", "-v2", "aes-256-cbc", "-passout", "pass:short"],
        input=KEY.to_pem(), capture_output=True, check=True,
    )  # fmt: skip
    assert key_backup.decrypt(made.stdout, "short").public.id == KEY.public.id


def test_a_short_passphrase_is_refused() -> None:
    with pytest.raises(HelderError, match="14 letters") as caught:
        key_backup.encrypt(KEY, "a" * 14)
    assert caught.value.code == ExitCode.REFUSED
    assert "aaaa" not in str(caught.value)


@pytest.mark.parametrize("data", [b"", b"nothing", KEY.to_pem(), KEY.public.to_pem()])
def test_what_is_no_encrypted_key_is_told(data: bytes) -> None:
    with pytest.raises(HelderError, match="not an encrypted private key"):
        key_backup.decrypt(data, WORDS)


def test_a_backup_is_for_its_owner_alone_and_never_written_over_something(backup: bytes, tmp_path: Path) -> None:
    file = tmp_path / "backup.pem"
    key_backup.write(file, backup)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with pytest.raises(HelderError, match="there already"):
        key_backup.write(file, b"other")
    assert file.read_bytes() == backup
    with pytest.raises(HelderError, match="cannot be written"):
        key_backup.write(tmp_path / "no folder" / "backup.pem", backup)
