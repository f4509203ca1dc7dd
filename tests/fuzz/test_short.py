"""What was found by fuzzing stays found: kept inputs, and the same few hundred changes of them each time.

The kept corpus of a target reaches as much of its code as hours of `python -m bench.fuzz` did, and holds what once made
it fail.
"""

from __future__ import annotations

import pytest

from bench.fuzz.harness import cases, judge
from bench.fuzz.targets import NAMES, target_of

CHANGES = {"template": 60, "log": 150}  # some inputs start a process, or copy a folder


@pytest.mark.parametrize("name", [name for name in NAMES if name != "bundle"])  # needs a run: tests/certify
def test_whatever_is_read_is_taken_or_refused_with_a_reason(name: str) -> None:
    target = target_of(name)
    for seed in target.seeds():
        judge(target, seed)  # what is imported once is not the memory of an input
    for data in cases(target, CHANGES.get(name, 300)):
        found = judge(target, data)
        assert found is None, f"{found.kind} at {found.place} with {data[:200]!r}\n{found.told}"
