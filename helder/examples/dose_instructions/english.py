"""Composes English dose instructions together with their records.

Every composer draws the record and its wording at the same time, so that the record is right by construction. The
conventions (what counts as three times a day, which maximum is kept) are listed in the example's README.
"""

from __future__ import annotations

from collections.abc import Callable

from helder.examples.dose_instructions import english_phrases as say
from helder.examples.dose_instructions import english_words as words
from helder.examples.dose_instructions.concepts import Record, Said, Writer, spoken
from helder.examples.dose_instructions.english_dose import DIVISIBLE, SITES, dose, form_word, pick_form
from helder.examples.dose_instructions.english_frequency import duration, frequency, unit_word

Composed = tuple[str, list[Record]]
NOTHING = Said("")


def conditions(w: Writer, required: float = 0.17, directed: float = 0.07) -> Said:
    """As required, as directed, both or none."""
    texts, record = [], Record()
    if w.chance(required):
        texts.append(w.say(say.AS_REQUIRED))
        record = record.merged(Record(as_required=True))
    if w.chance(directed):
        texts.append(w.say(say.AS_DIRECTED))
        record = record.merged(Record(as_directed=True))
    return Said(" ".join(texts), record)


def verb(w: Writer, form: str, probability: float) -> str:
    return w.say(words.VERBS[SITES[form][0]]) if w.chance(probability) else ""


def ends(often: Said) -> bool:
    """Whether the frequency leaves no room for a duration: once, now; "3 times" would be read as 3 times in it."""
    return often.record.times is not None and often.record.per is None


def single(w: Writer) -> Composed:
    """One dose, how often, for how long; parts may be missing."""
    form = pick_form(w)
    measured = form in words.UNITS_OF_MEASURE
    amount = dose(w, form, measured or w.chance(0.72)) if w.chance(0.86) else NOTHING
    often = frequency(w) if w.chance(0.90) else NOTHING
    per = NOTHING
    if amount.text and not often.text and w.chance(0.4):
        unit = w.rng.choice(("day", "day", "day", "day", "week", "month", "hour"))
        per = Said(w.say(say.PER[unit]), Record(times=1, per=unit))
    form_only = NOTHING
    if not amount.text and not measured and w.chance(0.25):
        form_only = Said(form_word(w, form, w.rng.choice((1, 2))), Record(form=form))
    room = not ends(often)
    long = duration(w, often.record.merged(per.record)) if room and w.chance(0.22) else NOTHING
    condition = conditions(w)
    record = amount.record.merged(often.record, per.record, form_only.record, long.record, condition.record)

    doing = verb(w, form, 0.45)
    if form == "patch" and not amount.text and often.text and w.chance(0.4):
        doing = w.say(words.CHANGE)
    passive = w.say(words.TO_BE_TAKEN) if not doing and amount.text and w.chance(0.08) else ""
    route = w.say(words.ROUTES[SITES[form][0]]) if w.chance(0.09) else ""
    after = w.say(words.ADVICE if w.chance(0.6) else words.REASONS) if w.chance(0.10) else ""
    drug = w.say(words.DRUGS) if form in ("tablet", "capsule") and w.chance(0.06) else ""
    if not amount.text:
        drug = drug.split(" ")[0]  # a strength without a dose would be the dose
    maximum = ""
    interval = condition.record.as_required or "hour" in (often.record.per or "")
    if amount.record.dose and not per.text and w.chance(0.06 if interval else 0.01):
        maximum = w.say(say.MAXIMUM, n=w.rng.choice((4, 6, 8, 8, 12, 10)))

    what = [amount.text, per.text, form_only.text, passive]
    roll = w.rng.random()
    if roll < 0.45 or per.text:
        chunks = [drug, doing, *what, route, often.text, after, condition.text, long.text, maximum]
    elif roll < 0.66:
        chunks = [drug, doing, *what, often.text, route, long.text, condition.text, after, maximum]
    elif roll < 0.83:
        comma = "," if often.text and w.chance(0.15) else ""
        chunks = [drug, often.text + comma, doing, *what, route, condition.text, long.text, after, maximum]
    elif roll < 0.91:
        chunks = [condition.text, doing, *what, often.text, route, long.text, after, maximum]
    else:
        chunks = [doing, *what, condition.text, often.text, long.text, after, maximum]
    return spoken(*chunks), [record]


def form_first(w: Writer) -> Composed:
    """Tablets: 2 bd. The form stands before the number."""
    form = w.rng.choice(("tablet", "capsule", "puff", "drop", "sachet", "tablet"))
    amount = dose(w, form, named=False, whole=form not in DIVISIBLE)
    often, condition = frequency(w), conditions(w)
    head = form_word(w, form, 2, True) + w.rng.choice(("", "", ":", " -", ","))
    record = Record(form=form).merged(amount.record, often.record, condition.record)
    return spoken(head, verb(w, form, 0.3), amount.text, often.text, condition.text), [record]


