"""Composes Dutch dose instructions together with their records; the conventions are those of English."""

from __future__ import annotations

from collections.abc import Callable

from helder.examples.dose_instructions import dutch_phrases as say
from helder.examples.dose_instructions.concepts import Record, Said, Writer, digits, spoken

Composed = tuple[str, list[Record]]
NOTHING = Said("")

# fmt: off
_FORMS = ("tablet", "tablet", "tablet", "tablet", "capsule", "capsule", "puff", "puff", "drop", "ml", "mg", "sachet",
          "suppository", "patch", "unit")
_AMOUNTS: dict[str, tuple[float, ...]] = {
    "ml": (5, 10, 2.5, 15, 7.5, 20, 1), "mg": (10, 20, 50, 100, 250, 500, 5), "unit": (10, 12, 20, 8, 16),
}
_LENGTHS: dict[str, tuple[float, ...]] = {"day": (3, 5, 7, 10, 14), "week": (2, 3, 4, 6), "month": (2, 3, 6)}
_SPANS = {"day": ((5, 7), (3, 5), (7, 10)), "week": ((2, 3), (1, 2)), "month": ((2, 3), (1, 2))}
# fmt: on


def dose(w: Writer, form: str, named: bool = True) -> Said:
    """A dose of the form; without `named` only the number is given."""
    record = Record(form=form if named else None)

    def unit(amount: float, more: bool = False) -> str:
        return " " + w.say(say.FORMS[form], n=amount, m=2 if more else None) if named else ""

    if form in _AMOUNTS:
        amount = w.rng.choice(_AMOUNTS[form])
        return Said(digits(amount, "nl") + unit(amount), record.merged(Record(dose=amount)))
    roll = w.rng.random()
    if roll < 0.13:
        low, high = w.rng.choice(((1, 2), (1, 2), (2, 3), (2, 4)))
        text = w.say(say.RANGE, n=low, m=high) + unit(high, True)
        return Said(text, record.merged(Record(dose=low, dose_to=high)))
    if roll < 0.16:
        high = w.rng.choice((2, 3, 4, 6))
        return Said(w.say(say.UP_TO, n=high) + unit(high), record.merged(Record(dose=0, dose_to=high)))
    if roll < 0.26 and form == "tablet" and named:
        concept, amount = (say.HALF, 0.5) if w.chance(0.7) else (say.ONE_AND_A_HALF, 1.5)
        return Said(f"{w.say(concept)}{unit(1)}", record.merged(Record(dose=amount)))
    amount = w.rng.choice((1, 1, 1, 1, 2, 2, 2, 3, 4))
    return Said(w.number(amount) + unit(amount), record.merged(Record(dose=amount)))


def frequency(w: Writer) -> Said:
    """How often."""
    options: list[tuple[int, Callable[[Writer], Said]]] = [
        (16, lambda w: Said(w.say(say.DAILY), Record(times=1, per="day"))),
        (20, _times_a_day),
        (7, lambda w: Said(w.say(say.TWICE), Record(times=2, per="day"))),
        (5, lambda w: Said(w.say(say.THRICE), Record(times=3, per="day"))),
        (8, lambda w: Said(w.say(say.MORNING), Record(times=1, per="day"))),
        (9, lambda w: Said(w.say(say.NIGHT), Record(times=1, per="day"))),
        (2, lambda w: Said(w.say(say.NOON), Record(times=1, per="day"))),
        (4, lambda w: Said(w.say(say.MEALS), Record(times=3, per="day"))),
        (3, _clock),
        (6, _every_hours),
        (4, lambda w: Said(w.say(say.ALTERNATE), Record(times=1, per="2 day"))),
        (5, _weekly),
        (3, _times_a_week),
        (3, lambda w: Said(w.say(say.FORTNIGHTLY), Record(times=1, per="2 week"))),
        (2, lambda w: Said(w.say(say.MONTHLY), Record(times=1, per="month"))),
        (4, _range_of_times),
        (5, _up_to_times),
        (1, lambda w: Said(w.say(say.STAT), Record(times=1))),
    ]
    return w.rng.choices([make for _, make in options], [weight for weight, _ in options])[0](w)


