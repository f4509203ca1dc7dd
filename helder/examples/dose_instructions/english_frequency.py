"""English frequencies and durations: how often and for how long, with the records that follow from them.

Units are made the largest that fit: 24 hours is a day, 7 days a week, 14 days two weeks, 4 weeks a month. Every 4-6
hours is kept as every 4 hours, its lower bound.
"""

from __future__ import annotations

from collections.abc import Callable

from helder.examples.dose_instructions import english_phrases as say
from helder.examples.dose_instructions import english_words as words
from helder.examples.dose_instructions.concepts import ORDINALS, Concept, Record, Said, Writer

_MOMENTS = (
    ("morning", "breakfast", "mane", "in the morning", "with breakfast", "at 8am", "each morning"),
    ("noon", "lunch", "lunchtime", "at midday", "with lunch", "afternoon", "at 1pm", "midday"),
    ("teatime", "tea", "dinner", "evening meal", "in the evening", "evening", "at 6pm", "with dinner"),
    ("night", "bedtime", "nocte", "at night", "at bedtime", "bed", "before bed", "at 10pm", "midnight"),
)


def _daily(times: float, high: float | None = None) -> Record:
    return Record(times=times, times_to=high, per="day")


def frequency(w: Writer) -> Said:
    """How often."""
    options: list[tuple[float, Callable[[Writer], Said]]] = [
        (26, lambda w: Said(w.say(say.DAILY), _daily(1))),
        (20, lambda w: Said(w.say(say.TWICE), _daily(2))),
        (12, lambda w: Said(w.say(say.THRICE), _daily(3))),
        (9, lambda w: Said(w.say(say.FOUR), _daily(4))),
        (9, _times_a_day),
        (11, lambda w: Said(w.say(say.MORNING), _daily(1))),
        (12, lambda w: Said(w.say(say.NIGHT), _daily(1))),
        (2, lambda w: Said(w.say(say.NOON), _daily(1))),
        (2, _moments),
        (2, _clock),
        (3, _meals),
        (10, _every),
        (7, _long),
        (5, _range_of_times),
        (0.4, _times_every),
        (0.6, _times_alone),
        (1, lambda w: Said(w.say(say.STAT), Record(times=1))),
    ]
    return w.rng.choices([make for _, make in options], [weight for weight, _ in options])[0](w)


def _times_a_day(w: Writer) -> Said:
    times = w.rng.choice((2, 3, 3, 4, 4, 5, 6))
    return Said(w.say(say.TIMES_A_DAY, n=times), _daily(times))


def _times_alone(w: Writer) -> Said:
    times = w.rng.choice((2, 3, 4))
    return Said(w.say(say.TIMES_ALONE, n=times), Record(times=times))


def _moments(w: Writer) -> Said:
    """Times of day are counted: breakfast and bedtime are two, morning, noon and night three."""
    count = w.rng.choice((2, 2, 2, 3, 3, 4))
    chosen = [w.rng.choice(_MOMENTS[place]) for place in sorted(w.rng.sample(range(4), count))]
    style = w.rng.choice(("comma", "joint", "list"))
    if style == "comma":
        text = ", ".join(chosen[:-1]) + w.rng.choice((" and ", " & ")) + chosen[-1]
    else:
        text = w.rng.choice((" and ", " + ", " & ") if style == "joint" else (", ", " / ", "/")).join(chosen)
    lead = ""
    if chosen[0] == "morning":
        lead = w.rng.choice(("", "in the ", "each ", "every "))
    elif chosen[0].split()[0] not in ("in", "at", "with", "each", "mane", "nocte", "before", "afternoon", "evening"):
        lead = w.rng.choice(("", "", "at "))
    return Said(lead + text, _daily(count))


def _clock(w: Writer) -> Said:
    am, mid, pm = w.rng.choice((7, 8, 9, 6)), w.rng.choice((1, 2, 3)), w.rng.choice((6, 7, 8, 9, 10))
    slots = {"am": str(am), "mid": str(mid), "pm": str(pm), "late": str(pm + 12)}
    concepts = ((say.CLOCK, 1), (say.CLOCKS, 2), (say.CLOCKS, 2), (say.THREE_CLOCKS, 3))
    concept, times = w.rng.choice(concepts)
    return Said(w.say(concept, slots=slots), _daily(times))


