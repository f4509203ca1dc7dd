"""The page shows what the artifacts say, escapes what came from outside, and loads nothing."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from helder.evaluate.trust import calibration
from helder.ledger.statement import Statement
from helder.report import render

HOSTILE = "<script>alert(1)</script>"
SHARE = {"right": 3, "n": 4, "value": 0.75, "low": 0.300642, "high": 0.954413}


def scores() -> dict[str, Any]:
    row = {"test_set": "test", "n": 4, "of": 4, "subset": None, "whole": SHARE, "fields": SHARE, "invalid": 0}
    return {
        "confidence": 0.95, "task": {"kind": "record", "name": HOSTILE}, 
        "measures": {"whole": "all fields right", "fields": "those that are right", "stated": "those said"},
        "main_measure": "whole", "test_sets": [{"name": "test", "n": 4}], "warnings": [HOSTILE],
        "subjects": [{"name": "weights", "title": "the tuned weights"}, {"name": "q8_0", "title": "the Q8_0 file"}],
        "results": [{**row, "subject": "weights"}, {**row, "subject": "q8_0"}],
        "comparisons": [{"test_set": "test", "measure": "whole", "verdict": "not shown", "sentence": HOSTILE}],
        "compression": [{"subject": "q8_0", "test_set": "test", "measure": "whole", "points_lost": 1.5, "low": -2.0,
                         "high": 5.0}],
        "harm": {"fields": ["dose"], "subjects": ["weights"],
                 "counts": [{"subject": "weights", "test_set": "test", "items": 4, "wrong_items": 1, "values": 9,
                             "wrong_values": 1}]},
        "recommendation": {"use": "q8_0", "model": "q8_0", "text": HOSTILE},
    }  # fmt: skip


def cases() -> dict[str, Any]:
    harm = {"subject": "weights", "test_set": "test", "id": "a", "input": HOSTILE, "record": 0, "field": "dose",
            "expected": 1, "got": None, "kind": "missed"}  # fmt: skip
    item = {"id": "a", "input": HOSTILE, "expected": [{"dose": 1}], "got": None, "error": HOSTILE, "raw": HOSTILE}
    shown = {"subject": "weights", "test_set": "test", "right": [], "wrong": [item]}
    return {"format": 1, "harm": [harm], "examples": shown}


def trust() -> dict[str, Any]:
    rate = {"seen": 1, "n": 4, "rate": 0.25, "at_least": 0.01, "at_most": 0.75}
    share = {"value": 0.5, "low": 0.1, "high": 0.9}
    at = {"coverage": {**share, "n": 4}, "risk": rate}
    chosen = {
        "threshold": 0.5,
        "n": 9,
        "given": 8,
        "wrong": 1,
        "p_value": 0.01,
        "level": 0.05,
        "tested": 1,
        "why": "At most 5.0% of the answers given are wrong, at 95% confidence.",
    }
    calibrated = calibration.calibration([0.1, 0.9, 0.8, 0.7], [False, True, True, False])
    return {
        "confidence": 0.95, "risk": 0.05, "score": "whole", "say": HOSTILE, "served": "q8_0",
        "calibration": [{"subject": "q8_0", "test_set": "test", "unknown": 0, **calibrated}],
        "selective": [{"subject": "q8_0", "chosen": chosen, "test_sets": [
            {"test_set": "test", "n": 4, "aurc": 0.1, "best_aurc": 0.1, "curve": [[0.5, 0.0], [1.0, 0.5]], "at": at}]}],
        "abstention": {"abstain": True, "subjects": {"q8_0": 0.5}},
        "robustness": {"test_set": "test", "items": 4, "changes": {"upper": {
            "what": HOSTILE, "untouched": 0, "too_long": 0, "n": 4, "before": 1.0, "after": 0.5, "p_value": 0.5,
            "difference": {"value": -0.5, "low": -0.9, "high": 0.1}, "changed": rate}}},
        "leakage": {"canaries": None, "membership": None, "why_not": HOSTILE},
        "injection": {**rate, "orders": {}, "no_target": 0, "unproven": 0, "too_long": 0},
        "control_tokens": {**rate, "seen": 0, "refused": 2},
    }  # fmt: skip


@pytest.fixture
def page(tmp_path: Path) -> str:
    return made(tmp_path)


def made(tmp_path: Path, more: dict[str, dict[str, str]] | None = None) -> str:
    artifacts: dict[str, dict[str, str]] = {
        "scores": {"scores.json": json.dumps(scores()), "cases.json": json.dumps(cases())},
        "files": {"files.json": json.dumps({
            "files": {"model-q8_0.gguf": {"format": "q8_0", "bytes": 144_810_528, "sha256": "ab" * 32}},
            "round_trip": {"prompts": 8, "tokens": 99, "equal": True}})},
        "train": {"log.jsonl": '{"step":1,"loss":2.0}\n{"step":2,"loss":1.0}\n',
                  "evaluation.jsonl": '{"step":2,"loss":1.2}\n'},
        "data": {"summary.json": json.dumps({"dropped": HOSTILE})},
        "base": {"source.json": json.dumps({"title": HOSTILE, "licence": "Apache-2.0", "sha256": "cd" * 32,
                                            "note": "", "quantised": ["Q4_1"]})},
    }  # fmt: skip
    artifacts |= more or {}
    for stage, files in artifacts.items():
        for name, text in files.items():
            (tmp_path / stage).mkdir(exist_ok=True)
            (tmp_path / stage / name).write_text(text, encoding="utf-8")
    facts = {"steps": 2, "examples": 30, "examples_seen": 20, "trained_parameters": 5, "parameters": 5, "tokens": 100,
             "tokens_per_cpu_second": 50.0, "too_long": []}  # fmt: skip
    statements = {name: statement(name, facts) for name in ("data", "train", "files", "predict-q8_0", "scores")}
    places = {stage: tmp_path / stage for stage in artifacts}
    return render.page(HOSTILE, places, statements)


def statement(name: str, facts: dict[str, Any]) -> Statement:
    energy = {"joules": 7200.0, "how": "estimated"}
    return Statement({
        "subject": [{"name": name, "digest": {"sha256": "ef" * 32}}],
        "predicate": {
            "stage": {"name": name}, "facts": facts,
            "settings": {"objective": "answers", "method": "full", "licence": "CC0-1.0"},
            "seal": {"level": 0}, "inputs": {"train": {"name": HOSTILE, "digest": {"sha256": "01" * 32}}},
            "timings": {"seconds": 2.0, "peak_memory": 10**9, "energy": energy},
        },
    })  # fmt: skip


def test_nothing_from_outside_becomes_markup(page: str) -> None:
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 8


def test_the_page_loads_nothing(page: str) -> None:
    assert not re.search(r"(?:src|href)\s*=|url\(|@import|https?://", page)
    assert "default-src 'none'" in page


def test_scores_stand_with_their_intervals_and_errors_are_listed(page: str) -> None:
    assert page.count("75.0 %") >= 2
    assert "30.1 – 95.4" in page
    assert "+1.5 (-2.0 – +5.0)" in page
    assert "1 of 4 answers, 1 of 9 stated values" in page
    assert "missed" in page


def test_what_is_not_known_is_said(page: str) -> None:
    assert "quantised (Q4_1)" in page
    assert "seal level 0" in page


def test_trust_stands_in_the_page_with_its_pictures_only_where_it_was_measured(tmp_path: Path, page: str) -> None:
    assert "Trust in an answer" not in page
    found = made(tmp_path, {"trust": {"trust.json": json.dumps(trust())}})
    assert "Trust in an answer" in found
    assert found.count('<svg class="square"') == 2
    assert "1 of 4 are wrong: at most 75.0 %" in found
    assert "<script" not in found
    assert not re.search(r"(?:src|href)\s*=|url\(|@import|https?://", found)
