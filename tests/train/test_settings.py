"""The settings of a training: what is left open is resolved, and what cannot be is refused."""

from __future__ import annotations

import pytest

from helder.errors import HelderError
from helder.train import settings
from helder.train.settings import resolve


@pytest.mark.parametrize(
    ("flags", "precision"),
    [({"avx512f", "avx512_bf16"}, "bf16"), ({"amx_bf16"}, "bf16"), ({"avx512f"}, "fp32"), (set[str](), "fp32")],
    ids=lambda value: " ".join(sorted(value)) or "none" if isinstance(value, set) else value,
)
def test_the_precision_is_what_the_processor_multiplies(
    monkeypatch: pytest.MonkeyPatch, flags: set[str], precision: str
) -> None:
    monkeypatch.setattr(settings, "flags", lambda: flags)
    assert resolve({})["precision"] == precision
    assert resolve({"numerics": "portable"})["precision"] == "fp32"
    assert resolve({"precision": "bf16"})["precision"] == "bf16"


def test_portable_bits_in_bf16_are_refused() -> None:
    with pytest.raises(HelderError, match="no portable bits in bf16"):
        resolve({"numerics": "portable", "precision": "bf16"})
