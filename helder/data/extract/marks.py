"""Signs that a person must be asked before a document is learnt from: "not for AI training", and health data.

Marks are words that others chose, and there is no list of all of them. Looked for here: `noai` and `noimageai` in
robots marks (DeviantArt's convention), the W3C community's TDM Reservation Protocol (`tdm-reservation`, in pages, PDF
and the file `tdmrep.json`), and files of the names in `MARKER_FILES`, which hold the whole folder that they lie in.

Health data (Art. 9 GDPR) are looked for by words, so much is missed and some is not: a record has several of
`HEALTH_WORDS`, a handbook of a hospital may have them, too. It is a reason to look, never a finding.
"""

from __future__ import annotations

import json
import re
from typing import Any

from helder.data.beginnings import Beginnings

NOT_FOR_AI = "marked as not for AI training"
MARKER_FILES = ("noai", "noai.txt", ".noai", "no-ai.txt", "do-not-train.txt", "tdmrep.json", "ai.txt")
HEALTH_NEEDED = 4  # different words of the list that a text must have, and one person (assumption)
# Beginnings of words, Dutch and English, that stand in the records of patients rather than in texts about health.
HEALTH_WORDS = (
    *("anamnes", "diagnos", "medicati", "symptom", "prognos", "allergi", "bloeddruk", "blood pressure", "chemotherap"),
    *("lichamelijk onderzoek", "physical exam", "voorgeschiedenis", "medical history", "huisarts", "verwijsbrief"),
    *("dosering", "behandelplan", "treatment plan", "labuitslag", "lab result"),
)
_WORDS = [word.encode("ascii") for word in HEALTH_WORDS]
_BEGINNINGS = Beginnings(_WORDS)
_ODD = ("\u0130", "\u212a")  # in small letters, these two become letters of ASCII (and a dot)
_PERSON = re.compile(
    r"\b(?:pati[eë]nt(?:e|nummer| number| id)?|cli[eë]nt(?:nummer)?|dhr|mevr|mw|mr|mrs|geboren|geb\.? ?datum|"
    r"geboortedatum|date of birth|dob|born|bsn|nhs number)\b",
    re.IGNORECASE,
)
_TDM = re.compile(rb"tdm[-_:]?reservation\W{1,40}?(?:<[^>]{1,80}>\s*)?1\b", re.IGNORECASE)


def of_page(tree: Any) -> list[str]:
    """Marks in the head of a page."""
    found = []
    for meta in tree.css("meta"):
        name = (meta.attributes.get("name") or meta.attributes.get("property") or "").lower()
        content = (meta.attributes.get("content") or "").lower()
        if name == "tdm-reservation" and content.strip() == "1":
            found.append(f"{NOT_FOR_AI}: tdm-reservation")
        elif name in ("robots", "ai", "googlebot", "pinterest") and re.search(r"\bno(?:image)?ai\b|\bnoai", content):
            found.append(f"{NOT_FOR_AI}: {name} says {content.strip()}")
    return found


def of_pdf(content: bytes) -> list[str]:
    """Marks in the metadata of a PDF, as far as they are not compressed (XMP as a rule is not)."""
    return [f"{NOT_FOR_AI}: tdm-reservation in its metadata"] if _TDM.search(content) else []


def of_marker_file(name: str, content: bytes) -> str | None:
    """Why the folder of a file waits, if the file is a mark of that kind."""
    if name.lower() not in MARKER_FILES:
        return None
    if name.lower() == "tdmrep.json":
        try:
            rules = json.loads(content)
            reserved = any(str(rule.get("tdm-reservation")) == "1" for rule in rules)
        except (ValueError, AttributeError, TypeError):
            reserved = True  # a mark that cannot be read is no permission
        return f"{NOT_FOR_AI}: by {name} in its folder" if reserved else None
    if name.lower() == "ai.txt" and not re.search(rb"(?im)^\s*disallow\s*:\s*\S", content):
        return None
    return f"{NOT_FOR_AI}: by {name} in its folder"


def of_health(text: str) -> str | None:
    """Why a text looks as if it held health data of a person."""
    odd = not text.isascii() and any(sign in text for sign in _ODD)
    small = (text.lower() if odd else text).encode("utf-8", "surrogatepass").lower()
    there = _BEGINNINGS.among(small)
    if len(there) < HEALTH_NEEDED:
        return None  # most texts end here
    found = [word.decode("ascii") for word in _WORDS if word in there and word in small]
    # The person is looked for last: a pattern takes five times as long as all the words.
    if len(found) < HEALTH_NEEDED or not _PERSON.search(text):
        return None
    return f"perhaps health data of a person: it has the words {', '.join(found[:HEALTH_NEEDED])}"
