"""Check digits and number ranges by which a number can be told from one that only looks like it.

Light: the standard library only. Every function takes digits (and letters, for IBAN) without separators and never
raises for other characters: what is no such number is False.
"""

from __future__ import annotations

# Lengths of an IBAN by country: SWIFT, IBAN registry (ISO 13616).
IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BR": 29, "BY": 28,
    "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18,
    "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22,
    "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20,
    "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MR": 27, "MT": 31, "MU": 30, "NL": 18,
    "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "SA": 24, "SC": 31, "SE": 24,
    "SI": 19, "SK": 24, "SM": 27, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24,
    "XK": 20,
}  # fmt: skip
# First digits and lengths by issuer (ISO/IEC 7812; the issuers' published ranges).
CARD_RANGES = (
    ("4", "4", (13, 16, 19)),  # Visa
    ("51", "55", (16,)),  # Mastercard
    ("2221", "2720", (16,)),  # Mastercard
    ("34", "34", (15,)),  # American Express
    ("37", "37", (15,)),
    ("6011", "6011", (16, 17, 18, 19)),  # Discover
    ("644", "649", (16, 17, 18, 19)),
    ("65", "65", (16, 17, 18, 19)),
    ("300", "305", (14, 15, 16)),  # Diners Club
    ("36", "36", (14, 15, 16)),
    ("38", "39", (14, 15, 16)),
    ("3528", "3589", (16, 17, 18, 19)),  # JCB
    ("62", "62", (16, 17, 18, 19)),  # UnionPay
    *((number, number, tuple(range(12, 20))) for number in ("5018", "5020", "5038", "5893", "6304", "6759")),  # Maestro
    ("6761", "6763", tuple(range(12, 20))),
)


def is_iban(text: str) -> bool:
    """ISO 13616: the country's length, and ISO 7064's remainder of 1 modulo 97."""
    text = text.upper()
    if not (text.isascii() and text.isalnum()) or IBAN_LENGTHS.get(text[:2]) != len(text) or not text[2:4].isdigit():
        return False
    return int("".join(str(int(character, 36)) for character in text[4:] + text[:4])) % 97 == 1


def luhn(digits: str) -> bool:
    """ISO/IEC 7812-1, annex B: every second digit from the right doubled, the sum divisible by ten."""
    total = 0
    for place, character in enumerate(reversed(digits)):
        value = int(character) * (1 + place % 2)
        total += value - 9 * (value > 9)
    return total % 10 == 0


def is_card(digits: str) -> bool:
    """A number of a payment card: an issuer's first digits, that issuer's length, and a right check digit."""
    known = any(
        low <= digits[: len(low)] <= high and len(digits) in lengths and len(digits) > len(low)
        for low, high, lengths in CARD_RANGES
    )
    return known and luhn(digits)


def is_bsn(digits: str) -> bool:
    """A Dutch citizen service number: weights 9 to 2 and -1, divisible by 11 (Logisch Ontwerp BSN)."""
    if len(digits) != 9 or set(digits) == {"0"}:
        return False
    return (
        sum(int(digit) * weight for digit, weight in zip(digits, (9, 8, 7, 6, 5, 4, 3, 2, -1), strict=True)) % 11 == 0
    )


def is_nhs(digits: str) -> bool:
    """An NHS number: weights 10 to 2, 11 minus the remainder is the tenth digit (NHS Data Dictionary)."""
    if len(digits) != 10 or len(set(digits)) == 1:
        return False
    check = 11 - sum(int(digit) * weight for digit, weight in zip(digits, range(10, 1, -1), strict=False)) % 11
    return check % 11 == int(digits[9]) and check != 10


def is_issued_nhs(digits: str) -> bool:
    """In the ranges that are given out: 4, 6, 7 (England, Wales), 32 to 39 (Northern Ireland), a date (Scotland)."""
    scottish = 1 <= int(digits[:2]) <= 31 and 1 <= int(digits[2:4]) <= 12
    return digits[0] in "467" or 32 <= int(digits[:2]) <= 39 or scottish


def is_ssn(digits: str) -> bool:
    """In the ranges of US social security numbers (SSA): no 000, 666 or 9xx, no group 00, no serial 0000."""
    area, group, serial = digits[:3], digits[3:5], digits[5:]
    return len(digits) == 9 and area not in ("000", "666") and area[0] != "9" and group != "00" and serial != "0000"
