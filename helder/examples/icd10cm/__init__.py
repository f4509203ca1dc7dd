"""Example: a diagnosis as a clinician worded it → its ICD-10-CM block, one of 284.

Real words of an official code book; origin, licence and split are told in the README beside this module. The training
file is shipped compressed and written out plain.
"""

from __future__ import annotations

import gzip

from helder.examples.files import Example, read


def contents() -> dict[str, bytes]:
    """The files of the example: name → bytes, the same on every machine."""
    shipped = {name: read(__package__, name) for name in EXAMPLE.shipped}
    return shipped | {"train.jsonl": gzip.decompress(read(__package__, "train.jsonl.gz"))}


EXAMPLE = Example(
    name="icd10cm",
    summary="a diagnosis as a clinician worded it → one of 284 ICD-10-CM blocks (where a linear model is strong)",
    licence="US government work; ICD-10 copyright WHO",
    shipped=("README.md", "recipe.toml", "labels.json", "dev.jsonl", "test.jsonl"),
)
