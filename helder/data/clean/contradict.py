"""Whether two texts that are nearly the same say different things: another number, date or amount, or a "not".

Such a pair is no duplicate: one of them may be out of date or wrong, and which one only a person knows. The texts are
laid side by side, word for word; what stands in one place in both and differs in something that counts is told. What
only one of them has (a sentence more) is no contradiction.

It does not read: "always" against "rarely", or two names, are not seen.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


NEGATIONS = _words("""
    not no never none neither nor cannot without except unless don't doesn't didn't won't isn't aren't wasn't
    shouldn't mustn't can't niet geen nooit niets zonder noch tenzij behalve verboden nicht kein keine keinen keiner
    nie niemals ohne weder außer ne pas jamais aucun aucune sans ni sauf
""")
NUMBER_WORDS = _words("""
    zero one two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty hundred thousand
    once twice een één twee drie vier vijf zes zeven acht negen tien elf twaalf twintig dertig veertig vijftig
    honderd duizend eens tweemaal driemaal eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf zwanzig
    dreißig hundert tausend einmal zweimal un deux trois quatre cinq sept huit neuf dix onze douze vingt trente cent
    mille
""")
DATE_WORDS = _words("""
    january february march april may june july august september october november december januari februari maart mei
    juni juli augustus oktober januar februar märz mai dezember janvier février mars avril juin juillet août
    septembre octobre novembre décembre monday tuesday wednesday thursday friday saturday sunday maandag dinsdag
    woensdag donderdag vrijdag zaterdag zondag montag dienstag mittwoch donnerstag freitag samstag sonntag lundi
    mardi mercredi jeudi vendredi samedi dimanche
""")
UNITS = _words("""
    euro euros eur dollar dollars usd pound pounds gbp cent cents percent procent prozent pourcent mg g kg mcg µg ml
    l cl mm cm m km hour hours uur minute minutes minuut minuten day days dag dagen week weeks weken month months
    maand maanden year years jaar tag tage stunde stunden woche wochen monat monate jahr jahre jour jours heure
    heures mois ans times keer mal fois € $ £ %
