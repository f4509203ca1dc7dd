"""Text → the words by which passages are found: folded, so that case, accents and forms of writing do not matter.

Writing without spaces (Chinese, Japanese, Korean) is cut into single characters. Nothing is left out: frequent words
weigh next to nothing by themselves. Stemming is light and only on request: it takes endings of the plural off, and
finds more and wrong passages alike.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

Stem = Literal["none", "en", "nl", "de", "fr"]
STEMS: tuple[Stem, ...] = ("none", "en", "nl", "de", "fr")
_SINGLE = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
_WORD = re.compile(rf"[{_SINGLE}]|[^\W_{_SINGLE}]+")
LEAST = 3  # letters that are left of a word whose ending is taken off (assumption)
# Endings of the plural, the longest first; assumption, but for English, whose rules are Harman's (1991, JASIS 42:7).
_ENDINGS: dict[str, tuple[str, ...]] = {"nl": ("en", "s"), "de": ("en", "er", "n", "e", "s"), "fr": ("aux", "x", "s")}


def words(text: str, stem: Stem = "none") -> list[str]:
    """The words of a text, in order.

    Compatibility forms are unified (NFKD), marks above and below letters dropped, case folded.
    """
    plain = unicodedata.normalize("NFKD", text).casefold()
    if not plain.isascii():
        plain = "".join(character for character in plain if unicodedata.category(character) != "Mn")
        plain = unicodedata.normalize("NFC", plain)  # Korean syllables, which NFKD takes apart
    found: list[str] = _WORD.findall(plain)
    return found if stem == "none" else [stemmed(word, stem) for word in found]


def stemmed(word: str, stem: Stem) -> str:
    """A folded word without an ending of the plural."""
    if stem == "en":
        return _harman(word)
    for ending in _ENDINGS.get(stem, ()):
        if word.endswith(ending) and len(word) - len(ending) >= LEAST:
            kept = word.removesuffix(ending)
            return kept + "al" if ending == "aux" else kept
    return word


def _harman(word: str) -> str:
    """Harman's S stemmer."""
    if len(word) <= LEAST:
        return word
    if word.endswith("ies") and not word.endswith(("eies", "aies")):
        return word[:-3] + "y"
    if word.endswith("es") and not word.endswith(("aes", "ees", "oes")):
        return word[:-1]
    if word.endswith("s") and not word.endswith(("us", "ss")):
        return word[:-1]
    return word
