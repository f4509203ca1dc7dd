"""Facts about how well a model works: every score, the bad ones and those of simpler ways among them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from helder.certify.reading import BOUND, Fact, Facts, Reading

MEASURES = ("whole", "fields", "stated", "text")


@dataclass(frozen=True)
class OfScores(Reading):
    """What can be asked about scores."""

    @cached_property
    def scores(self) -> list[Fact]:
        """{subject, title, role, test_set, measure, value, low, high, n, main}: every subject on every test set.

        By every measure, the bad ones too; `low` and `high` are None for a measure without an interval.
        """
        read = self._json("scores", "scores.json")
        if read is None:
            return []
        scores, digest = read
        subjects = {subject["name"]: subject for subject in scores["subjects"]}
        found = []
        for row in scores["results"]:
            subject = subjects[row["subject"]]
            told = {key: row[key] for key in MEASURES if row.get(key) is not None}
            for name, group in row.get("groups", {}).items():
                told[f"group:{name}"] = group["accuracy"]
            for measure, share in told.items():
                found.append(self._score(row, subject, measure, share, scores, digest))
            if row.get("macro_f1") is not None:
                share = {"value": row["macro_f1"], "low": None, "high": None, "n": row["n"]}
                found.append(self._score(row, subject, "macro_f1", share, scores, digest))
        return found

    @cached_property
    def score_details(self) -> list[Fact]:
        """As `scores`, with `part`: "field: dose" or "tag: short", for each field of a record and each tag."""
        read = self._json("scores", "scores.json")
        if read is None:
            return []
        scores, digest = read
        subjects = {subject["name"]: subject for subject in scores["subjects"]}
        found = []
        for row in scores["results"]:
            parts = [(f"field: {name}", "fields", share) for name, share in row.get("by_field", {}).items()]
            parts += [
                (f"tag: {tag}", measure, share)
                for tag, told in row.get("by_tag", {}).items()
                for measure, share in told.items()
                if measure in MEASURES and share is not None
            ]
            for part, measure, share in parts:
                one = self._score(row, subjects[row["subject"]], measure, share, scores, digest)
                found.append(Fact({**one.value, "part": part, "main": False}, one.source, digest, BOUND))
        return found

    @cached_property
    def verdict(self) -> Facts:
        """What follows from the scores.

        recommendation, comparisons, compression, measures, main_measure, confidence, margin, test_sets, warnings, harm
        (counts); and for regulators harm_items and examples, which hold texts of the data.
        """
        read = self._json("scores", "scores.json")
        public = ("recommendation", "comparisons", "compression", "measures", "main_measure", "confidence", "margin")
        keys = (*public, "test_sets", "warnings", "harm", "harm_items", "examples")
        if read is None:
            return dict.fromkeys(keys, Fact(None, "scores/scores.json, which is withheld"))
        scores, digest = read

        def said(value: Any, key: str) -> Fact:
            return Fact(value, f"scores/scores.json: {key}", digest, BOUND)

        found = {key: said(scores.get(key), key) for key in (*public, "test_sets", "warnings")}
        found["harm"] = said(scores.get("harm"), "harm")
        cases = self._json("scores", "cases.json")
        for name, key in (("harm_items", "harm"), ("examples", "examples")):
            found[name] = (
                Fact(None, "scores/cases.json, which is withheld", audience="regulator")
                if cases is None
                else Fact(cases[0].get(key), f"scores/cases.json: {key}", cases[1], BOUND, "regulator")
            )
        return found

    def _score(
        self,
        row: Mapping[str, Any],
        subject: Mapping[str, Any],
        measure: str,
        share: Mapping[str, Any],
        scores: Mapping[str, Any],
        digest: str,
    ) -> Fact:
        sets = [one["name"] for one in scores["test_sets"]]
        value = {
            "subject": row["subject"],
            "title": subject["title"],
            "role": subject["role"],
            "test_set": row["test_set"],
            "measure": measure,
            **{key: share[key] for key in ("value", "low", "high", "n")},
            "main": measure == scores["main_measure"] and row["test_set"] == sets[0],
        }
        return Fact(value, f"scores/scores.json: results of {row['subject']} on {row['test_set']}", digest, BOUND)
