"""Below which confidence an answer is withheld, as the trust stage sealed it (`abstention.json`)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helder.errors import ExitCode, HelderError
from helder.serve.answer import SCORES, Answer, Score

FILE_NAME = "abstention.json"


@dataclass(frozen=True)
class Abstention:
    """When a model says that it does not know.

    Attributes:
        threshold: an answer with less confidence is withheld, and one of which no confidence is known.
        score: what the confidence is made of, see `helder.serve.answer.Answer.confidence`.
        say: what is said instead.
        promise: what was shown of the answers that are given, one sentence. It holds for greedy answers that end by
            themselves, to questions like those of the development set.
    """

    threshold: float
    score: Score
    say: str
    promise: str

    @classmethod
    def load(cls, path: Path, subject: str) -> Abstention | None:
        """What was sealed for a subject; None when answers are not withheld.

        Raises:
            HelderError: answers are to be withheld and no threshold was found (code 5), or the file is not understood.
        """
        try:
            record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            if not record["abstain"]:
                return None
            about = record["thresholds"].get(subject)
            score, say = record["score"], str(record["say"])
        except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
            raise HelderError(f"{path.name} cannot be understood.", str(error), "Make it again: helder run") from error
        if score not in SCORES:
            raise HelderError(f"{path.name} names the score {score!r}.", f"Known: {', '.join(SCORES)}.")
        threshold = None if about is None else about["threshold"]
        if threshold is None:
            why = f"Nothing was measured of {subject}." if about is None else about["why"]
            raise HelderError(
                f"{subject} may not answer: answers that are too unsure are withheld, and no threshold was found.",
                why,
                "Give more development data, train longer, or raise `risk` in [trust]; or set abstain = false.",
                ExitCode.REFUSED,
            )
        return cls(float(threshold), score, say, about["why"])

    def withholds(self, answer: Answer) -> bool:
        return self.below(answer.confidence(self.score))

    def below(self, sure: float | None) -> bool:
        """Whether a confidence is too low, or not known."""
        return sure is None or sure < self.threshold
