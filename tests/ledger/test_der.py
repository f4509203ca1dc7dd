from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helder.ledger import der


@pytest.mark.parametrize(
    ("number", "written"),
    [(0, "020100"), (1, "020101"), (127, "02017f"), (128, "02020080"), (600_000, "02030927c0")],
)
def test_numbers_are_written_as_in_the_standard(number: int, written: str) -> None:
    assert der.integer(number).hex() == written


def test_object_identifiers_are_written_as_in_the_standard() -> None:
    assert der.identifier("1.2.840.113549").hex() == "06062a864886f70d"  # X.690, 8.19: RSA Data Security


@given(st.integers(0, 70_000))
def test_lengths_lead_to_the_end(size: int) -> None:
    packed = der.pack(der.OCTETS, bytes(size))
    if packed[1] < 128:
        assert (packed[1], len(packed)) == (size, size + 2)
    else:
        digits = packed[1] & 127
        assert packed[2] != 0
        assert int.from_bytes(packed[2 : 2 + digits], "big") == size == len(packed) - 2 - digits >= 128