def _meals(w: Writer) -> Said:
    if w.chance(0.45):
        return Said(f"{w.say(say.MEALS)} {w.say(say.AND_BEDTIME)}", _daily(4))
    return Said(w.say(say.MEALS), _daily(3))


def _every(w: Writer) -> Said:
    """Intervals."""
    roll = w.rng.random()
    if roll < 0.40:
        hours = w.rng.choice((4, 6, 8, 12, 2, 3, 6, 4, 8, 5, 72))
        return Said(w.say(say.EVERY_HOURS, n=hours), Record(times=1, per=f"{hours} hour"))
    if roll < 0.55:
        low, high = w.rng.choice(((4, 6), (4, 6), (6, 8), (2, 4), (3, 4), (8, 12), (2, 3)))
        return Said(w.say(say.EVERY_HOURS_RANGE, n=low, m=high), Record(times=1, per=f"{low} hour"))
    if roll < 0.59:
        return Said(w.say(say.HOURLY), Record(times=1, per="hour"))
    if roll < 0.70:
        days = w.rng.choice((3, 3, 4, 5, 6, 10))
        text = w.say(say.EVERY_DAYS, n=days, slots={"ordinal": _ordinal(days)})
        return Said(text, Record(times=1, per=f"{days} day"))
    if roll < 0.73:
        low, high = w.rng.choice(((2, 3), (3, 4), (3, 5)))
        return Said(w.say(say.EVERY_DAYS_RANGE, n=low, m=high), Record(times=1, per=f"{low} day"))
    if roll < 0.90:
        return Said(w.say(say.ALTERNATE_DAYS), Record(times=1, per="2 day"))
    if roll < 0.95:
        weeks = w.rng.choice((3, 6, 8, 12))
        text = w.say(say.EVERY_WEEKS, n=weeks, slots={"ordinal": _ordinal(weeks)})
        return Said(text, Record(times=1, per=f"{weeks} week"))
    months = w.rng.choice((3, 3, 6, 2))
    return Said(w.say(say.EVERY_MONTHS, n=months), Record(times=1, per=f"{months} month"))


def _ordinal(n: int) -> str:
    return ORDINALS.get(n, f"{n}th")


def _long(w: Writer) -> Said:
    """Once a week or less often, and some times a week."""
    roll = w.rng.random()
    first, second = sorted(w.rng.sample(range(7), 2))
    days = words.DAYS if w.chance(0.75) else words.SHORT_DAYS
    slots = {"day": days[first], "other": days[second]}
    if roll < 0.20:
        return Said(w.say(say.WEEKLY), Record(times=1, per="week"))
    if roll < 0.34:
        return Said(w.say(say.WEEKDAY, slots=slots), Record(times=1, per="week"))
    if roll < 0.46:
        return Said(w.say(say.TWICE_A_WEEK, slots=slots), Record(times=2, per="week"))
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
        return Said(w.say(say.ONCE_OR_TWICE), _daily(1, 2))
    if roll < 0.34:
        return Said(w.say(say.TWO_OR_THREE), _daily(2, 3))
    if roll < 0.46:
        return Said(w.say(say.THREE_OR_FOUR), _daily(3, 4))
    if roll < 0.66:
        low, high = w.rng.choice(((2, 3), (3, 4), (2, 4), (1, 3), (4, 6), (1, 2), (4, 5)))
        return Said(w.say(say.TIMES_RANGE, n=low, m=high), _daily(low, high))
    if roll < 0.73:
        low, high = w.rng.choice(((2, 3), (1, 2), (3, 4), (3, 5), (2, 5)))
        return Said(w.say(say.TIMES_RANGE_WEEK, n=low, m=high), Record(times=low, times_to=high, per="week"))
    if roll < 0.88:
        high = w.rng.choice((2, 3, 3, 4, 4, 6))
        return Said(w.say(say.UP_TO_TIMES, n=high), _daily(0, high))
    if roll < 0.92:
        high = w.rng.choice((2, 3, 4))
        return Said(w.say(say.UP_TO_TIMES_WEEK, n=high), Record(times=0, times_to=high, per="week"))
    latin, high = w.rng.choice((("bd", 2), ("tds", 3), ("qds", 4), ("qid", 4), ("tid", 3), ("bid", 2)))
    return Said(w.say(say.UP_TO_LATIN, slots={"latin": latin}), _daily(0, high))