def _times_a_day(w: Writer) -> Said:
    times = w.rng.choice((2, 2, 3, 3, 4, 5))
    return Said(w.say(say.TIMES_A_DAY, n=times), Record(times=times, per="day"))


def _times_a_week(w: Writer) -> Said:
    times = w.rng.choice((2, 3, 4, 5))
    return Said(w.say(say.TIMES_A_WEEK, n=times), Record(times=times, per="week"))


def _every_hours(w: Writer) -> Said:
    hours = w.rng.choice((4, 6, 8, 12))
    return Said(w.say(say.EVERY_HOURS, n=hours), Record(times=1, per=f"{hours} hour"))


def _weekly(w: Writer) -> Said:
    return Said(w.say(say.WEEKLY, slots={"day": w.rng.choice(say.DAYS)}), Record(times=1, per="week"))


def _clock(w: Writer) -> Said:
    slots = {"am": str(w.rng.choice((7, 8, 9))), "late": str(w.rng.choice((18, 20, 21, 22)))}
    return Said(w.say(say.CLOCKS, slots=slots), Record(times=2, per="day"))


def _range_of_times(w: Writer) -> Said:
    low = w.rng.choice((1, 2, 3))
    return Said(w.say(say.RANGE_OF_TIMES, n=low, m=low + 1), Record(times=low, times_to=low + 1, per="day"))


def _up_to_times(w: Writer) -> Said:
    high = w.rng.choice((2, 3, 4, 6))
    return Said(w.say(say.UP_TO_TIMES, n=high), Record(times=0, times_to=high, per="day"))


def duration(w: Writer, often: Record = Record()) -> Said:  # noqa: B008 (a frozen record)
    """For how long; never shorter than the period of `often`."""
    units = {"week": ["month"], "month": ["month"]}.get(
        (often.per or "").split(" ")[-1], ["day", "day", "week", "month"]
    )
    unit = w.rng.choice(units)
    n = w.rng.choice(_LENGTHS[unit])
    roll = w.rng.random()
    if roll < 0.65:
        text = w.say(say.FOR, n=n, slots={"units": w.say(say.UNITS[unit], n=n)})
        return Said(text, Record(for_=n, for_unit=unit))
    if roll < 0.78:
        unit = "week" if unit == "day" else unit
        text = w.say(say.FOR_ONE, slots={"units": {"week": "week", "month": "maand"}[unit]})
        return Said(text, Record(for_=1, for_unit=unit))
    if roll < 0.90:
        text = w.say(say.FOR_UP_TO, n=n, slots={"units": w.say(say.UNITS[unit], n=n)})
        return Said(text, Record(for_=0, for_to=n, for_unit=unit))
    low, high = w.rng.choice(_SPANS[unit])
    text = w.say(say.FOR_RANGE, n=low, m=high, slots={"units": w.say(say.UNITS[unit], n=high)})
    return Said(text, Record(for_=low, for_to=high, for_unit=unit))


def conditions(w: Writer, required: float = 0.2, directed: float = 0.08) -> Said:
    """As required, as directed, both or none."""
    texts, record = [], Record()
    if w.chance(required):
        texts.append(w.say(say.AS_REQUIRED))
        record = record.merged(Record(as_required=True))
    if w.chance(directed):
        texts.append(w.say(say.AS_DIRECTED))
        record = record.merged(Record(as_directed=True))
    return Said(" ".join(texts), record)


def part(w: Writer, form: str, named: bool) -> Said:
    """One dose with its frequency, in either order: 2 dd 1 tablet; 1 tablet 's avonds."""
    amount = dose(w, form, named)
    if w.chance(0.3):
        times = w.rng.choice((1, 2, 3, 4, 2, 3))
        return Said(spoken(w.say(say.DD, n=times), amount.text), Record(times=times, per="day").merged(amount.record))
    often = frequency(w)
    words = (often.text, amount.text) if w.chance(0.4) else (amount.text, often.text)
    return Said(spoken(*words), amount.record.merged(often.record))


def ends(record: Record) -> bool:
    """Whether the frequency leaves no room for a duration: once, now."""
    return record.times == 1 and record.per is None


