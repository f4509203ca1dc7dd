"""Whoever tampers with a bundle is found at the level that promises it, by a message that names the place."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.fuzz import bundle as fuzzed
from bench.fuzz.harness import cases, judge
from helder.certify import integrity, lineage, replays
from helder.certify.again import Again
from helder.certify.verdict import Level, Result, Verdict
from helder.certify.verify import verify
from tests.certify import forge, forgeries, mutations
from tests.certify.conftest import Certified


def linked(bundle: Path, target: Path) -> Path:
    """A copy that takes no room: whoever changes a file writes another one in its place."""
    shutil.copytree(bundle, target, copy_function=os.link)
    return target


def found(verdict: Verdict, level: int, place: str, result: Result = Result.FAILED) -> bool:
    """Whether the level ended so, with a message that names the place."""
    bad = [one for one in verdict.level(level).findings if one.result is result]
    return verdict.level(level).result is result and any(place in f"{one.place} {one.what}" for one in bad)


def told(verdict: Verdict) -> str:
    return "; ".join(f"{level.number} {one.place}: {one.what}" for level, one in verdict.problems()) or "nothing"


def missed(
    certified: Certified, place: Path, forgeries: Iterator[forgeries.Forgery], check: Callable[[Path, int], Verdict]
) -> tuple[int, list[str]]:
    """(how many forgeries there were, those that were not found at their level)."""
    count, left = 0, []
    for forgery in forgeries:
        count += 1
        bundle = forgery.apply(certified.bundle, place / str(count), certified.key)
        verdict = check(bundle, forgery.level)
        if not found(verdict, forgery.level, forgery.place):
            left.append(f"{forgery.name}: {told(verdict)}")
        elif any(verdict.level(below).result is Result.FAILED for below in range(1, forgery.level)):
            left.append(f"{forgery.name} was found too early, so that it shows nothing of level {forgery.level}")
        shutil.rmtree(bundle)
    return count, left


def test_whatever_a_stranger_makes_of_a_bundle_ends_in_a_verdict(
    certified: Certified, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The short run of `python -m bench.fuzz bundle`: the kept corpus, and always the same changes of it."""
    monkeypatch.setitem(fuzzed.given, "bundle", certified.bundle)
    for data in cases(fuzzed.TARGET, 30):
        found = judge(fuzzed.TARGET, data)
        assert found is None, f"{found.kind} at {found.place} with {data[:200]!r}\n{found.told}"


def test_whoever_cannot_sign_is_found_by_integrity(certified: Certified, tmp_path: Path) -> None:
    count, left = 0, []
    for mutation in mutations.outside(certified.bundle):
        count += 1
        bundle = linked(certified.bundle, tmp_path / str(count))
        mutation.apply(bundle)
        verdict = verify(bundle, level=1, trusted=[certified.key.public])
        if not found(verdict, 1, mutation.place, mutation.result):
            left.append(f"{mutation.name}: {told(verdict)}")
        shutil.rmtree(bundle)
    assert "\n".join(left) == ""
    assert count >= 200


def test_statements_that_do_not_fit_together_are_found_by_lineage(certified: Certified, tmp_path: Path) -> None:
    def check(bundle: Path, level: int) -> Verdict:
        return verify(bundle, level=level, trusted=[certified.key.public])

    count, left = missed(certified, tmp_path, forgeries.lineage(certified.bundle), check)
    assert left == []
    assert count >= 50


def test_what_does_not_follow_from_its_sources_is_found_by_rebuilding(certified: Certified, tmp_path: Path) -> None:
    def check(bundle: Path, level: int) -> Verdict:
        return verify(bundle, level=level, trusted=[certified.key.public])

    count, left = missed(certified, tmp_path, forgeries.rebuild(certified.bundle), check)
    assert left == []
    assert count >= 30


def test_scores_and_answers_that_are_made_up_are_found_by_asking_again(certified: Certified, tmp_path: Path) -> None:
    def check(bundle: Path, level: int) -> Verdict:
        return verify(bundle, level=2, scores=1000, trusted=[certified.key.public])

    _, left = missed(certified, tmp_path, forgeries.scores(certified.bundle), check)
    assert left == []


def nonce_for(bundle: Path, stage: str, first: int) -> str:
    """A nonce that draws this slice: whoever checks may get any, and no maker knows which."""
    opened, signers = integrity.open_bundle(bundle, forge.keys_of(bundle), Level(1))
    assert opened is not None and signers
    way = lineage.read_statements(opened, forge.keys_of(bundle), Level(2))
    for number in range(10_000):
        again = Again(opened, way, bundle, f"nonce {number:04}", lambda event: None)
        parts = replays.parts(again, Level(4))
        (drawn,) = again.draw("slices", len(parts), 1)
        if (parts[drawn].stage, parts[drawn].slice.first) == (stage, first):
            return again.nonce
    raise AssertionError(f"no nonce draws step {first} of {stage}")


def test_steps_that_were_not_taken_as_it_is_said_are_found_by_taking_them_again(
    certified: Certified, tmp_path: Path
) -> None:
    count, left = 0, []
    for slip in forgeries.replay(certified.bundle):
        count += 1
        bundle = slip.apply(certified.bundle, tmp_path / str(count), certified.key)
        nonce = nonce_for(bundle, slip.stage, slip.first)
        verdict = verify(bundle, level=2, replay=1, nonce=nonce, trusted=[certified.key.public])
        if not found(verdict, 4, slip.place) or verdict.level(2).result is Result.FAILED:
            left.append(f"{slip.name}: {told(verdict)}")
        shutil.rmtree(bundle)
    assert left == []
    assert count >= 20
