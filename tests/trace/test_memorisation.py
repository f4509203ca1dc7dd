"""Whether a model writes again what it learnt from."""

from __future__ import annotations

import json

import pytest

from helder.errors import HelderError
from helder.project import Project
from helder.trace.memorisation import Lengths, _judged, memorised, upper_bound
from helder.trace.streams import indexed
from tests.trace.conftest import NAME, PLANTED


def test_the_bound_is_the_rule_of_three_when_nothing_is_found() -> None:
    assert upper_bound(0, 300) == pytest.approx(1 - 0.05 ** (1 / 300), abs=1e-9)
    assert upper_bound(0, 300) == pytest.approx(3 / 300, rel=0.01)
    assert upper_bound(5, 100) == pytest.approx(0.1023, abs=5e-4)  # Clopper and Pearson, one-sided
    assert upper_bound(4, 4) == 1.0


def test_a_seeded_sample_is_asked_and_reported(run: Project) -> None:
    reports = [memorised(run, passages=6, seed=1, lengths=Lengths(8, 8)) for _ in range(2)]
    assert reports[0] == reports[1]
    report = reports[0]
    assert (report.passages, report.model) == (6, "train")
    assert report.upper >= report.share
    assert "training passages, seed 1" in report.text()
    json.dumps(report.to_json(), allow_nan=False)


def test_what_is_written_word_for_word_counts_with_the_personal_data_in_it(run: Project) -> None:
    text = next(one for one in indexed(run) if one.kind == "text")
    number = [str(one["id"]) for one in text.index.documents].index("archive.txt")
    wanted = text.words.encode(" " + PLANTED)

    def personal(said: str) -> list[tuple[int, int, str]]:
        start = said.encode().index(NAME.encode())
        return [(start, start + len(NAME.encode()), "name")]

    whole = _judged(text, number, wanted, wanted, personal)
    assert (whole.reproduced, whole.longest, whole.personal_wanted) == (True, len(wanted), 1)
    assert list(whole.personal) == [{"kind": "name", "text": NAME}]
    assert whole.longest_anywhere >= len(wanted) - 1
    part = _judged(text, number, wanted, [*wanted[:3], wanted[0]], personal)
    assert (part.reproduced, part.longest, list(part.personal)) == (False, 3, [])


def test_passages_that_are_too_short_are_refused(run: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("helder.trace.memorisation._drawn", lambda *given: [])
    with pytest.raises(HelderError, match="No training passage"):
        memorised(run)
