"""From how sure a model was of a label to how often such answers were right: the calibrated probability.

The trust stage held confidences against the truth on a test set (`trust.json`, `helder.evaluate.trust.calibration`):
ten bins of equal width, and in each the share of right answers. That share is the probability given here (histogram
binning; Zadrozny and Elkan 2001), with the interval that was measured beside it. Where fewer than `FEWEST` answers fell
into a bin, or nothing was measured, the model's own probability is given and said not to be calibrated.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helder.errors import HelderError
from helder.serve.answer import SCORES, Answer, Score

FILE_NAME = "trust.json"
FEWEST = 20  # answers in a bin; below, its interval is wider than 0.4 (Wilson, 95 %)


@dataclass(frozen=True)
class Probability:
    """Of a label being right.

    Attributes:
        value: 0 to 1; None when the engine reported no log-probabilities.
        calibrated: it is the share of right answers among `n` measured ones that were as sure; `low`, `high`: its
            interval. Otherwise it is what the model itself says.
    """

    value: float | None
    calibrated: bool = False
    low: float | None = None
    high: float | None = None
    n: int | None = None

    def to_json(self) -> dict[str, Any]:
        told: dict[str, Any] = {"probability": self.value, "calibrated": self.calibrated}
        return told | ({"low": self.low, "high": self.high, "n": self.n} if self.calibrated else {})


@dataclass(frozen=True)
class Calibration:
    """What was measured of a model file.

    Attributes:
        score: what confidences are made of.
        test_set: on which.
        bins: (n, share of right answers, low, high), from the least to the most sure.
    """

    score: Score
    test_set: str
    bins: tuple[tuple[int, float | None, float | None, float | None], ...]

    @classmethod
    def load(cls, path: Path, subject: str) -> Calibration | None:
        """Of a subject's answers to the first test set; None when nothing was measured of it.

        Raises:
            HelderError: the file is not understood.
        """
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            score = record["score"]
            if score not in SCORES:
                raise ValueError(f"the score {score!r} is unknown")
            of = [one for one in record["calibration"] if one["subject"] == subject and one["n"]]
            if not of:
                return None
            bins = tuple((one["n"], one["right"], one["right_low"], one["right_high"]) for one in of[0]["bins"])
            if not bins:
                raise ValueError("it has no bins")
            return cls(score, str(of[0]["test_set"]), bins)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise HelderError(f"{path.name} cannot be understood.", str(error), "Make it again: helder run") from error

    def of(self, answer: Answer, sure: float | None) -> Probability:
        """Of an answer whose confidence, by the score that was measured, is `sure`."""
        if sure is None:
            return Probability(None)
        n, right, low, high = self.bins[min(int(sure * len(self.bins)), len(self.bins) - 1)]
        if n < FEWEST:
            return Probability(answer.confidence("whole"))
        return Probability(right, True, low, high, n)

    def to_json(self) -> dict[str, Any]:
        return {"score": self.score, "test_set": self.test_set, "answers": sum(one[0] for one in self.bins)}