def _times_every(w: Writer) -> Said:
    """Twice every 3 weeks; one or two times every 4 weeks."""
    periods = ((2, "week"), (3, "week"), (4, "week"), (3, "day"), (2, "month"), (3, "month"), (2, "day"))
    k, unit = w.rng.choice(periods)
    per = "month" if (k, unit) == (4, "week") else f"{k} {unit}"
    slots = {"k": w.number(k, roman=False), "units": f"{unit}s"}
    if w.chance(0.4):
        low, high = w.rng.choice(((1, 2), (2, 3), (3, 4)))
        gap = w.rng.choice((" or ", " to ", "-"))
        slots["times"] = f"{w.number(low, roman=False)}{gap}{w.number(high, roman=False)} times"
        return Said(w.say(say.TIMES_EVERY, slots=slots), Record(times=low, times_to=high, per=per))
    low = w.rng.choice((2, 2, 3))
    several = f"{w.number(low, roman=False)} times"
    slots["times"] = w.rng.choice(("twice", several)) if low == 2 else several
    return Said(w.say(say.TIMES_EVERY, slots=slots), Record(times=low, per=per))


# ---- duration --------------------------------------------------------------------------------------------------

_LENGTHS: dict[str, tuple[float, ...]] = {
    "day": (3, 5, 7, 5, 7, 10, 14, 2, 4, 6, 28),
    "week": (2, 2, 3, 4, 6, 8, 12),
    "month": (2, 3, 6, 3),
    "year": (2, 3),
}
_SPANS: dict[str, tuple[tuple[float, float], ...]] = {
    "day": ((5, 7), (3, 5), (7, 10), (2, 3), (7, 14)),
    "week": ((2, 3), (1, 2), (4, 6), (2, 4)),
    "month": ((2, 3), (1, 2), (3, 6)),
    "year": ((1, 2), (2, 3)),
}
_UNIT_WEIGHTS = {"day": 40, "week": 36, "month": 20, "year": 3}


def unit_word(w: Writer, unit: str, n: float) -> str:
    return w.say(say.UNITS[unit], n=n)


def duration(w: Writer, often: Record = Record()) -> Said:  # noqa: B008 (a frozen record)
    """For how long; never shorter than the period of `often`."""
    units = ["day", "week", "month", "year"]
    period = (often.per or "").split(" ")[-1]
    units = units[units.index(period) + 1 :] or ["year"] if period in ("week", "month", "year") else units
    unit = w.rng.choices(units, [_UNIT_WEIGHTS[unit] for unit in units])[0]
    n = w.rng.choice(_LENGTHS[unit])
    roll = w.rng.random()
    if roll < 0.56:
        return Said(w.say(say.FOR, n=n, slots={"units": unit_word(w, unit, n)}), Record(for_=n, for_unit=unit))
    if roll < 0.70 and unit in say.FOR_SHORT:
        n = 1 if w.chance(0.15) else n
        return Said(w.say(say.FOR_SHORT[unit], n=n), Record(for_=n, for_unit=unit))
    if roll < 0.82:
        unit = "week" if unit == "day" and w.chance(0.7) else unit
        return Said(w.say(say.FOR_ONE, slots={"units": unit}), Record(for_=1, for_unit=unit))
    if roll < 0.84 and unit in ("day", "week"):
        return Said(w.say(say.FOR_FORTNIGHT), Record(for_=2, for_unit="week"))
    if roll < 0.93:
        one = w.chance(0.3)
        if one and unit != "day":
            return Said(w.say(say.FOR_UP_TO_ONE, slots={"units": unit}), Record(for_=0, for_to=1, for_unit=unit))
        concept: Concept = say.FOR_UP_TO
        return Said(
            w.say(concept, n=n, slots={"units": unit_word(w, unit, n)}), Record(for_=0, for_to=n, for_unit=unit)
        )
    low, high = w.rng.choice(_SPANS[unit])
    text = w.say(say.FOR_RANGE, n=low, m=high, slots={"units": unit_word(w, unit, high)})
    return Said(text, Record(for_=low, for_to=high, for_unit=unit))
