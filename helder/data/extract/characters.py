"""Bytes → characters: which encoding, and which characters a person should be warned about.

UTF-8 with and without a mark, UTF-16 of both byte orders, Windows-1252 (of which Latin-1 is a part). Any other 8-bit
encoding reads as Windows-1252 without an error and with wrong letters; such a file is held, by signs that no text of a
Western European language shows, never guessed at.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

import numpy as np

from helder.data.extract.form import Held, Refused

HIGH_LETTERS = (
    0.5  # share of letters beyond ASCII above which a text is not Western European (assumption: Russian has 1)
)
NULS = 0.001  # share of NUL characters above which a file is binary (assumption)
UNKNOWN = "its encoding is not known: neither Unicode nor Windows-1252; save it as UTF-8"
CONTROLS = 0.001  # the same for other control characters that no text needs
# Symbols of Windows-1252 that stand where Central European, Cyrillic or DOS encodings have letters.
_ODD_INSIDE = re.compile(r"(?<=[a-zà-ÿ])[¡-¬®-¹»-¿×÷‚ƒ„…†‡ˆ‰‹›˜™€•œžšŸŒŽŠÀ-Ý](?=[a-zà-ÿ])")
_CONTROL = re.compile("[\x01-\x08\x0e-\x1b\x1c-\x1f\x7f\x80-\x84\x86-\x9f]")
_MOJIBAKE = re.compile(
    # UTF-8 of two or three bytes read as Windows-1252 or Latin-1: a lead byte's letter and what follow bytes look like.
    "[ÂÃ][\x80-\xbf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]|â[€\x80][\x80-\xbf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]"
)
_KINDS = (
    (
        "bidirectional control characters, which can show text in another order than it has",
        "\u202a-\u202e\u2066-\u2069\u200e\u200f",
    ),
    ("zero-width characters, which nobody sees", "\u200b-\u200d\u2060-\u2064\ufeff"),
    ("replacement characters: letters were lost before the file came here", "\ufffd"),
    ("tag or annotation characters, which nobody sees", "\u206a-\u206f\ufff9-\ufffb\U000e0000-\U000e007f"),
)
_BY_KIND = [(what, re.compile(f"[{characters}]")) for what, characters in _KINDS]
_FIRST, _TAGS = 0x200B, 0xDB40  # the first of them, and the unit of UTF-16 that each tag character begins with
_IS_SIGN = np.zeros(0x10000, dtype=np.bool_)
_HIGH = "".join(map(chr, range(_FIRST, 0x10000)))
for _what, _pattern in _BY_KIND:
    _IS_SIGN[[ord(sign) for sign in _pattern.findall(_HIGH)]] = True
_IS_SIGN[_TAGS] = True


@dataclass(frozen=True)
class Decoded:
    """Text, and in which encoding its bytes were; `mark` is the length of the byte order mark."""

    text: str
    encoding: str
    mark: int


def decode(content: bytes, declared: str | None = None) -> Decoded:
    """The text of a file.

    Args:
        declared: an encoding that the file itself names; a byte order mark is stronger, and so is valid UTF-8.

    Raises:
        Refused: it is not text.
        Held: it is text in an encoding that is not known for sure, or it ends in the middle of a character.
    """
    for mark, marked in _MARKS:
        if content.startswith(mark):
            return Decoded(_decode_marked(content[len(mark) :], marked), marked, len(mark))
    if (zeros := content.count(0)) and (unmarked := _utf16_without_mark(content)):
        return Decoded(_decode_marked(content, unmarked), unmarked, 0)
    if zeros > max(1, len(content) * NULS):
        raise Refused(f"it is not text: {zeros:,} of its {len(content):,} bytes are zero")
    try:
        text, encoding = content.decode("utf-8"), "utf-8"
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data" and not content[:-4].isascii():
            raise Held("it is cut short: it ends in the middle of a character") from None
        text, encoding = _decode_old(content, declared)
    if (controls := len(_CONTROL.findall(text)) if not _plain(content) else 0) > max(2, len(text) * CONTROLS):
        raise Refused(f"it is not text: it holds {controls:,} control characters")
    return Decoded(text, encoding, 0)


_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_PLAIN = bytes(range(0x20, 0x7F)) + bytes(range(0x80, 0x100)) + b"\t\n\v\f\r\0"


def _plain(content: bytes) -> bool:
    """Whether no byte is a control character; bytes of UTF-8 beyond ASCII count as plain."""
    return not content.translate(None, _PLAIN)


def _decode_marked(content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        if error.end >= len(content) and error.reason in ("truncated data", "unexpected end of data"):
            raise Held("it is cut short: it ends in the middle of a character") from None
        raise Held(f"it says that it is {encoding.upper()}, and byte {error.start:,} is not") from None


def _utf16_without_mark(content: bytes) -> str | None:
    # Text in a Latin script has a zero in every second byte; binary files have zeros in both places.
    sample = content[:4000]
    even, odd, half = sample[0::2].count(0), sample[1::2].count(0), len(sample) // 2
    if half and odd > half * 0.6 and even == 0:
        return "utf-16-le"
    return "utf-16-be" if half and even > half * 0.6 and odd == 0 else None


def _decode_old(content: bytes, declared: str | None) -> tuple[str, str]:
    known = None if declared is None else _known(declared)
    if known is not None and known not in ("utf-8", "cp1252"):
        try:
            return content.decode(known), known
        except UnicodeDecodeError as error:
            raise Held(f"it says that it is {declared}, and byte {error.start:,} is not") from None
    try:
        text, encoding = content.decode("cp1252"), "cp1252"
    except UnicodeDecodeError:
        text, encoding = content.decode("latin-1"), "latin-1"
    if known == "cp1252":
        return text, encoding
    letters = sum(map(str.isalpha, text[:200_000]))
    high = [character for character in text[:200_000] if character > "\x7f"]
    odd = len(_ODD_INSIDE.findall(text[:200_000]))
    controls = [character for character in _CONTROL.findall(text) if character < "\x80"]
    if len(controls) > max(2, len(text) * CONTROLS):
        raise Refused(f"it is not text: it holds {len(controls):,} control characters")
    if encoding == "latin-1" and len(_CONTROL.findall(text)) > max(2, len(text) * CONTROLS):
        raise Held(UNKNOWN)
    if len(high) > 4 and (sum(map(str.isalpha, high)) > letters * HIGH_LETTERS or odd > len(high) * 0.1):
        raise Held(UNKNOWN)
    return text, encoding


def _known(declared: str) -> str | None:
    """Python's name of an encoding that a file names; Latin-1 and ASCII mean Windows-1252, as for browsers (WHATWG)."""
    try:
        name = codecs.lookup(declared.strip().strip("\"'")).name
    except (LookupError, ValueError):
        return None
    if name in ("iso8859-1", "ascii", "cp1252"):
        return "cp1252"
    text = name.startswith(
        ("utf", "cp", "iso", "koi8", "mac", "big5", "gb", "euc", "shift", "johab", "hz", "tis", "ptcp")
    )
    return name if text else None  # Python also knows encodings that are none, such as "zlib" and "rot13"


