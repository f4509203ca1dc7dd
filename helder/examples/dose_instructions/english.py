"""Composes English dose instructions together with their records.

Every composer draws the record and its wording at the same time, so that the record is right by construction. The
conventions (what counts as three times a day, which maximum is kept) are listed in the example's README.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from helder.examples.dose_instructions import english_phrases as say
from helder.examples.dose_instructions import english_words as words
from helder.examples.dose_instructions.concepts import ORDINALS, Concept, Record, Writer, digits, spoken

# Where a form goes, and how often it is drawn.
_SITES: dict[str, tuple[str, int]] = {
    "tablet": ("mouth", 40), "capsule": ("mouth", 14), "puff": ("lung", 14), "drop": ("eye", 7), "ml": ("mouth", 8),
    "sachet": ("mouth", 4), "spray": ("nose", 4), "patch": ("skin", 3), "application": ("skin", 3), "mg": ("mouth", 4),
    "suppository": ("inside", 2), "pessary": ("inside", 1), "lozenge": ("mouth", 1), "caplet": ("mouth", 1),
    "pill": ("mouth", 1), "nebule": ("lung", 1), "capful": ("mouth", 1), "spoonful": ("mouth", 2), "scoop": ("mouth", 1),
    "ampoule": ("needle", 1), "dose": ("mouth", 2), "unit": ("needle", 3), "g": ("mouth", 1), "microgram": ("mouth", 2),
}  # fmt: skip
_AMOUNTS: dict[str, tuple[float, ...]] = {
    "ml": (5, 10, 2.5, 1, 2, 15, 20, 0.5, 7.5, 0.2, 0.6, 30, 3, 1.5, 4, 0.3, 1.25),
    "mg": (5, 10, 20, 25, 50, 100, 250, 500, 2.5, 1, 2, 7.5, 40, 30, 75, 15),
    "g": (1, 2, 0.5, 4, 5, 3),
    "microgram": (100, 50, 25, 200, 75, 400, 125, 62.5),
    "unit": (10, 6, 12, 20, 4, 8, 14, 30, 5000, 16, 24, 40, 18),
    "drop": (1, 2, 3, 4, 5, 1, 2),
    "patch": (1, 1, 1, 2),
    "spoonful": (1, 2, 1, 3),
}  # fmt: skip
_COUNTS: tuple[float, ...] = (1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 4, 5, 6, 8)
_FRACTIONS: dict[float, Concept] = {
    0.5: say.HALF, 0.25: say.QUARTER, 0.333: say.THIRD, 1.5: say.ONE_AND_A_HALF, 2.5: say.TWO_AND_A_HALF
}  # fmt: skip
_DIVISIBLE = ("tablet", "pill", "sachet", "suppository", "patch", "caplet")


@dataclass(frozen=True)
class Said:
    """A piece of text and what it adds to the record."""

    text: str
    record: Record = Record()


# ---- dose and form ---------------------------------------------------------------------------------------------


def form_word(w: Writer, form: str, amount: float, more: bool = False) -> str:
    return w.say(words.FORMS[form], n=amount, m=2 if more else None)


def _measured(w: Writer, form: str) -> Said:
    """A dose by weight or volume: 10mg, 5-10 ml, two 5ml spoonfuls."""
    roll = w.rng.random()
    if form == "ml" and roll < 0.45:
        return _spoonfuls(w)
    low = w.rng.choice(_AMOUNTS[form])
    sign = form_word(w, form, 2)
    space = "" if w.chance(0.5) and sign[0].isalpha() else " "
    if roll > 0.9:
        high = low * 2
        gap = w.rng.choice(("-", " - ", " to ", " or "))
        if w.chance(0.25):
            text = f"{digits(low)}{space}{sign}{gap}{digits(high)}{space}{sign}"
        else:
            text = f"{digits(low)}{gap}{digits(high)}{space}{sign}"
        return Said(text, Record(form=form, dose=low, dose_to=high))
    if roll > 0.86:
        roman, w.roman = w.roman, False
        text = f"{w.say(say.UP_TO, n=low)} {sign}"
        w.roman = roman
        return Said(text, Record(form=form, dose=0, dose_to=low))
    return Said(f"{digits(low)}{space}{sign}", Record(form=form, dose=low))


def _spoonfuls(w: Writer) -> Said:
    """Spoonfuls of a stated size are a volume: two 5 ml spoonfuls are 10 ml, 2-3 of them 10 to 15."""
    size, concept = (5.0, say.SPOONFULS)
    if w.chance(0.25):
        size, concept = w.rng.choice((10.0, 10.0, 20.0, 2.5, 15.0, 2.0)), say.OTHER_SPOONFULS
    low = float(w.rng.choice((1, 1, 2, 2, 2, 3, 4)))
    high = low + w.rng.choice((1, 1, 2)) if w.chance(0.25) else None
    spoons = w.say(concept, n=high or low, size=digits(size))
    number = digits if spoons.startswith("x") else w.number
    count = (
        number(low)
        if high is None
        else number(low) + w.rng.choice(("-", " - ", " to ", " or ")) + number(high)
    )
    glue = "" if spoons.startswith("x") and spoons[1] != " " else " "
    high_volume = None if high is None else high * size
    return Said(f"{count}{glue}{spoons}", Record(form="ml", dose=low * size, dose_to=high_volume))


def dose(w: Writer, form: str, named: bool = True) -> Said:
    """A dose of the form; `named` says the form with it, else only the number is given."""
    if form in words.UNITS_OF_MEASURE:
        return _measured(w, form)
    roll = w.rng.random()
    unit = (lambda amount, more=False: " " + form_word(w, form, amount, more)) if named else (lambda *_: "")
    record = Record(form=form if named else None)
    if roll < 0.13:
        low, high = w.rng.choice(
            ((1, 2), (1, 2), (1, 2), (2, 3), (2, 4), (1, 3), (3, 4), (2, 5), (4, 6), (1, 4))
        )
        text = w.say(say.RANGE, n=low, m=high) + unit(high, True)
        return Said(text, record.merged(Record(dose=low, dose_to=high)))
    if roll < 0.17:
        high = w.rng.choice((1, 2, 3, 4, 4, 6, 8))
        return Said(w.say(say.UP_TO, n=high) + unit(high), record.merged(Record(dose=0, dose_to=high)))
    if roll < 0.30 and (form in _DIVISIBLE or not named):
        amount = w.rng.choice((0.5, 0.5, 0.5, 0.5, 0.25, 1.5, 1.5, 2.5, 0.333))
        if amount == 0.5 and w.chance(0.15):
            return Said(
                f"{w.say(say.HALF)} to {w.number(1)}{unit(1)}", record.merged(Record(dose=0.5, dose_to=1))
            )
        text = w.say(_FRACTIONS[amount])
        if not named:
            text = text.removesuffix(" of a").removesuffix(" a") or text
        return Said(text + unit(amount), record.merged(Record(dose=amount)))
    amount = w.rng.choice(_AMOUNTS.get(form, _COUNTS))
    number = w.say(say.ONE) if amount == 1 and named and w.chance(0.04) else w.number(amount)
    return Said(number + unit(amount), record.merged(Record(dose=amount)))


# ---- frequency -------------------------------------------------------------------------------------------------


def _per_day(times: float, high: float | None = None) -> Record:
    return Record(times=times, times_to=high, per="day")


def _moments(w: Writer) -> Said:
    """Times of day that are counted: breakfast and bedtime, morning, noon and night."""
    names = [
        ["morning", "breakfast", "mane", "in the morning", "with breakfast", "at 8am", "each morning"],
        ["noon", "lunch", "lunchtime", "at midday", "with lunch", "afternoon", "at 1pm"],
        ["teatime", "tea", "dinner", "evening meal", "in the evening", "evening", "at 6pm"],
        ["night", "bedtime", "nocte", "at night", "at bedtime", "bed", "before bed", "at 10pm"],
    ]
    count = w.rng.choice((2, 2, 2, 3, 3, 4))
    places = sorted(w.rng.sample(range(4), count))
    style = w.rng.choice((0, 1, 2))
    chosen = [w.rng.choice(names[place]) for place in places]
    if style == 0:
        text = ", ".join(chosen[:-1]) + w.rng.choice((" and ", " & ")) + chosen[-1]
    elif style == 1:
        text = w.rng.choice((" and ", " + ", " & ")).join(chosen)
    else:
        text = w.rng.choice((", ", " / ", "/")).join(chosen)
    lead = (
        ""
        if chosen[0].split()[0] in ("in", "at", "with", "each", "mane")
        else w.rng.choice(("", "", "at ", "every "))
    )
    if lead and chosen[0] == "morning":
        lead = w.rng.choice(("", "in the ", "each "))
    return Said(lead + text, _per_day(count))


def _every(w: Writer) -> Said:
    """Intervals, with the units made the largest that fit: 24 hours is a day, 4 weeks are a month."""
    roll = w.rng.random()
    if roll < 0.40:
        hours = w.rng.choice((4, 6, 8, 12, 2, 3, 6, 4, 8, 5, 72))
        return Said(w.say(say.EVERY_HOURS, n=hours), Record(times=1, per=f"{hours} hour"))
    if roll < 0.55:
        low, high = w.rng.choice(((4, 6), (4, 6), (6, 8), (2, 4), (3, 4), (8, 12), (2, 3)))
        return Said(w.say(say.EVERY_HOURS_RANGE, n=low, m=high), Record(times=1, per=f"{low} hour"))
    if roll < 0.59:
        return Said(w.say(say.HOURLY), Record(times=1, per="hour"))
    if roll < 0.71:
        days = w.rng.choice((3, 3, 4, 5, 6, 10))
        ordinal = ORDINALS.get(days, f"{days}th")
        return Said(w.say(say.EVERY_DAYS, n=days, ordinal=ordinal), Record(times=1, per=f"{days} day"))
    if roll < 0.90:
        return Said(w.say(say.ALTERNATE_DAYS), Record(times=1, per="2 day"))
    if roll < 0.95:
        weeks = w.rng.choice((3, 6, 8, 12))
        text = w.say(say.EVERY_WEEKS, n=weeks, ordinal=ORDINALS.get(weeks, f"{weeks}th"))
        return Said(text, Record(times=1, per=f"{weeks} week"))
    months = w.rng.choice((3, 3, 6, 2))
    return Said(w.say(say.EVERY_MONTHS, n=months), Record(times=1, per=f"{months} month"))


def _long(w: Writer) -> Said:
    """Once in a week or less often, and some times a week."""
    roll = w.rng.random()
    day, other = w.rng.sample(range(7), 2)
    names = words.DAYS if w.chance(0.75) else words.SHORT_DAYS
    slots = {"day": names[min(day, other)], "other": names[max(day, other)]}
    if roll < 0.20:
        return Said(w.say(say.WEEKLY), Record(times=1, per="week"))
    if roll < 0.34:
        return Said(w.say(say.WEEKDAY, **slots), Record(times=1, per="week"))
    if roll < 0.46:
        return Said(w.say(say.TWICE_A_WEEK, **slots), Record(times=2, per="week"))
    if roll < 0.53:
        return Said(w.say(say.THREE_DAYS_A_WEEK), Record(times=3, per="week"))
    if roll < 0.66:
        times = w.rng.choice((2, 3, 3, 4, 5))
        return Said(w.say(say.TIMES_A_WEEK, n=times), Record(times=times, per="week"))
    if roll < 0.82:
        return Said(w.say(say.FORTNIGHTLY), Record(times=1, per="2 week"))
    if roll < 0.96:
        return Said(w.say(say.MONTHLY), Record(times=1, per="month"))
    return Said(w.say(say.YEARLY), Record(times=1, per="year"))


def _range_of_times(w: Writer) -> Said:
    roll = w.rng.random()
    if roll < 0.18:
        return Said(w.say(say.ONCE_OR_TWICE), _per_day(1, 2))
    if roll < 0.34:
        return Said(w.say(say.TWO_OR_THREE), _per_day(2, 3))
    if roll < 0.46:
        return Said(w.say(say.THREE_OR_FOUR), _per_day(3, 4))
    if roll < 0.66:
        low, high = w.rng.choice(((2, 3), (3, 4), (2, 4), (1, 3), (4, 6), (1, 2), (4, 5)))
        return Said(w.say(say.TIMES_RANGE, n=low, m=high), _per_day(low, high))
    if roll < 0.73:
        low, high = w.rng.choice(((2, 3), (1, 2), (3, 4), (3, 5), (2, 5)))
        return Said(w.say(say.TIMES_RANGE_WEEK, n=low, m=high), Record(times=low, times_to=high, per="week"))
    if roll < 0.88:
        high = w.rng.choice((2, 3, 3, 4, 4, 6))
        return Said(w.say(say.UP_TO_TIMES, n=high), _per_day(0, high))
    if roll < 0.92:
        high = w.rng.choice((2, 3, 4))
        return Said(w.say(say.UP_TO_TIMES_WEEK, n=high), Record(times=0, times_to=high, per="week"))
    latin, high = w.rng.choice((("bd", 2), ("tds", 3), ("qds", 4), ("qid", 4), ("tid", 3), ("bid", 2)))
    return Said(w.say(say.UP_TO_LATIN, latin=latin), _per_day(0, high))


def _times_every(w: Writer) -> Said:
    """Twice every 3 weeks; one or two times every 4 weeks."""
    k, unit = w.rng.choice(
        ((2, "week"), (3, "week"), (4, "week"), (3, "day"), (2, "month"), (3, "month"), (2, "day"))
    )
    per = "month" if (k, unit) == (4, "week") else f"{k} {unit}"
    if w.chance(0.4):
        low, high = w.rng.choice(((1, 2), (2, 3), (3, 4)))
        times = f"{w.number(low)}{w.rng.choice((' or ', ' to ', '-'))}{w.number(high)} times"
        record = Record(times=low, times_to=high, per=per)
    else:
        low = w.rng.choice((1, 2, 2, 3))
        times = {1: "once", 2: w.rng.choice(("twice", "2 times")), 3: f"{w.number(3)} times"}[low]
        record = Record(times=low, per=per)
    units = w.say(say.UNITS[unit], n=k, m=2)
    if units in ("d", "hrs"):
        units = "days"
    return Said(w.say(say.TIMES_EVERY, times=times, k=w.number(k), units=units), record)


def frequency(w: Writer) -> Said:
    """How often."""
    simple: list[tuple[int, Callable[[], Said]]] = [
        (14, lambda: Said(w.say(say.DAILY), _per_day(1))),
        (14, lambda: Said(w.say(say.TWICE), _per_day(2))),
        (10, lambda: Said(w.say(say.THRICE), _per_day(3))),
        (8, lambda: Said(w.say(say.FOUR), _per_day(4))),
        (8, lambda: _times_a_day(w)),
        (7, lambda: Said(w.say(say.MORNING), _per_day(1))),
        (8, lambda: Said(w.say(say.NIGHT), _per_day(1))),
        (2, lambda: Said(w.say(say.NOON), _per_day(1))),
        (5, lambda: _moments(w)),
        (5, lambda: _clock(w)),
        (4, lambda: _meals(w)),
        (14, lambda: _every(w)),
        (11, lambda: _long(w)),
        (11, lambda: _range_of_times(w)),
        (2, lambda: _times_every(w)),
        (1, lambda: _times_alone(w)),
        (2, lambda: Said(w.say(say.STAT), Record(times=1))),
    ]
    return w.rng.choices([make for _, make in simple], [weight for weight, _ in simple])[0]()


def _times_a_day(w: Writer) -> Said:
    times = w.rng.choice((2, 3, 3, 4, 4, 5, 6))
    return Said(w.say(say.TIMES_A_DAY, n=times), _per_day(times))


def _times_alone(w: Writer) -> Said:
    times = w.rng.choice((2, 3, 4))
    return Said(w.say(say.TIMES_ALONE, n=times), Record(times=times))


def _clock(w: Writer) -> Said:
    am, mid, pm = w.rng.choice((7, 8, 9, 6)), w.rng.choice((1, 2, 3)), w.rng.choice((6, 7, 8, 9, 10))
    slots = {"am": str(am), "mid": str(mid), "pm": str(pm), "late": str(pm + 12)}
    concept, times = w.rng.choice(((say.CLOCK, 1), (say.CLOCKS, 2), (say.CLOCKS, 2), (say.THREE_CLOCKS, 3)))
    return Said(w.say(concept, **slots), _per_day(times))


def _meals(w: Writer) -> Said:
    if w.chance(0.45):
        return Said(f"{w.say(say.MEALS)} {w.say(say.AND_BEDTIME)}", _per_day(4))
    return Said(w.say(say.MEALS), _per_day(3))


# ---- duration --------------------------------------------------------------------------------------------------


def duration(w: Writer) -> Said:
    """For how long."""
    roll = w.rng.random()
    unit = w.rng.choice(
        (
            "day",
            "day",
            "day",
            "day",
            "week",
            "week",
            "week",
            "month",
            "month",
            "year" if roll > 0.95 else "week",
        )
    )
    amounts: dict[str, tuple[float, ...]] = {
        "day": (3, 5, 7, 5, 7, 10, 14, 2, 4, 6, 28), "week": (2, 2, 3, 4, 6, 8, 12), "month": (2, 3, 6, 3),
        "year": (2, 3),
    }  # fmt: skip
    n = w.rng.choice(amounts[unit])
    if roll < 0.48:
        return Said(w.say(say.FOR, n=n, units=w.say(say.UNITS[unit], n=n)), Record(for_=n, for_unit=unit))
    if roll < 0.62 and unit in say.FOR_SHORT:
        n = 1 if w.chance(0.15) else n
        return Said(w.say(say.FOR_SHORT[unit], n=n), Record(for_=n, for_unit=unit))
    if roll < 0.74:
        unit = "week" if unit == "day" and w.chance(0.7) else unit
        text = w.say(say.FOR_ONE, units=_plain(unit))
        return Said(text, Record(for_=1, for_unit=unit))
    if roll < 0.76:
        return Said(w.say(say.FOR_FORTNIGHT), Record(for_=2, for_unit="week"))
    if roll < 0.87:
        if w.chance(0.3):
            unit = "week" if unit == "day" else unit
            text = w.say(say.FOR_UP_TO_ONE, units=_plain(unit))
            return Said(text, Record(for_=0, for_to=1, for_unit=unit))
        text = w.say(say.FOR_UP_TO, n=n, units=w.say(say.UNITS[unit], n=n))
        return Said(text, Record(for_=0, for_to=n, for_unit=unit))
    pairs = {"day": ((5, 7), (3, 5), (7, 10), (2, 3), (7, 14)), "week": ((2, 3), (1, 2), (4, 6), (2, 4))}
    low, high = w.rng.choice(pairs.get(unit, ((2, 3), (1, 2), (3, 6))))
    text = w.say(say.FOR_RANGE, n=low, m=high, units=w.say(say.UNITS[unit], n=high, m=high))
    return Said(text, Record(for_=low, for_to=high, for_unit=unit))


def _plain(unit: str) -> str:
    return unit


# ---- whole instructions ----------------------------------------------------------------------------------------


def pick_form(w: Writer) -> str:
    return w.rng.choices(list(_SITES), [weight for _, weight in _SITES.values()])[0]


def _around(w: Writer, form: str, explicit: bool) -> tuple[str, str, str]:
    """Words that change nothing: a verb before, a route, and advice after (only beside an explicit frequency)."""
    site = _SITES[form][0]
    verb = w.say(words.VERBS[site]) if w.chance(0.45) else ""
    route = w.say(words.ROUTES[site]) if w.chance(0.14) else ""
    after = ""
    if explicit and w.chance(0.13):
        after = w.say(words.ADVICE if w.chance(0.6) else words.REASONS)
    return verb, route, after


def _conditions(w: Writer, required: float = 0.17, directed: float = 0.07) -> tuple[list[str], Record]:
    texts, record = [], Record()
    if w.chance(required):
        texts.append(w.say(say.AS_REQUIRED))
        record = record.merged(Record(as_required=True))
    if w.chance(directed):
        texts.append(w.say(say.AS_DIRECTED))
        record = record.merged(Record(as_directed=True))
    return texts, record


def single(w: Writer) -> tuple[str, list[Record]]:
    """One dose, how often, for how long; parts may be missing."""
    form = pick_form(w)
    named = form in words.UNITS_OF_MEASURE or w.chance(0.72)
    amount = dose(w, form, named) if w.chance(0.86) else Said("")
    often = frequency(w) if w.chance(0.90) else Said("")
    if amount.text and not often.text and w.chance(0.3):
        unit = w.rng.choice(("day", "day", "day", "week", "month", "hour"))
        often = Said(w.say(say.PER[unit]), Record(times=1, per=unit))
        sticky = True
    else:
        sticky = False
    long = duration(w) if w.chance(0.26) else Said("")
    conditions, condition_record = _conditions(w)
    verb, route, after = _around(w, form, bool(often.text) and not sticky)
    if not amount.text and often.text and w.chance(0.25):
        verb = w.say(words.CHANGE) if form == "patch" else verb or w.say(words.VERBS[_SITES[form][0]])
    form_only = ""
    form_record = Record()
    if not amount.text and w.chance(0.25) and form not in words.UNITS_OF_MEASURE:
        form_only, form_record = form_word(w, form, w.rng.choice((1, 2))), Record(form=form)
    drug = w.say(words.DRUGS) if w.chance(0.05) else ""
    maximum = ""
    if amount.text and w.chance(
        0.10 if condition_record.as_required or "hour" in (often.record.per or "") else 0.01
    ):
        maximum = w.say(say.MAXIMUM, n=w.rng.choice((4, 6, 8, 8, 12, 10)))
    passive = w.say(words.TO_BE_TAKEN) if not verb and amount.text and w.chance(0.08) else ""
    roll = w.rng.random()
    body = [amount.text, form_only, passive]
    if roll < 0.68 or sticky:
        chunks = [
            drug,
            verb,
            *body,
            *([often.text, route] if sticky else [route, often.text]),
            after,
            *conditions,
            long.text,
            maximum,
        ]
        if w.chance(0.3):
            chunks = [drug, verb, *body, often.text, route, long.text, *conditions, after, maximum]
    elif roll < 0.84:
        lead = often.text + ("," if w.chance(0.15) and often.text else "")
        chunks = [drug, lead, verb, *body, route, *conditions, long.text, after, maximum]
    elif roll < 0.92:
        chunks = [*conditions, verb, *body, often.text, route, long.text, after, maximum]
    else:
        chunks = [verb, *body, *conditions, often.text, long.text, after, maximum]
    record = (
        amount.record.merged(often.record).merged(long.record).merged(condition_record).merged(form_record)
    )
    return spoken(chunks), [record]


def form_first(w: Writer) -> tuple[str, list[Record]]:
    """Tablets: 2 bd. The form stands before the number."""
    form = w.rng.choice(("tablet", "capsule", "puff", "drop", "sachet", "tablet"))
    amount, often = dose(w, form, named=False), frequency(w)
    mark = w.rng.choice(("", "", ":", " -", ","))
    chunks = [form_word(w, form, 2, True) + mark, w.rng.choice(("", "", "take")), amount.text, often.text]
    conditions, condition_record = _conditions(w)
    record = amount.record.merged(often.record).merged(condition_record).merged(Record(form=form))
    return spoken([*chunks, *conditions]), [record]


def additive(w: Writer) -> tuple[str, list[Record]]:
    """Doses of one day: unequal doses add up, equal doses count."""
    form = w.rng.choice(("tablet", "tablet", "capsule", "puff", "sachet"))
    named = w.chance(0.6)
    moments = [say.MORNING, say.NOON, say.NIGHT]
    count = w.rng.choice((2, 2, 2, 2, 3))
    chosen = (
        moments
        if count == 3
        else w.rng.choice(([say.MORNING, say.NIGHT], [say.MORNING, say.NIGHT], [say.MORNING, say.NOON]))
    )
    amounts = [w.rng.choice((1.0, 1.0, 2.0, 2.0, 3.0, 4.0, 0.5)) for _ in chosen]
    joint = w.say(say.ADDITION)
    verb = w.say(words.VERBS[_SITES[form][0]]) if w.chance(0.4) else ""
    every_form = w.chance(0.5)
    chunks = [verb]
    for place, (moment, amount) in enumerate(zip(chosen, amounts, strict=True)):
        number = "half" if amount == 0.5 else w.number(amount)
        unit = form_word(w, form, amount) if named and (place == 0 or every_form) else ""
        chunks += [joint if place else "", number, "a" if amount == 0.5 and unit else "", unit, w.say(moment)]
    if len(set(amounts)) == 1:
        record = Record(dose=amounts[0], times=count, per="day")
    else:
        record = Record(dose=sum(amounts), times=1, per="day")
    conditions, condition_record = _conditions(w, 0.08, 0.06)
    long = duration(w) if w.chance(0.1) else Said("")
    record = record.merged(long.record).merged(condition_record).merged(Record(form=form if named else None))
    return spoken([*chunks, *conditions, long.text]), [record]


def sequence(w: Writer) -> tuple[str, list[Record]]:
    """Two to four parts; form, as required and as directed of the first part hold for the later ones."""
    w.tags.append("sequence")
    form = pick_form(w) if w.chance(0.5) else "tablet"
    named = form in words.UNITS_OF_MEASURE or w.chance(0.75)
    count = w.rng.choice((2, 2, 2, 2, 2, 3, 3, 4))
    same_form_word = w.chance(0.45)
    shared_duration = w.rng.choice((3, 5, 7)) if count > 2 and w.chance(0.6) else None
    common = frequency(w)
    pieces: list[str] = []
    records: list[Record] = []
    for place in range(count):
        last = place == count - 1
        amount = dose(w, form, named and (place == 0 or same_form_word))
        often = common if shared_duration else frequency(w)
        if w.chance(0.12):
            often = Said("")
        if shared_duration:
            unit = w.say(say.UNITS["day"], n=shared_duration)
            long = Said(
                w.say(say.FOR, n=shared_duration, units=unit), Record(for_=shared_duration, for_unit="day")
            )
        else:
            long = duration(w) if w.chance(0.35 if last else 0.85) else Said("")
        conditions, condition_record = _conditions(
            w, 0.10 if place == 0 else 0.05, 0.05 if place == 0 else 0.03
        )
        record = amount.record.merged(often.record).merged(long.record).merged(condition_record)
        if place:
            first = records[0]
            record = record.merged(Record(form=record.form or first.form))
            record = record.merged(Record(as_required=first.as_required or record.as_required))
            record = record.merged(Record(as_directed=first.as_directed or record.as_directed))
            pieces.append(
                _link(w, records[-1], amount.record, shared_link=count > 2 and pieces[-1] in ("then",))
            )
        else:
            verb, _, _ = _around(w, form, explicit=False)
            pieces.append(verb)
        pieces += [amount.text, often.text, *conditions, long.text]
        records.append(record)
    if not records[-1].for_unit and w.chance(0.12):
        pieces.append(w.say(say.THEREAFTER))
    return spoken(pieces), records


def _link(w: Writer, before: Record, after: Record, shared_link: bool) -> str:
    """Then, or reduce to / increase to where the doses tell the direction."""
    if shared_link:
        return "then"
    low, high = before.dose, after.dose
    if (
        low is not None
        and high is not None
        and before.dose_to is None
        and after.dose_to is None
        and w.chance(0.3)
    ):
        if high < low:
            return w.say(say.THEN_LESS)
        if high > low:
            return w.say(say.THEN_MORE)
    return w.say(say.THEN)


def now_then(w: Writer) -> tuple[str, list[Record]]:
    """Two stat then one daily for 4 days."""
    w.tags.append("sequence")
    form = w.rng.choice(("tablet", "capsule", "tablet", "puff"))
    named = w.chance(0.6)
    first, second = dose(w, form, named), dose(w, form, named and w.chance(0.4))
    often, long = frequency(w), duration(w) if w.chance(0.6) else Said("")
    verb = w.say(words.VERBS[_SITES[form][0]]) if w.chance(0.4) else ""
    records = [first.record.merged(Record(times=1)), second.record.merged(often.record).merged(long.record)]
    records[1] = records[1].merged(Record(form=records[1].form or records[0].form))
    chunks = [verb, first.text, w.say(say.STAT), w.say(say.THEN), second.text, often.text, long.text]
    return spoken(chunks), records


def change_after(w: Writer) -> tuple[str, list[Record]]:
    """One daily, increase to two daily after 1 week: the time belongs to the first part."""
    w.tags.append("sequence")
    form = w.rng.choice(("tablet", "capsule"))
    named = w.chance(0.6)
    low, high = w.rng.sample((1, 2, 3, 4), 2)
    often = Said(w.say(say.DAILY), _per_day(1)) if w.chance(0.5) else Said(w.say(say.TWICE), _per_day(2))
    n, unit = w.rng.choice(((1, "week"), (2, "week"), (1, "month"), (3, "day"), (7, "day")))
    link = w.say(say.THEN_MORE if high > low else say.THEN_LESS)
    units = w.say(say.UNITS[unit], n=n)
    first = Record(form=form if named else None, dose=low, for_=n, for_unit=unit).merged(often.record)
    second = Record(form=form if named else None, dose=high).merged(often.record)
    head = [w.number(low), form_word(w, form, low) if named else "", often.text]
    tail = [link, w.number(high), often.text, "after", w.number(n), units]
    return spoken(["take" if w.chance(0.4) else "", *head, *tail]), [first, second]


def fragment(w: Writer) -> tuple[str, list[Record]]:
    """Only one thing is said: a dose, a frequency, a duration, or a condition."""
    form = pick_form(w)
    kind = w.rng.choice(("dose", "dose", "frequency", "frequency", "duration", "condition", "form"))
    if kind == "dose":
        amount = dose(w, form, w.chance(0.8))
        verb = w.say(words.VERBS[_SITES[form][0]]) if w.chance(0.3) else ""
        return spoken([verb, amount.text]), [amount.record]
    if kind == "frequency":
        often = frequency(w)
        verb = w.say(words.VERBS[_SITES[form][0]]) if w.chance(0.4) else ""
        return spoken([verb, often.text]), [often.record]
    if kind == "duration":
        long = duration(w)
        return long.text, [long.record]
    if kind == "form":
        return form_word(w, form, 2 if w.chance(0.5) else 1), [Record(form=form)]
    texts, record = _conditions(w, 0.6, 0.6)
    return spoken(texts), [record]


def daily_maximum(w: Writer) -> tuple[str, list[Record]]:
    """Up to 4 tablets daily: the dose of a day from nothing to 4."""
    form = w.rng.choice(("tablet", "capsule", "puff", "sachet"))
    named, high = w.chance(0.65), w.rng.choice((2, 3, 4, 6, 8))
    amount = f"{w.say(say.UP_TO, n=high)} {form_word(w, form, high) if named else ''}"
    often = w.rng.choice(("daily", "a day", "in 24 hours", "per day", "every day", "each day", "in 24hrs"))
    texts, condition_record = _conditions(w, 0.35, 0.05)
    record = Record(form=form if named else None, dose=0, dose_to=high, times=1, per="day").merged(
        condition_record
    )
    verb = "take" if w.chance(0.3) else ""
    return spoken([verb, amount.strip(), often, *texts]), [record]


def unreadable(w: Writer) -> tuple[str, list[Record]]:
    """Nothing can be read: a note instead of an instruction, letters without sense, torn text."""
    w.tags.append("unreadable")
    roll = w.rng.random()
    if roll < 0.45 or w.split == "test":
        text = w.say(words.UNREADABLE)
        if w.chance(0.3):
            text = f"{w.rng.choice(('please', 'pls', 'as above -', 'pt to', 'dose:', 'sig:', 'nb'))} {text}"
    elif roll < 0.8:
        count = w.rng.choice((1, 1, 1, 2, 3))
        text = " ".join(
            "".join(w.rng.choice("asdfghjklqwrtzxcvbnm") for _ in range(w.rng.randint(4, 9)))
            for _ in range(count)
        )
    else:
        text = "".join(w.rng.choice("?_#.*~ -") for _ in range(w.rng.randint(3, 12))).strip() or "??"
    return text, [Record(unreadable=True)]


COMPOSERS: tuple[tuple[int, Callable[[Writer], tuple[str, list[Record]]]], ...] = (
    (62, single), (3, form_first), (6, additive), (14, sequence), (2, now_then), (1, change_after), (6, fragment),
    (2, daily_maximum), (3, unreadable),
)  # fmt: skip