def additive(w: Writer) -> Composed:
    """Doses of one day: unequal doses add up, equal doses are counted."""
    form = w.rng.choice(("tablet", "tablet", "capsule", "puff", "sachet"))
    named, every_time = w.chance(0.6), w.chance(0.5)
    outer = [say.MORNING, say.NIGHT]
    moments = w.rng.choice((outer, outer, outer, [say.MORNING, say.NOON], [say.MORNING, say.NOON, say.NIGHT]))
    amounts = [w.rng.choice((1.0, 1.0, 2.0, 2.0, 3.0, 4.0, 0.5)) for _ in moments]
    joint = w.say(say.ADDITION)
    chunks = [verb(w, form, 0.4)]
    for place, (moment, amount) in enumerate(zip(moments, amounts, strict=True)):
        unit = form_word(w, form, amount) if named and (place == 0 or every_time) else ""
        number = w.rng.choice(("half", "1/2", "½", "0.5")) if amount == 0.5 else w.number(amount)
        chunks += [joint if place else "", number, unit, w.say(moment)]
    if len(set(amounts)) == 1:
        record = Record(dose=amounts[0], times=len(amounts), per="day")
    else:
        record = Record(dose=sum(amounts), times=1, per="day")
    condition = conditions(w, 0.08, 0.06)
    long = duration(w) if w.chance(0.1) else NOTHING
    record = record.merged(long.record, condition.record, Record(form=form if named else None))
    return spoken(*chunks, condition.text, long.text), [record]


def inherited(first: Record, later: Record) -> Record:
    """Form, as required and as directed of the first part hold for a later one."""
    kept = Record(form=first.form, as_required=first.as_required, as_directed=first.as_directed)
    return kept.merged(later)


def sequence(w: Writer) -> Composed:
    """Two to four parts, each with its own dose, frequency and time."""
    w.tags.append("sequence")
    form = pick_form(w) if w.chance(0.5) else "tablet"
    named = form in words.UNITS_OF_MEASURE or w.chance(0.75)
    count = w.rng.choices((2, 3, 4), (84, 12, 4))[0]
    again = w.chance(0.45)
    taper = (frequency(w), w.rng.choice((3, 5, 7))) if count > 2 else None
    pieces = [verb(w, form, 0.45)]
    records: list[Record] = []
    for place in range(count):
        last = place == count - 1
        amount = dose(w, form, named and (place == 0 or again))
        condition = conditions(w, 0.10, 0.05) if place == 0 else conditions(w, 0.05, 0.03)
        if taper is not None:
            often, days = taper
            long = Said(
                w.say(say.FOR, n=days, slots={"units": unit_word(w, "day", days)}), Record(for_=days, for_unit="day")
            )
            if ends(often) or (often.record.per or "day").split(" ")[-1] not in ("hour", "day"):
                often = NOTHING
        else:
            often = frequency(w) if w.chance(0.88) else NOTHING
            lasts = not ends(often) and w.chance(0.35 if last else 0.88)
            long = duration(w, often.record) if lasts else NOTHING
        record = amount.record.merged(often.record, long.record, condition.record)
        if place:
            pieces.append(_link(w, records[-1], record))
            record = inherited(records[0], record)
        pieces += [amount.text, often.text, condition.text, long.text]
        records.append(record)
    if records[-1].for_unit is None and w.chance(0.12):
        pieces.append(w.say(say.THEREAFTER))
    return spoken(*pieces), records


def _link(w: Writer, before: Record, after: Record) -> str:
    """Then; or reduce to, increase to, where the doses tell the direction."""
    plain = before.dose_to is None and after.dose_to is None
    if before.dose is not None and after.dose is not None and plain and w.chance(0.3):
        if after.dose < before.dose:
            return w.say(say.THEN_LESS)
        if after.dose > before.dose:
            return w.say(say.THEN_MORE)
    return w.say(say.THEN)


def now_then(w: Writer) -> Composed:
    """Two stat then one daily for 4 days."""
    w.tags.append("sequence")
    form = w.rng.choice(("tablet", "capsule", "tablet", "puff"))
    named = w.chance(0.6)
    first, second, often = dose(w, form, named), dose(w, form, named and w.chance(0.4)), frequency(w)
    long = duration(w, often.record) if not ends(often) and w.chance(0.6) else NOTHING
    head = first.record.merged(Record(times=1))
    tail = inherited(head, second.record.merged(often.record, long.record))
    chunks = [verb(w, form, 0.4), first.text, w.say(say.STAT), w.say(say.THEN), second.text, often.text, long.text]
    return spoken(*chunks), [head, tail]


