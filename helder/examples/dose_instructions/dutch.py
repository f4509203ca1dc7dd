"""Composes Dutch dose instructions together with their records; the conventions are those of `english.py`."""

from __future__ import annotations

from collections.abc import Callable

from helder.examples.dose_instructions import dutch_phrases as say
from helder.examples.dose_instructions.concepts import Record, Writer, digits, spoken
from helder.examples.dose_instructions.english import Said

_FORMS = (
    "tablet",
    "tablet",
    "tablet",
    "tablet",
    "capsule",
    "capsule",
    "puff",
    "puff",
    "drop",
    "ml",
    "mg",
    "sachet",
    "suppository",
    "patch",
    "unit",
)
_AMOUNTS: dict[str, tuple[float, ...]] = {
    "ml": (5, 10, 2.5, 15, 7.5, 20, 1), "mg": (10, 20, 50, 100, 250, 500, 5), "unit": (10, 12, 20, 8, 16),
}  # fmt: skip


def dose(w: Writer, form: str, named: bool = True) -> Said:
    record = Record(form=form if named else None)

    def unit(amount: float, more: bool = False) -> str:
        return " " + w.say(say.FORMS[form], n=amount, m=2 if more else None) if named else ""

    roll = w.rng.random()
    if form in _AMOUNTS:
        amount = w.rng.choice(_AMOUNTS[form])
        return Said(digits(amount, "nl") + unit(amount), record.merged(Record(dose=amount)))
    if roll < 0.13:
        low, high = w.rng.choice(((1, 2), (1, 2), (2, 3), (2, 4)))
        return Said(
            w.say(say.RANGE, n=low, m=high) + unit(high, True), record.merged(Record(dose=low, dose_to=high))
        )
    if roll < 0.16:
        high = w.rng.choice((2, 3, 4, 6))
        return Said(w.say(say.UP_TO, n=high) + unit(high), record.merged(Record(dose=0, dose_to=high)))
    if roll < 0.24 and form == "tablet" and named:
        concept, amount = (say.HALF, 0.5) if w.chance(0.7) else (say.ONE_AND_A_HALF, 1.5)
        return Said(f"{w.say(concept)}{unit(amount)}", record.merged(Record(dose=amount)))
    amount = w.rng.choice((1, 1, 1, 1, 2, 2, 2, 3, 4))
    return Said(w.number(amount) + unit(amount), record.merged(Record(dose=amount)))


def frequency(w: Writer) -> Said:
    day = w.rng.choice(say.DAYS)
    times = w.rng.choice((2, 2, 3, 3, 4, 5))
    hours = w.rng.choice((4, 6, 8, 12))
    low = w.rng.choice((1, 2, 3))
    options: list[tuple[int, Callable[[], Said]]] = [
        (16, lambda: Said(w.say(say.DAILY), Record(times=1, per="day"))),
        (20, lambda: Said(w.say(say.TIMES_A_DAY, n=times), Record(times=times, per="day"))),
        (7, lambda: Said(w.say(say.TWICE), Record(times=2, per="day"))),
        (5, lambda: Said(w.say(say.THRICE), Record(times=3, per="day"))),
        (8, lambda: Said(w.say(say.MORNING), Record(times=1, per="day"))),
        (9, lambda: Said(w.say(say.NIGHT), Record(times=1, per="day"))),
        (2, lambda: Said(w.say(say.NOON), Record(times=1, per="day"))),
        (4, lambda: Said(w.say(say.MEALS), Record(times=3, per="day"))),
        (6, lambda: Said(w.say(say.EVERY_HOURS, n=hours), Record(times=1, per=f"{hours} hour"))),
        (4, lambda: Said(w.say(say.ALTERNATE), Record(times=1, per="2 day"))),
        (5, lambda: Said(w.say(say.WEEKLY, day=day), Record(times=1, per="week"))),
        (3, lambda: Said(w.say(say.TIMES_A_WEEK, n=times), Record(times=times, per="week"))),
        (3, lambda: Said(w.say(say.FORTNIGHTLY), Record(times=1, per="2 week"))),
        (2, lambda: Said(w.say(say.MONTHLY), Record(times=1, per="month"))),
        (
            4,
            lambda: Said(
                w.say(say.RANGE_OF_TIMES, n=low, m=low + 1), Record(times=low, times_to=low + 1, per="day")
            ),
        ),
        (5, lambda: Said(w.say(say.UP_TO_TIMES, n=times), Record(times=0, times_to=times, per="day"))),
        (1, lambda: Said(w.say(say.STAT), Record(times=1))),
    ]
    return w.rng.choices([make for _, make in options], [weight for weight, _ in options])[0]()


def duration(w: Writer) -> Said:
    unit = w.rng.choice(("day", "day", "day", "week", "week", "month"))
    n = w.rng.choice({"day": (3, 5, 7, 10, 14), "week": (2, 3, 4, 6), "month": (2, 3, 6)}[unit])
    roll = w.rng.random()
    if roll < 0.65:
        return Said(w.say(say.FOR, n=n, units=w.say(say.UNITS[unit], n=n)), Record(for_=n, for_unit=unit))
    if roll < 0.78:
        unit = "week" if unit == "day" else unit
        return Said(
            w.say(say.FOR_ONE, units={"week": "week", "month": "maand"}[unit]), Record(for_=1, for_unit=unit)
        )
    if roll < 0.90:
        units = w.say(say.UNITS[unit], n=n)
        return Said(w.say(say.FOR_UP_TO, n=n, units=units), Record(for_=0, for_to=n, for_unit=unit))
    low, high = w.rng.choice(
        {"day": ((5, 7), (3, 5), (7, 10)), "week": ((2, 3), (1, 2)), "month": ((2, 3), (1, 2))}[unit]
    )
    text = w.say(say.FOR_RANGE, n=low, m=high, units=w.say(say.UNITS[unit], n=high))
    return Said(text, Record(for_=low, for_to=high, for_unit=unit))