def single(w: Writer) -> Composed:
    """One dose, how often, for how long."""
    form = w.rng.choice(_FORMS)
    main = part(w, form, form in _AMOUNTS or w.chance(0.78))
    doing = w.say(say.VERB) if w.chance(0.15) else ""
    if w.chance(0.08):
        often = frequency(w)
        doing, main = w.say(say.APPLY), often
    condition = conditions(w)
    long = duration(w, main.record) if not ends(main.record) and w.chance(0.28) else NOTHING
    advice = w.say(say.PLACES.get(form, say.ADVICE)) if w.chance(0.15) else ""
    maximum = ""
    if condition.record.as_required and main.record.dose and w.chance(0.15):
        maximum = w.say(say.MAXIMUM, n=w.rng.choice((4, 6, 8)))
    tail = [advice, condition.text, long.text] if w.chance(0.6) else [long.text, condition.text, advice]
    return spoken(doing, main.text, *tail, maximum), [main.record.merged(long.record, condition.record)]


def coded(w: Writer) -> Composed:
    """The short code of prescriptions: 3D1T, 1D2C ZN."""
    times, amount = w.rng.choice((1, 2, 3, 4)), w.rng.choice((1, 1, 2))
    letter, form = w.rng.choice((("t", "tablet"), ("c", "capsule"), ("t", "tablet")))
    condition, long = conditions(w, 0.35, 0.1), duration(w) if w.chance(0.2) else NOTHING
    record = Record(form=form, dose=amount, times=times, per="day").merged(condition.record, long.record)
    return spoken(f"{times}d{amount}{letter}", condition.text, long.text), [record]


def additive(w: Writer) -> Composed:
    """Doses of one day: unequal doses add up, equal doses are counted."""
    form = w.rng.choice(("tablet", "capsule", "puff"))
    first, second = w.rng.choice((1.0, 2.0, 3.0)), w.rng.choice((1.0, 2.0, 1.0))
    head = [w.number(first), w.say(say.FORMS[form], n=first), w.say(say.MORNING)]
    tail = [w.say(say.ADDITION), w.number(second), w.say(say.NIGHT)]
    counted, summed = Record(dose=first, times=2, per="day"), Record(dose=first + second, times=1, per="day")
    record = (counted if first == second else summed).merged(Record(form=form))
    condition = conditions(w, 0.1, 0.1)
    return spoken(*head, *tail, condition.text), [record.merged(condition.record)]


def sequence(w: Writer) -> Composed:
    """Two parts; form, as required and as directed of the first hold for the second."""
    w.tags.append("sequence")
    form = w.rng.choice(_FORMS)
    named = form in _AMOUNTS or w.chance(0.8)
    first, second = part(w, form, named), part(w, form, named and w.chance(0.5))
    long = NOTHING if ends(first.record) else duration(w, first.record)
    end = duration(w, second.record) if not ends(second.record) and w.chance(0.35) else NOTHING
    condition = conditions(w, 0.12, 0.05)
    before, after = first.record, second.record
    link = w.say(say.THEN)
    plain = before.dose_to is None and after.dose_to is None
    if before.dose and after.dose and before.dose != after.dose and plain and w.chance(0.3):
        link = w.say(say.THEN_MORE if after.dose > before.dose else say.THEN_LESS)
    kept = Record(form=before.form).merged(condition.record)
    records = [before.merged(long.record, condition.record), kept.merged(after, end.record)]
    return spoken(first.text, condition.text, long.text, link, second.text, end.text), records


def fragment(w: Writer) -> Composed:
    """Only one thing is said."""
    kind = w.rng.choice(("dose", "frequency", "duration", "condition"))
    if kind == "dose":
        said = dose(w, w.rng.choice(_FORMS))
    elif kind == "frequency":
        said = frequency(w)
    elif kind == "duration":
        said = duration(w)
    else:
        said = conditions(w, 0.6, 0.6)
    return said.text, [said.record]


def unreadable(w: Writer) -> Composed:
    """A note instead of an instruction."""
    w.tags.append("unreadable")
    lead = w.rng.choice(("", "", "", "svp", "let op:", "dosering", "nb", "gebruik:"))
    return spoken(lead, w.say(say.UNREADABLE)), [Record(unreadable=True)]


COMPOSERS: tuple[tuple[float, Callable[[Writer], Composed]], ...] = (
    (76, single),
    (6, coded),
    (3, additive),
    (5, sequence),
    (8, fragment),
    (3, unreadable),
)
