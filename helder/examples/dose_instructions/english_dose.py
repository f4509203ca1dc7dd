"""English doses: how much of which form, with the record that follows from it."""

from __future__ import annotations

from helder.examples.dose_instructions import english_phrases as say
from helder.examples.dose_instructions import english_words as words
from helder.examples.dose_instructions.concepts import Concept, Record, Said, Writer, digits

# fmt: off
# Where a form goes, and how often it is drawn (assumption: roughly as in primary care).
SITES: dict[str, tuple[str, float]] = {
    "tablet": ("mouth", 60), "capsule": ("mouth", 18), "puff": ("lung", 11), "ml": ("liquid", 9), "drop": ("eye", 6),
    "sachet": ("mouth", 3), "mg": ("liquid", 3), "spray": ("nose", 2.5), "patch": ("skin", 2), "unit": ("needle", 2),
    "application": ("skin", 2), "suppository": ("inside", 1), "spoonful": ("liquid", 1), "dose": ("liquid", 1),
    "pill": ("mouth", 0.6), "microgram": ("liquid", 0.6), "lozenge": ("mouth", 0.4), "caplet": ("mouth", 0.4),
    "nebule": ("lung", 0.4), "ampoule": ("needle", 0.4), "g": ("liquid", 0.4), "pessary": ("inside", 0.3),
    "capful": ("liquid", 0.2), "scoop": ("liquid", 0.2),
}
_AMOUNTS: dict[str, tuple[float, ...]] = {
    "ml": (5, 10, 2.5, 1, 2, 15, 20, 0.5, 7.5, 0.2, 0.6, 30, 3, 1.5, 4, 0.3, 1.25, 0.8, 12.5),
    "mg": (5, 10, 20, 25, 50, 100, 250, 500, 2.5, 1, 2, 7.5, 40, 30, 75, 15, 12.5, 3, 80, 200),
    "g": (1, 2, 0.5, 4, 5, 3),
    "microgram": (100, 50, 25, 200, 75, 400, 125, 62.5),
    "unit": (10, 6, 12, 20, 4, 8, 14, 30, 5000, 16, 24, 40, 18),
    "drop": (1, 2, 3, 4, 5, 1, 2),
    "patch": (1, 1, 1, 2),
    "spoonful": (1, 2, 1, 3),
}
_COUNTS: tuple[float, ...] = (1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 3, 3, 4, 4, 5, 6, 8)
_RANGES = ((1, 2), (1, 2), (1, 2), (1, 2), (1, 2), (2, 3), (2, 4), (1, 3), (3, 4), (2, 5), (4, 6), (1, 4), (5, 10))
_FRACTIONS: dict[float, Concept] = {
    0.5: say.HALF, 0.25: say.QUARTER, 0.333: say.THIRD, 1.5: say.ONE_AND_A_HALF, 2.5: say.TWO_AND_A_HALF,
}
DIVISIBLE = ("tablet", "pill", "sachet", "suppository", "patch", "caplet")
_GAPS = ("-", " - ", " to ", " or ")
# fmt: on


def pick_form(w: Writer) -> str:
    return w.rng.choices(list(SITES), [weight for _, weight in SITES.values()])[0]


def form_word(w: Writer, form: str, amount: float, more: bool = False) -> str:
    """The form as it is written beside an amount: tab, tablets, tablet(s)."""
    return w.say(words.FORMS[form], n=amount, m=2 if more else None)


def dose(w: Writer, form: str, named: bool = True, whole: bool = False) -> Said:
    """A dose of the form; without `named` only the number is given; with `whole` it is no fraction."""
    if form in words.UNITS_OF_MEASURE:
        return _measured(w, form)

    def unit(amount: float, more: bool = False) -> str:
        return " " + form_word(w, form, amount, more) if named else ""

    record = Record(form=form if named else None)
    roll = w.rng.random()
    if roll < 0.11:
        low, high = w.rng.choice(_RANGES)
        text = w.say(say.RANGE, n=low, m=high) + unit(high, True)
        return Said(text, record.merged(Record(dose=low, dose_to=high)))
    if roll < 0.13:
        high = w.rng.choice((1, 2, 3, 4, 4, 6, 8))
        return Said(w.say(say.UP_TO, n=high) + unit(high), record.merged(Record(dose=0, dose_to=high)))
    if roll < 0.20 and (form in DIVISIBLE or not named) and not whole:
        fraction = _fraction(w, named)
        if named:
            fraction = Said(fraction.text + unit(fraction.record.dose or 0), fraction.record)
        return Said(fraction.text, record.merged(fraction.record))
    amount = w.rng.choice(_AMOUNTS.get(form, _COUNTS))
    number = w.say(say.ONE) if amount == 1 and named and w.chance(0.04) else w.number(amount)
    return Said(number + unit(amount), record.merged(Record(dose=amount)))


def _fraction(w: Writer, named: bool) -> Said:
    amount = w.rng.choices((0.5, 1.5, 0.25, 2.5, 0.333), (70, 15, 8, 4, 3))[0]
    text = w.say(_FRACTIONS[amount])
    if not named:
        text = text.removesuffix(" of a").removesuffix(" a")
    if amount == 0.5 and w.chance(0.15):
        high = w.rng.choice((1, 1, 2))
        gap = w.rng.choice((" to ", " or ", " - "))
        bare = text.removesuffix(" a").removesuffix(" of").removesuffix(" of one")
        return Said(f"{bare}{gap}{w.number(high)}", Record(dose=0.5, dose_to=high))
    return Said(text, Record(dose=amount))


def _measured(w: Writer, form: str) -> Said:
    """A dose by weight or volume: 10mg, 5-10 ml, two 5ml spoonfuls."""
    if form == "ml" and w.chance(0.4):
        return _spoonfuls(w)
    low = w.rng.choice(_AMOUNTS[form])
    sign = form_word(w, form, 2)
    space = "" if w.chance(0.5) else " "
    roll = w.rng.random()
    if roll < 0.10:
        high, gap = low * 2, w.rng.choice(_GAPS)
        first = f"{digits(low)}{space}{sign}" if w.chance(0.25) else digits(low)
        return Said(f"{first}{gap}{digits(high)}{space}{sign}", Record(form=form, dose=low, dose_to=high))
    if roll < 0.14:
        limit = w.say(say.UP_TO, n=low)
        joint = space if limit[-1].isdigit() else " "
        return Said(f"{limit}{joint}{sign}", Record(form=form, dose=0, dose_to=low))
    return Said(f"{digits(low)}{space}{sign}", Record(form=form, dose=low))


def _spoonfuls(w: Writer) -> Said:
    """Spoonfuls of a stated size are a volume: two 5 ml spoonfuls are 10 ml, 2-3 of them 10 to 15."""
    size, concept = (5.0, say.SPOONFULS)
    if w.chance(0.15):
        size, concept = w.rng.choice((10.0, 10.0, 20.0, 2.5, 15.0, 2.0)), say.OTHER_SPOONFULS
    low = float(w.rng.choice((1, 1, 1, 2, 2, 2, 2, 3, 4)))
    high = low + w.rng.choice((1, 1, 2)) if w.chance(0.25) else None
    spoons = w.say(concept, n=high or low, slots={"size": digits(size)})
    number = digits if spoons.startswith("x") else w.number
    count = number(low) if high is None else number(low) + w.rng.choice(_GAPS) + number(high)
    glue = "" if spoons.startswith("x") and spoons[1] != " " else " "
    high_volume = None if high is None else high * size
    return Said(f"{count}{glue}{spoons}", Record(form="ml", dose=low * size, dose_to=high_volume))