def _conditions(w: Writer, required: float = 0.2, directed: float = 0.08) -> tuple[list[str], Record]:
    texts, record = [], Record()
    if w.chance(required):
        texts.append(w.say(say.AS_REQUIRED))
        record = record.merged(Record(as_required=True))
    if w.chance(directed):
        texts.append(w.say(say.AS_DIRECTED))
        record = record.merged(Record(as_directed=True))
    return texts, record


def part(w: Writer, form: str, named: bool) -> Said:
    """One dose with its frequency, in either order: 2 dd 1 tablet; 1 tablet 's avonds."""
    amount = dose(w, form, named)
    if w.chance(0.3):
        times = w.rng.choice((1, 2, 3, 4, 2, 3))
        return Said(
            f"{w.say(say.DD, n=times)} {amount.text}", Record(times=times, per="day").merged(amount.record)
        )
    often = frequency(w)
    record = amount.record.merged(often.record)
    return Said(f"{often.text} {amount.text}" if w.chance(0.4) else f"{amount.text} {often.text}", record)


def single(w: Writer) -> tuple[str, list[Record]]:
    form = w.rng.choice(_FORMS)
    main = part(w, form, form in _AMOUNTS or w.chance(0.78))
    if w.chance(0.08):
        often = frequency(w)
        main = Said(f"{w.say(say.APPLY)} {often.text}", often.record)
    conditions, condition_record = _conditions(w)
    long = duration(w) if w.chance(0.28) else Said("")
    verb = w.say(say.VERB) if w.chance(0.15) and not main.record.is_blank else ""
    advice = w.say(say.ADVICE) if w.chance(0.15) else ""
    maximum = (
        w.say(say.MAXIMUM, n=w.rng.choice((4, 6, 8)))
        if condition_record.as_required and w.chance(0.15)
        else ""
    )
    tail = [advice, *conditions, long.text] if w.chance(0.6) else [long.text, *conditions, advice]
    record = main.record.merged(long.record).merged(condition_record)
    return spoken([verb, main.text, *tail, maximum]), [record]


def coded(w: Writer) -> tuple[str, list[Record]]:
    """The pharmacy's short code: 3D1T, 1D2C ZN."""
    times, amount = w.rng.choice((1, 2, 3, 4)), w.rng.choice((1, 1, 2))
    letter, form = w.rng.choice((("t", "tablet"), ("c", "capsule"), ("t", "tablet"), ("p", "puff")))
    texts, record = _conditions(w, 0.35, 0)
    return spoken([f"{times}d{amount}{letter}", *texts]), [
        Record(form=form, dose=amount, times=times, per="day").merged(record)
    ]


def additive(w: Writer) -> tuple[str, list[Record]]:
    form = w.rng.choice(("tablet", "capsule", "puff"))
    first, second = w.rng.choice((1.0, 2.0, 3.0)), w.rng.choice((1.0, 2.0, 1.0))
    head = [w.number(first), w.say(say.FORMS[form], n=first), w.say(say.MORNING)]
    tail = [w.say(say.ADDITION), w.number(second), w.say(say.NIGHT)]
    both = (
        Record(dose=first, times=2, per="day")
        if first == second
        else Record(dose=first + second, times=1, per="day")
    )
    return spoken([*head, *tail]), [both.merged(Record(form=form))]


def sequence(w: Writer) -> tuple[str, list[Record]]:
    w.tags.append("sequence")
    form = w.rng.choice(_FORMS)
    named = form in _AMOUNTS or w.chance(0.8)
    first, long = part(w, form, named), duration(w)
    second = part(w, form, named and w.chance(0.5))
    conditions, condition_record = _conditions(w, 0.12, 0.05)
    end = duration(w) if w.chance(0.35) else Said("")
    low, high = first.record.dose, second.record.dose
    link = w.say(say.THEN)
    steady = first.record.dose_to is None and second.record.dose_to is None
    if (
        low is not None
        and high is not None
        and low != high
        and steady
        and second.text[0].isdigit()
        and w.chance(0.3)
    ):
        link = w.say(say.THEN_MORE if high > low else say.THEN_LESS)
    records = [first.record.merged(long.record).merged(condition_record)]
    later = second.record.merged(end.record).merged(condition_record)
    records.append(later.merged(Record(form=later.form or records[0].form)))
    return spoken([first.text, *conditions, long.text, link, second.text, end.text]), records


def fragment(w: Writer) -> tuple[str, list[Record]]:
    kind = w.rng.choice(("dose", "frequency", "duration", "condition"))
    if kind == "dose":
        said = dose(w, w.rng.choice(_FORMS))
    elif kind == "frequency":
        said = frequency(w)
    elif kind == "duration":
        said = duration(w)
    else:
        texts, record = _conditions(w, 0.6, 0.6)
        said = Said(spoken(texts), record)
    return said.text, [said.record]


def unreadable(w: Writer) -> tuple[str, list[Record]]:
    w.tags.append("unreadable")
    lead = w.rng.choice(("", "", "", "svp", "let op:", "dosering"))
    return spoken([lead, w.say(say.UNREADABLE)]), [Record(unreadable=True)]


COMPOSERS: tuple[tuple[int, Callable[[Writer], tuple[str, list[Record]]]], ...] = (
    (64, single), (5, coded), (6, additive), (14, sequence), (7, fragment), (3, unreadable),
)  # fmt: skip
