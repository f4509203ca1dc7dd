"""Licences: which are open, for what they are made, and which one a LICENSE file is.

What is known stands in `data/licences.toml`, taken from the SPDX License List; what does not stand there is not known,
which is neither open nor closed. A text is recognised by the digest of its words, so that no licence text is shipped
and another text is never taken for a known one: a changed clause gives another digest, and then no answer.

It is no lawyer: whether a licence fits what somebody wants to do, and whether who gave it could give it, it cannot say.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Literal

Kind = Literal["code", "data", "document"]
Fit = Literal["open", "conditional", "not open", "not known", "not stated"]
TITLE_LINES, TITLE_WORDS = 6, 8  # before the first copyright line (assumption, from texts in the wild)
COMMENT = re.compile(r"^\s*(?:#|//|\*|/\*)+\s?")
HOLDER = r"\s*(?:\(c\)|©|<|\[|\d{4})"
COPYRIGHT = re.compile(rf"^\s*(?:portions )?(?:copyright|\(c\)|©){HOLDER}|^\s*©|^\s*all rights reserved\.?\s*$")
NUMBER = re.compile(r"^\s*(?:\(?(?:\d{1,2}|[a-z])[.)]|[-*•])\s+")


@dataclass(frozen=True)
class Licence:
    """What is known of one licence.

    Attributes:
        id: its SPDX identifier, or a LicenseRef.
        name: in words.
        osi: whether the Open Source Initiative approved it.
        open: whether all may use, study, change and pass on what is under it, for every purpose.
        kinds: what it is made for; an open one for something else is a conditional pass.
        text_sha256: of its words, see `words`; empty where no text was at hand.
    """

    id: str
    name: str
    osi: bool
    open: bool
    kinds: tuple[Kind, ...]
    text_sha256: str = ""

    def fits(self, kinds: Collection[str]) -> Fit:
        """How well it fits a component of these kinds."""
        if not self.open:
            return "not open"
        return "open" if set(kinds) & set(self.kinds) else "conditional"


@lru_cache
def known() -> dict[str, Licence]:
    """All licences of the data file by their identifiers in lower case, which is how SPDX compares them."""
    text = (resources.files("helder.certify") / "data" / "licences.toml").read_text(encoding="utf-8")
    return {
        name.lower(): Licence(
            name, one["name"], one["osi"], one["open"], tuple(one["kinds"]), one.get("text_sha256", "")
        )
        for name, one in tomllib.loads(text)["licence"].items()
    }


def find(identifier: str) -> Licence | None:
    """The licence with this SPDX identifier; None when it is not known here."""
    return known().get(identifier.strip().lower())


def fit(identifier: str | None, kinds: Collection[str]) -> Fit:
    """How well a licence, as it was stated, fits a component.

    Args:
        identifier: an SPDX identifier, or several joined by OR or by AND; with exceptions it is not known.
        kinds: of the component: "code", "data", "document".
    """
    stated = (identifier or "").strip()
    if stated.lower() in ("", "unknown", "noassertion", "none"):
        return "not stated"
    order: list[Fit] = ["open", "conditional", "not known", "not open"]
    choices = [[_fit(one, kinds) for one in re.split(r"\s+AND\s+", choice)] for choice in _choices(stated)]
    return min((max(parts, key=order.index) for parts in choices), key=order.index)


def osi_approved(identifier: str | None) -> bool:
    """Whether one may take what is so licensed under terms that the Open Source Initiative approved."""
    choices = [re.split(r"\s+AND\s+", choice) for choice in _choices((identifier or "").strip())]
    return any(all((one := find(part)) is not None and one.osi for part in parts) for parts in choices)


def recognise(text: str) -> list[Licence]:
    """The licences whose text this is, word for word; none when it is none of those known here.

    Two, where only words beside the text say which: "GPL-3.0-only" and "GPL-3.0-or-later" share one.
    """
    digest = text_digest(text)
    return [licence for licence in known().values() if licence.text_sha256 == digest]


def text_digest(text: str) -> str:
    """SHA-256 over the words of a licence text."""
    return hashlib.sha256(" ".join(words(text)).encode("utf-8")).hexdigest()


def words(text: str) -> list[str]:
    """The words of a licence text that make it the licence that it is.

    In lower case; without copyright lines, comment signs, numbers of paragraphs, punctuation, and without what people
    append to the Apache licence to show how it is applied. After SPDX's Matching Guidelines, by which all of these may
    differ.
    """
    lines = [NUMBER.sub("", COMMENT.sub("", line).lower()) for line in text.splitlines()]
    heads = [place for place, line in enumerate(lines[:TITLE_LINES]) if COPYRIGHT.match(line)]
    if heads and len(" ".join(lines[: heads[0]]).split()) <= TITLE_WORDS:
        lines = lines[heads[0] :]  # a title: some write it, others do not
    kept = " \n ".join(line for line in lines if not COPYRIGHT.match(line))
    kept = kept.split("end of terms and conditions")[0]
    kept = re.sub(r"<[^>]*>|\([ci]+\)", " ", kept.replace("https://", "http://").replace("licence", "license"))
    return re.findall(r"[a-z0-9]+", kept)


def _choices(stated: str) -> list[str]:
    return re.split(r"\s+OR\s+", stated.strip("()"))


def _fit(identifier: str, kinds: Collection[str]) -> Fit:
    licence = find(identifier.strip("() "))
    return "not known" if licence is None else licence.fits(kinds)
