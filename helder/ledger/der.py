"""DER, the few forms that are written here by hand: what `cryptography` reads but does not write.

Source: ITU-T X.690. Only writing; whatever comes from outside is read by libraries.
"""

from __future__ import annotations

INTEGER, OCTETS, OBJECT, SEQUENCE = 0x02, 0x04, 0x06, 0x30
NULL = b"\x05\x00"
TRUE = b"\x01\x01\xff"


def pack(tag: int, *contents: bytes) -> bytes:
    """One element: its tag, the length, the contents."""
    body = b"".join(contents)
    if len(body) < 128:
        return bytes([tag, len(body)]) + body
    length = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag, 128 | len(length)]) + length + body


def integer(value: int) -> bytes:
    """A number from 0 upwards."""
    return pack(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def identifier(dotted: str) -> bytes:
    """An object identifier, such as 1.2.840.113549.1.5.13."""
    first, second, *rest = map(int, dotted.split("."))
    return pack(OBJECT, *(_base128(part) for part in (40 * first + second, *rest)))


def _base128(value: int) -> bytes:
    digits = [value & 127]
    while value := value >> 7:
        digits.append(value & 127 | 128)
    return bytes(reversed(digits))
