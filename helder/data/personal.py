"""Personal data and secrets in documents: what is found, and what is done about it.

Patterns do not de-identify. They find what has a form or a check digit (`helder.data.recognisers.KINDS`); names, and
persons who can be told by what is said about them, stay. A text without findings is not an anonymous text, and
`WARNING` goes wherever findings are counted.
"""

from __future__ import annotations

import bisect
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from helder.data.recognisers import KINDS, Span, spans_of
from helder.errors import HelderError

POLICIES = ("report", "redact", "refuse", "hold")
WARNING = (
    "Patterns do not de-identify: names, and persons who can be told by what is said about them, are not found. "
    "A text without findings is not an anonymous text."
)
PLACEHOLDERS = {
    "secret": "[SECRET]",
    "iban": "[IBAN]",
    "card": "[CARD]",
    "e-mail": "[E-MAIL]",
    "ip": "[IP]",
    "bsn": "[BSN]",
    "nhs": "[NHS-NUMBER]",
    "ssn": "[SSN]",
    "phone": "[PHONE]",
    "date-of-birth": "[DATE-OF-BIRTH]",
    "address": "[ADDRESS]",
}
PRESIDIO_KINDS = {  # presidio's names → ours; what it finds beside these keeps its name
    "EMAIL_ADDRESS": "e-mail", "PHONE_NUMBER": "phone", "IBAN_CODE": "iban", "CREDIT_CARD": "card", "UK_NHS": "nhs",
    "US_SSN": "ssn", "IP_ADDRESS": "ip",
}  # fmt: skip
PRESIDIO_SCORE = 0.3  # below it are patterns of any eight digits (measured on its US recognisers: 0.01 to 0.05)


@dataclass(frozen=True)
class Finding:
    """One place with personal data or a secret.

    Attributes:
        kind: one of `KINDS`, or a name of presidio's.
        start, end: bytes of the UTF-8 text.
        document: id of the document.
    """

    kind: str
    start: int
    end: int
    document: str

    def to_json(self) -> dict[str, Any]:
        """The place without what stands there: the list of findings must not be a collection of what it warns of."""
        return {"document": self.document, "kind": self.kind, "start": self.start, "end": self.end}


def find(text: str, document: str = "") -> list[Finding]:
    """What stands in a text, in its order, without overlaps."""
    return find_all([(text, document)])[0]


def find_all(texts: Sequence[tuple[str, str]]) -> list[list[Finding]]:
    """What stands in each of several texts, faster than one by one.

    Args:
        texts: (text, id of the document).
    """
    return [
        [Finding(span.kind, span.start, span.end, document) for span in found]
        for (_, document), found in zip(texts, spans_of([text.encode("utf-8") for text, _ in texts]), strict=True)
    ]


def find_with_presidio(text: str, analyzer: Any, document: str = "", language: str = "en") -> list[Finding]:
    """Ours and those of a `presidio_analyzer.AnalyzerEngine` of the caller's; where they overlap, ours stay.

    Args:
        analyzer: an engine with the recognisers and the model that the caller chose; none is fetched here.
    """
    own = find(text, document)
    added: list[Span] = []
    for result in analyzer.analyze(text=text, language=language, score_threshold=PRESIDIO_SCORE):
        start = len(text[: result.start].encode("utf-8"))
        end = start + len(text[result.start : result.end].encode("utf-8"))
        taken = [*((found.start, found.end) for found in own), *((span.start, span.end) for span in added)]
        if all(end <= first or last <= start for first, last in taken):
            kind = PRESIDIO_KINDS.get(result.entity_type, result.entity_type.lower().replace("_", "-"))
            added.append(Span(start, end, kind))
    found = [*own, *(Finding(span.kind, span.start, span.end, document) for span in added)]
    return sorted(found, key=lambda finding: finding.start)


def placeholder(kind: str) -> str:
    """What stands in the place of a finding after redaction."""
    return PLACEHOLDERS.get(kind, f"[{kind.upper()}]")


def redact(text: str, findings: Sequence[Finding]) -> str:
    """The text with a placeholder for every finding.

    Args:
        findings: in the order of the text, without overlaps, as `find` gives them.
    """
    data, parts, place = text.encode("utf-8"), [], 0
    for finding in findings:
        parts += [data[place : finding.start], placeholder(finding.kind).encode("utf-8")]
        place = finding.end
    return b"".join([*parts, data[place:]]).decode("utf-8")


def moved(places: Sequence[int], findings: Sequence[Finding]) -> list[int]:
    """Where bytes of the text stand after `redact`; inside a finding, where its placeholder begins."""
    ends = [finding.end for finding in findings]
    shifts = [0]
    for finding in findings:
        shifts.append(shifts[-1] + len(placeholder(finding.kind).encode("utf-8")) - (finding.end - finding.start))
    made = []
    for place in places:
        before = bisect.bisect_right(ends, place)
        inside = before < len(findings) and findings[before].start < place
        made.append((findings[before].start if inside else place) + shifts[before])
    return made


def count(findings: Sequence[Finding]) -> dict[str, int]:
    """Findings by kind, in the order of `KINDS`."""
    counted = Counter(finding.kind for finding in findings)
    order = [*KINDS, *sorted(set(counted) - set(KINDS))]
    return {kind: counted[kind] for kind in order if counted[kind]}


def told(findings: Sequence[Finding]) -> str:
    """Findings as a person reads them: "e-mail 2, phone 1"."""
    return ", ".join(f"{kind} {number}" for kind, number in count(findings).items())


def check_policy(policy: str) -> str:
    """The policy, when there is one of that name.

    Raises:
        HelderError: there is none.
    """
    if policy not in POLICIES:
        raise HelderError(
            f"There is no policy {policy!r} for personal data.",
            f"Known: {', '.join(POLICIES)}.",
            'Write personal_data = "report" to have it listed only.',
        )
    return policy