def _may_have_signs(text: str) -> bool:
    """Whether a character is perhaps one of `_KINDS`: a quick look, since most texts have none."""
    units = np.frombuffer(text.encode("utf-16-le", "surrogatepass"), dtype="<u2")
    high = units[units >= _FIRST]
    return bool(len(high)) and bool(_IS_SIGN[high].any())


def clean(text: str, warnings: list[str]) -> str:
    """Text without NUL characters; what else a person should know about its characters is added to the warnings."""
    if nuls := text.count("\0"):
        warnings.append(f"{nuls:,} NUL characters were taken out")
        text = text.replace("\0", "")
    if text.isascii():
        return text
    if _may_have_signs(text):
        for what, pattern in _BY_KIND:
            if places := pattern.findall(text):
                first = pattern.search(text)
                line = text.count("\n", 0, first.start() if first else 0) + 1
                warnings.append(f"{len(places):,} {what} (the first in line {line:,})")
    if "Ã" in text or "Â" in text or "â" in text:
        wrong = _MOJIBAKE.findall(text)
        if len(wrong) > 1:
            first = _MOJIBAKE.search(text)
            line = text.count("\n", 0, first.start() if first else 0) + 1
            warnings.append(
                f"{len(wrong):,} letters look as if UTF-8 had been read as Windows-1252 (mojibake: {wrong[0]!r}, "
                f"the first in line {line:,})"
            )
    return text
