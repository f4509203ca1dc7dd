from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helder.errors import ExitCode, HelderError
from helder.serve.audit.note import Checkpoint, NoteKey, VerifierKey, opened, parse

KEY = NoteKey.generate("hospital.example/doses")
POINT = Checkpoint(KEY.name, 20_852_163, bytes(range(32)))
NOTE = POINT.sign(KEY)


def test_the_example_of_gos_sum_database_is_read() -> None:
    # The vkey of sum.golang.org, which every Go installation carries.
    vkey = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
    key = VerifierKey.read(vkey)
    assert key.name == "sum.golang.org"
    assert key.vkey == vkey


def test_a_checkpoint_is_read_as_it_was_signed() -> None:
    assert Checkpoint.read(NOTE.encode(), KEY.public) == POINT
    assert VerifierKey.read(KEY.public.vkey + "\n") == KEY.public
    assert "PRIVATE" not in repr(KEY)


def test_signatures_of_others_are_passed_over() -> None:
    witness = NoteKey.generate("witness.example")
    line = witness.sign(POINT.text).rpartition("\n\n")[2]
    assert Checkpoint.read((NOTE + line).encode(), KEY.public) == POINT
    assert Checkpoint.read((NOTE + line).encode(), VerifierKey(KEY.name, KEY.public.key)) == POINT


def test_an_extension_line_is_signed_with_the_rest_and_says_nothing() -> None:
    assert Checkpoint.read(KEY.sign(POINT.text + "more\n").encode(), KEY.public) == POINT


@pytest.mark.parametrize(
    ("note", "told"),
    [
        (NoteKey.generate("hospital.example/doses").sign(POINT.text), "not signed with the key"),
        (NOTE.replace("20852163", "20852164"), "does not fit"),
        (Checkpoint("another.example", 1, bytes(32)).sign(KEY), "of the log 'another.example'"),
        (KEY.sign("hospital.example/doses\n007\nAAAA\n"), "its size is '007'"),
        (KEY.sign("hospital.example/doses\n-1\nAAAA\n"), "its size"),
        (KEY.sign("hospital.example/doses\n7\nAAAA\n"), "32 bytes"),
        (KEY.sign("hospital.example/doses\n7\nA A\n"), "base64"),
        (KEY.sign("hospital.example/doses\n7\n"), "three lines"),
        (NOTE.replace("\n", "\r\n"), "control characters"),
        (NOTE + NOTE.rpartition("\n\n")[2], "does not fit"),
        (NOTE[:-1], "no signature lines"),
        (POINT.text, "no signature lines"),
        (NOTE + "— a b\n" * 100, "more than 64 signatures"),
        (NOTE + "x" * 200_000, "bytes, more than"),
    ],
)
def test_what_is_not_signed_by_the_key_or_is_no_checkpoint_is_refused(note: str, told: str) -> None:
    with pytest.raises(HelderError, match=told) as refused:
        Checkpoint.read(note.encode(), KEY.public)
    assert refused.value.code == ExitCode.FAILED


@given(st.integers(0, len(NOTE.encode()) * 8 - 1))
def test_one_flipped_bit_is_seen(bit: int) -> None:
    data = bytearray(NOTE.encode())
    data[bit // 8] ^= 1 << bit % 8
    with pytest.raises(HelderError):
        Checkpoint.read(bytes(data), KEY.public)


@given(st.binary(max_size=300))
def test_bytes_from_anybody_are_refused_and_nothing_else_happens(data: bytes) -> None:
    for note in (data, data + b"\n\n" + NOTE.encode().rpartition(b"\n\n")[2]):
        with pytest.raises(HelderError):
            opened(note, KEY.public)
        with pytest.raises(HelderError):
            raise_again(note)
    with pytest.raises(HelderError):
        VerifierKey.read(data.decode("latin-1"))


def raise_again(note: bytes) -> None:
    """A note may have the form without being signed; then there is no checkpoint in it that anybody believes."""
    text, _ = parse(note)
    Checkpoint.parse(text)
    raise HelderError("it has the form")
