"""Example: all the data of `icd10cm` and a model made from nothing: the whole chain from byte to answer is ours."""

from __future__ import annotations

from helder.examples import icd10cm
from helder.examples.files import Example, read


def contents() -> dict[str, bytes]:
    """The files of the example: name → bytes, the same on every machine."""
    return icd10cm.contents() | {name: read(__package__, name) for name in EXAMPLE.shipped}


EXAMPLE = Example(
    name="icd10cm-from-scratch",
    summary="the same with a model of under 10 million parameters made from nothing but the code book's words",
    licence="US government work; ICD-10 copyright WHO",
    shipped=("recipe.toml",),
)