""")
REPLACED = 8  # words on either side of a place, beyond which it counts as written anew (assumption)
AROUND = 6  # words that are shown on either side of a difference
SENTENCE = 40  # words; longer ones are cut (assumption)
ALIGNED = 3000  # words of a part, beyond which words are not aligned one by one: the work grows with their square
_WORD = re.compile(r"\S+")
_NUMBER = re.compile(
    r"[-+±~<>≤≥€$£¥]{0,3}\d[\d.,:/'x×-]*(?:[^\W\d]{1,4}|[%‰€$£°²³]{1,2})?"
)  # not names that hold digits
_EDGES = ".,;:!?()[]{}\"'“”„‘’«»…"


@dataclass(frozen=True)
class Difference:
    """One place where two texts contradict each other.

    Attributes:
        one, other: what stands there, with the words around it.
        place, other_place: bytes of each text, of the differing words alone.
    """

    one: str
    other: str
    place: tuple[int, int]
    other_place: tuple[int, int]

    def to_json(self) -> dict[str, Any]:
        return {
            "one": self.one,
            "other": self.other,
            "place": list(self.place),
            "other_place": list(self.other_place),
        }


@dataclass(frozen=True)
class Words:
    """A text as it is compared.

    Attributes:
        forms: its words without case and without punctuation at their edges.
        ends: which of them may end a sentence.
        telling: those that a contradiction can hang on, in their order.
    """

    text: str
    forms: Sequence[str]
    ends: Sequence[bool]
    telling: Sequence[str]

    @classmethod
    def of(cls, text: str) -> Words:
        written = text.split()
        forms = [word.casefold().strip(_EDGES) or word for word in written]
        told = {form for form in set(forms) if form in NEGATIONS or _is_number(form) or form in DATE_WORDS}
        return cls(text, forms, [word[-1] in ".!?;:" for word in written], [form for form in forms if form in told])

    @cached_property
    def places(self) -> list[tuple[int, int]]:
        """The bytes of each word in the UTF-8 text."""
        found, place, before = [], 0, 0
        for match in _WORD.finditer(self.text):
            start = place + len(self.text[before : match.start()].encode("utf-8"))
            place = start + len(match[0].encode("utf-8"))
            before = match.end()
            found.append((start, place))
        return found


def contradictions(one: Words, other: Words) -> list[Difference]:
    """Every place where two texts say the same but for a number, a date, an amount or a negation."""
    if one.telling == other.telling:
        return []
    return [
        Difference(_shown(one, mine), _shown(other, theirs), _place(one, mine), _place(other, theirs))
        for tag, mine, theirs in _aligned(one, other)
        if _contradict(tag, one.forms[mine.start : mine.stop], other.forms[theirs.start : theirs.stop])
    ]


def _contradict(tag: str, mine: Sequence[str], theirs: Sequence[str]) -> bool:
    if max(len(mine), len(theirs)) > REPLACED:
        return False
    negated = sum(form in NEGATIONS for form in mine) != sum(form in NEGATIONS for form in theirs)
    if tag != "replace":
        return negated
    left, right = [form for form in mine if _is_telling(form)], [form for form in theirs if _is_telling(form)]
    rest = [form for form in mine if form not in left and form not in UNITS]
    others = [form for form in theirs if form not in right and form not in UNITS]
    return negated or (bool(left) and bool(right) and left != right and rest == others)


def _is_telling(form: str) -> bool:
    return _is_number(form) or form in DATE_WORDS


def _is_number(form: str) -> bool:
    return _NUMBER.fullmatch(form) is not None or form in NUMBER_WORDS


def _aligned(one: Words, other: Words) -> Iterator[tuple[str, range, range]]:
    """What differs, as (how, words of one, words of the other): by sentences, then by words inside what is left."""
    parts, others = _sentences(one), _sentences(other)
    keys = [tuple(one.forms[part.start : part.stop]) for part in parts]
    other_keys = [tuple(other.forms[part.start : part.stop]) for part in others]
    begins = [*(part.start for part in parts), len(one.forms)]
    other_begins = [*(part.start for part in others), len(other.forms)]
    for tag, a, b, c, d in difflib.SequenceMatcher(None, keys, other_keys).get_opcodes():
        mine, theirs = range(begins[a], begins[b]), range(other_begins[c], other_begins[d])
        if tag in ("delete", "insert"):
            yield tag, mine, theirs
        elif tag == "replace":
            for start in range(0, max(len(mine), len(theirs)), ALIGNED):  # what moved further is not seen
                yield from _by_words(one, mine[start : start + ALIGNED], other, theirs[start : start + ALIGNED])


def _by_words(one: Words, mine: range, other: Words, theirs: range) -> Iterator[tuple[str, range, range]]:
    left, right = one.forms[mine.start : mine.stop], other.forms[theirs.start : theirs.stop]
    for tag, a, b, c, d in difflib.SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        if tag != "equal":
            yield tag, range(mine.start + a, mine.start + b), range(theirs.start + c, theirs.start + d)


def _sentences(found: Words) -> list[range]:
    """Runs of up to `SENTENCE` words that end where a sentence may."""
    parts, begin, last = [], 0, len(found.forms) - 1
    for place, ends in enumerate(found.ends):
        if ends or place - begin == SENTENCE - 1 or place == last:
            parts.append(range(begin, place + 1))
            begin = place + 1
    return parts


def _place(found: Words, part: range) -> tuple[int, int]:
    if part:
        return found.places[part.start][0], found.places[part.stop - 1][1]
    at = found.places[part.start][0] if part.start < len(found.forms) else len(found.text.encode("utf-8"))
    return at, at  # nothing stands there: between two words


def _shown(found: Words, part: range) -> str:
    return " ".join(found.text.split()[max(0, part.start - AROUND) : part.stop + AROUND])
