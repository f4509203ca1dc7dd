"""Bytes become the right characters, or the file is held or refused; odd characters are warned about."""

from __future__ import annotations

import codecs
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helder.data.extract import characters
from helder.data.extract.form import Held, Refused
from tests.data.extract.reading import one

DUTCH = "Eén café in België, naïef geprijsd: € 3,50 voor “thee”.\n"


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (b"", "utf-8"),
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (b"", "utf-16-le"),
        (b"", "utf-16-be"),
        (b"", "cp1252"),
    ],
)
def test_the_encodings_of_offices_are_read_right(mark: bytes, encoding: str) -> None:
    decoded = characters.decode(mark + DUTCH.encode(encoding))
    assert (decoded.text, decoded.encoding, decoded.mark) == (DUTCH, encoding, len(mark))


def test_latin_1_is_read_as_the_part_of_windows_1252_that_it_is() -> None:
    text = "Où est le café ? Größe, señor, smørrebrød."
    assert characters.decode(text.encode("latin-1")).text == text


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1251", "Привет, это письмо о встрече в среду"),
        ("koi8-r", "Привет, это письмо о встрече в среду"),
        ("cp1253", "Καλημέρα σας, το γραφείο είναι ανοιχτό"),
        ("cp1250", "Zażółć gęślą jaźń, proszę państwa, że łódź płynie"),
        ("cp850", "Eén café in België, naïef geprijsd, één à twee crèmes brûlées"),
        ("shift-jis", "こんにちは、会議は水曜日です"),
    ],
)
def test_other_8_bit_encodings_are_held_and_never_read_as_wrong_letters(encoding: str, text: str) -> None:
    with pytest.raises(Held, match="encoding is not known"):
        characters.decode(text.encode(encoding))


def test_a_declared_encoding_is_followed_and_one_that_is_no_encoding_is_not() -> None:
    text = "Привет, это письмо"
    assert characters.decode(text.encode("cp1251"), "windows-1251").text == text
    assert characters.decode("café".encode("cp1252"), "zlib").text == "café"


def test_a_text_that_ends_in_the_middle_of_a_character_is_cut_short() -> None:
    with pytest.raises(Held, match="cut short"):
        characters.decode("Eén lange zin met é".encode()[:-1])
    with pytest.raises(Held, match="cut short"):
        characters.decode(codecs.BOM_UTF16_LE + "Eén".encode("utf-16-le")[:-1])


def test_binary_is_refused() -> None:
    for content in (bytes(range(256)) * 20, b"\0" * 100, b"\x01\x02\x03\x04" * 50):
        with pytest.raises(Refused, match="not text"):
            characters.decode(content)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("een\nhe\u202ello", "bidirectional control characters"),
        ("ver\u200bborgen", "zero-width characters"),
        ("caf\ufffd", "replacement characters"),
        ("CafÃ© en crÃ¨me", "mojibake"),
        ("wit\0regel" + " lang genoeg" * 200, "NUL characters were taken out"),
        ("hidden\U000e0068\U000e0065", "tag or annotation"),
    ],
)
def test_odd_characters_are_warned_about(text: str, said: str, tmp_path: Path) -> None:
    read = one(tmp_path, "a.txt", text)
    assert read.path("a.txt")["state"] == "accepted"
    assert any(said in warning for warning in read.path("a.txt")["warnings"])
    assert read.text("a.txt") == text.replace("\0", "")


def test_ordinary_text_in_many_scripts_has_no_warning() -> None:
    for text in (DUTCH, "Ça va, Ângela? Ã is a letter; pão, não", "日本語のテキスト", "שלום עולם", "emoji 🙂 too"):
        warnings: list[str] = []
        assert characters.clean(text, warnings) == text
        assert warnings == []


def test_random_bytes_are_never_accepted_as_text() -> None:
    refused = 0
    for _ in range(50):
        try:
            characters.decode(os.urandom(4000))
        except (Held, Refused):
            refused += 1
    assert refused == 50


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=60))
def test_any_text_in_utf_8_and_utf_16_comes_back(text: str) -> None:
    assert characters.decode(text.encode("utf-8")).text == text.removeprefix("\ufeff")
    assert characters.decode(codecs.BOM_UTF16_LE + text.encode("utf-16-le")).text == text