def change_after(w: Writer) -> Composed:
    """One daily, increase to two daily after 1 week: the time belongs to the first part."""
    w.tags.append("sequence")
    form, named = w.rng.choice(("tablet", "capsule")), w.chance(0.6)
    before, after = w.rng.sample((1, 2, 3, 4), 2)
    concept, times = w.rng.choice(((say.DAILY, 1), (say.TWICE, 2)))
    often = w.say(concept)
    n, unit = w.rng.choice(((1, "week"), (2, "week"), (1, "month"), (3, "day"), (7, "day")))
    link = w.say(say.THEN_MORE if after > before else say.THEN_LESS)
    shared = Record(form=form if named else None, times=times, per="day")
    head = spoken(w.number(before), form_word(w, form, before) if named else "", often)
    tail = spoken(w.number(after), often, "after", w.number(n, roman=False), unit_word(w, unit, n))
    records = [shared.merged(Record(dose=before, for_=n, for_unit=unit)), shared.merged(Record(dose=after))]
    return spoken("take" if w.chance(0.4) else "", head, link, tail), records


def fragment(w: Writer) -> Composed:
    """Only one thing is said: a dose, a frequency, a duration, a form, or a condition."""
    form = pick_form(w)
    kind = w.rng.choice(("dose", "dose", "frequency", "frequency", "duration", "condition", "form"))
    if kind == "dose":
        said = dose(w, form, w.chance(0.8))
        return spoken(verb(w, form, 0.3), said.text), [said.record]
    if kind == "frequency":
        said = frequency(w)
        return spoken(verb(w, form, 0.4), said.text), [said.record]
    if kind == "duration":
        said = duration(w)
    elif kind == "condition":
        said = conditions(w, 0.6, 0.6)
    else:
        said = Said(form_word(w, form, w.rng.choice((1, 2))), Record(form=form))
    return said.text, [said.record]


def daily_maximum(w: Writer) -> Composed:
    """Up to 4 tablets daily: the dose of a day, from nothing to 4."""
    form, named = w.rng.choice(("tablet", "capsule", "puff", "sachet")), w.chance(0.65)
    high = w.rng.choice((2, 3, 4, 6, 8))
    amount = spoken(w.say(say.UP_TO, n=high), form_word(w, form, high) if named else "")
    often = w.rng.choice(("daily", "a day", "in 24 hours", "per day", "every day", "each day", "in 24hrs"))
    condition = conditions(w, 0.35, 0.05)
    record = Record(form=form if named else None, dose=0, dose_to=high, times=1, per="day").merged(condition.record)
    return spoken("take" if w.chance(0.3) else "", amount, often, condition.text), [record]


def unreadable(w: Writer) -> Composed:
    """Nothing can be read: a note instead of an instruction, letters without sense, torn text."""
    w.tags.append("unreadable")
    style = w.rng.choices(("note", "letters", "torn", "marks"), (45, 30, 15, 10))[0]
    if style == "note" or w.split == "test":  # letters without sense have no phrases, seen or unseen
        lead = w.rng.choice(("please", "pls", "as above -", "pt to", "dose:", "sig:", "nb")) if w.chance(0.3) else ""
        text = spoken(lead, w.say(words.UNREADABLE))
    elif style == "letters":
        count = w.rng.choice((1, 1, 1, 2, 3))
        lengths = [w.rng.randint(4, 9) for _ in range(count)]
        text = " ".join("".join(w.rng.choice("asdfghjklqwrtzxcvbnm") for _ in range(length)) for length in lengths)
    elif style == "torn":
        whole, _ = single(w)
        gap = w.rng.choice("_?.*#")
        text = (
            "".join(
                gap if letter.isdigit() or (letter.isalpha() and w.chance(0.75)) else letter for letter in whole[:40]
            )
            or "???"
        )
    else:
        text = "".join(w.rng.choice("?_#.*~ -") for _ in range(w.rng.randint(3, 12))).strip() or "??"
    return text, [Record(unreadable=True)]


# How often each kind is drawn (assumption: one dose at one frequency is what prescribers write most).
COMPOSERS: tuple[tuple[float, Callable[[Writer], Composed]], ...] = (
    (77, single),
    (2, form_first),
    (3, additive),
    (5, sequence),
    (0.7, now_then),
    (0.7, change_after),
    (7, fragment),
    (1.5, daily_maximum),
    (3, unreadable),
)
