"""English phrases: for each concept those of the training set, and those that only the test set uses.

Held-out phrases are such as prescribers write and whose meaning follows from English or Latin. None of them
occurs inside a training instruction (a test searches the generated set). "qd" is left out on purpose: four
times a day in one tradition, once a day in another.
"""

from __future__ import annotations

from helder.examples.dose_instructions.concepts import Concept

# fmt: off

# ---- frequency -------------------------------------------------------------------------------------------------

DAILY = Concept(
    "once a day",
    ("once a day", "od", "daily", "once daily", "every day", "one time a day", "each day", "once per day",
     "1/day", "o.d.", "everyday", "1x/day", "once every day", "every 24 hours", "once in 24 hours",
     "once dly", "1x a day", "every 24 hrs", "daily",
     "once in every 24 hours", "just once a day", "once in the day", "one time each day"),
    ("once each day", "once/day", "on a daily basis", "o/d", "one time daily"),
)
TWICE = Concept(
    "twice a day",
    ("bd", "bid", "twice daily", "twice a day", "b.i.d.", "b/d", "twice each day", "morning and evening",
     "morning and night", "mane and nocte", "every morning and evening", "twice/day",
     "in the morning and at night", "morning & night", "twice in a day", "bds", "mornings and evenings",
     "with breakfast and evening meal", "at breakfast and bedtime", "morning + night", "twice dly", "b.i.d",
     "two times in a day", "am & pm", "at breakfast and at tea",
     "two times each day"),
    ("b.d.", "twice per day", "am and pm", "night and morning", "twice every day", "breakfast and teatime"),
)
THRICE = Concept(
    "three times a day",
    ("tds", "tid", "t.i.d.", "thrice daily", "morning, noon and night", "with breakfast, lunch and dinner",
     "tid", "tds", "morning, afternoon and evening", "breakfast, lunch and tea", "3 times daily",
     "three times daily", "morning, midday and evening", "morning noon and night", "t.i.d", "three x daily",
     "three times in a day", "breakfast, lunch and supper", "morning, lunchtime and night",
     "thrice each day"),
    ("t.d.s.", "t.d.s", "thrice a day", "morning, lunchtime and bedtime"),
)
FOUR = Concept(
    "four times a day",
    ("qds", "qid", "q.i.d.", "qds", "4 times daily", "four times daily",
     "morning, noon, teatime and bedtime", "q.i.d", "morning, lunch, tea and bedtime", "four times a day",
     "morning, midday, afternoon and bedtime", "breakfast, lunch, dinner and bedtime",
     "four times in the day"),
    ("q.d.s.", "q.d.s", "breakfast, lunch, tea and bedtime"),
)
TIMES_A_DAY = Concept(
    "n times a day",
    ("{N} x a day", "{n} times a day", "{n} times daily", "{N}x/day", "{N} x day", "{n} times each day",
     "{n} times every day", "{n} times/day", "{N}x a day", "{N} times/d", "{n} times during the day",
     "{n} times dly",
     "{n} times in the day", "{N} x daily", "{n} separate times a day", "{n} times through the day",
     "{n} times, every day"),
    ("{n} times per day", "{N}x daily", "{n} times in 24 hours", "{N}x per day"),
)
MORNING = Concept(
    "in the morning",
    ("in the morning", "mane", "every morning", "each mane", "each morning", "om", "with breakfast",
     "before breakfast", "first thing in the morning", "qam", "in the mornings", "at breakfast",
     "in morning", "after breakfast", "each am", "every am", "morning",
     "when getting up", "on rising", "with the morning meal", "as soon as you get up",
     "before anything else in the morning"),
    ("o.m.", "in the am", "on waking", "when you wake up", "at breakfast time", "early morning"),
)
NIGHT = Concept(
    "at night",
    ("at night", "nocte", "every night", "each nocte", "on", "nightly", "at bedtime", "before bed",
     "in the evening", "each night", "every evening", "at night time", "qhs", "hs", "with evening meal",
     "in the evenings", "at bed time", "before going to bed", "at teatime", "last thing at night",
     "with tea", "every pm", "at dinner",
     "before sleep", "before sleeping", "prior to bed", "when you go to bed", "at the end of the day",
     "late evening", "in the night"),
    ("o.n.", "each evening", "on retiring", "when going to sleep", "in the pm", "at nighttime", "at nite"),
)
NOON = Concept(
    "at noon",
    ("at lunchtime", "at noon", "at midday", "with lunch", "before lunch", "in the afternoon",
     "every lunchtime", "after lunch",
     "at 12 noon", "in the middle of the day", "mid-day", "lunchtimes"),
    ("noontime", "around midday", "with midday meal"),
)
CLOCK = Concept(
    "a time of day",
    ("at {am}am", "{am}am", "{am} am", "at {pm}pm", "{pm} pm", "at {pm} pm", "every day at {am}am",
     "at 0{am}:00", "at {pm}.00pm", "each day at {pm}pm"),
    ("at {am} o'clock in the morning", "at {pm} o'clock", "around {pm}pm"),
)
CLOCKS = Concept(
    "two times of day",
    ("{am}am and {pm}pm", "at {am}am and {pm}pm", "{am} am and {pm} pm", "at {am} am & {pm} pm",
     "{am}am & {pm}pm", "at {am}am and at {pm}pm", "{am}am, {pm}pm", "{am} am / {pm} pm",
     "at 0{am}:00 and {late}:00", "{am}am + {pm}pm"),
    ("at {am} in the morning and {pm} in the evening", "at 0{am}00 and {late}00",
     "at {am}am then at {pm}pm each day"),
)
THREE_CLOCKS = Concept(
    "three times of day",
    ("{am}am, {mid}pm and {pm}pm", "at {am}am, {mid}pm, {pm}pm", "{am} am, {mid} pm and {pm} pm",
     "at {am}am and {mid}pm and {pm}pm", "{am}am / {mid}pm / {pm}pm"),
    ("at 0{am}00, 1400 and {late}00", "{am}am, noon and {pm}pm"),
)
MEALS = Concept(
    "with meals",
    ("with meals", "after meals", "before meals", "with each meal", "after every meal", "after each meal",
     "before each meal", "at meals", "with main meals", "during meals", "before every meal",
     "with your meals", "at each meal", "at every meal", "alongside meals", "prior to meals",
     "just before meals", "straight after meals"),
    ("at mealtimes", "at meal times", "with every meal", "following meals"),
)
AND_BEDTIME = Concept(
    "and at bedtime",
    ("and at bedtime", "and at night", "and before bed", "& at bedtime", "and nocte", "and at night time",
     "and bedtime", "& nocte", "plus at bedtime",
     "and again at bedtime", "and before sleep", "+ at night", "and when you go to bed"),
    ("and last thing", "and also at bedtime", "and on going to bed"),
)
EVERY_HOURS = Concept(
    "every n hours",
    ("every {n} hours", "every {N}hrs", "{n} hourly", "{N} hrly", "q{N}h", "every {N}h", "{N}-hourly",
     "every {n} hour", "every {N} hrs", "each {n} hours", "{N}hourly", "{N}hrly", "q{N}hrs", "every {N} hr",
     "at intervals of {n} hours", "leaving {n} hours between doses", "{n} hrs apart",
     "after every {n} hours"),
    ("at {n} hourly intervals", "once every {n} hours", "q {N} hours",
     "with {n} hours between doses"),
)
EVERY_HOURS_RANGE = Concept(
    "every n to m hours",
    ("every {N}-{M} hours", "every {n} to {m} hours", "{N}-{M} hourly", "every {N}-{M}hrs",
     "{n} to {m} hourly", "q{N}-{M}h", "every {N} - {M} hrs", "every {N} to {M} hrs", "{N}-{M} hrly",
     "every {n} or {m} hours", "{N}-{M}hrly",
     "at intervals of {N}-{M} hours", "leaving {N} to {M} hours between doses", "{N}/{M} hourly"),
    ("once every {N}-{M} hours", "every {N}/{M} hours", "at {N}-{M} hourly intervals"),
)
HOURLY = Concept(
    "every hour",
    ("every hour", "hourly", "each hour", "qh", "every hr", "every 1 hour"),
    ("once an hour", "once every hour"),
)
EVERY_DAYS = Concept(
    "every n days",
    ("every {n} days", "every {ordinal} day", "every {N} days", "each {n} days", "every {N}d",
     "once in {n} days", "every {N} dys",
     "at intervals of {n} days", "each {ordinal} day"),
    ("once every {n} days", "q{N}d", "at {n} day intervals"),
)
EVERY_DAYS_RANGE = Concept(
    "every n to m days",
    ("every {N}-{M} days", "every {n} to {m} days", "every {N} - {M} days", "every {n} or {m} days"),
    ("once every {N}-{M} days",),
)
ALTERNATE_DAYS = Concept(
    "alternate days",
    ("alternate days", "every other day", "on alternate days", "every second day", "eod", "alt days",
     "every 2 days", "each alternate day", "qod", "every two days", "every 48 hours", "alternate day",
     "on alt days", "every 2nd day",
     "once in two days", "one day in two", "on every second day", "one day yes one day no"),
    ("every alternate day", "on alternating days", "alt. days", "one day on one day off"),
)
WEEKLY = Concept(
    "once a week",
    ("once a week", "weekly", "every week", "once weekly", "each week", "1/week", "every 7 days",
     "once every week", "1x/week", "once a wk", "on the same day each week", "once in a week",
     "one day a week", "once in the week", "at weekly intervals", "same day every week"),
    ("once per week", "once each week", "one time a week", "on a weekly basis"),
)
WEEKDAY = Concept(
    "on one day of the week",
    ("on {day}s", "every {day}", "weekly on {day}s", "once a week on {day}", "weekly on {day}", "on {day}",
     "each week on {day}", "{day}s only", "every week on {day}s", "once weekly on {day}s",
     "once on {day}", "{day} only", "each and every {day}", "{day} evenings"),
    ("each {day}", "on a {day}", "{day} mornings", "every week on a {day}"),
)
TIMES_A_WEEK = Concept(
    "n times a week",
    ("{n} times a week", "{n} times weekly", "{N}x/week", "{n} times each week", "{N} x week",
     "{n} times/week", "{n} times every week", "{N}x a week", "{n} times a wk",
     "{n} times in the week", "on {n} days of the week", "{n} days each week", "{n} days every week",
     "{n} times in a week"),
    ("{n} times per week", "{n} days a week", "{N}x weekly"),
)
TWICE_A_WEEK = Concept(
    "twice a week",
    ("twice a week", "twice weekly", "on {day}s and {other}s", "{day} and {other}", "twice every week",
     "2x/week", "twice a wk", "every {day} and {other}", "2 x weekly", "{day} & {other}",
     "two times a week", "on two days of the week", "{day} plus {other}", "two days every week"),
    ("twice per week", "each {day} and {other}", "two days a week"),
)
THREE_DAYS_A_WEEK = Concept(
    "three days of the week",
    ("mon, wed and fri", "monday, wednesday and friday", "on mondays, wednesdays and fridays", "mon/wed/fri",
     "tues, thurs and sat", "tiw", "on mon, wed, fri", "thrice weekly",
     "on three days of the week", "three days every week", "mon + wed + fri"),
    ("three days a week", "mon wed fri only", "mwf"),
)
FORTNIGHTLY = Concept(
    "every two weeks",
    ("every 2 weeks", "fortnightly", "every other week", "2-weekly", "every fortnight", "alternate weeks",
     "once a fortnight", "every two weeks", "every 14 days", "on alternate weeks", "every second week",
     "every 2 wks",
     "once in two weeks", "one week in two", "at fortnightly intervals"),
    ("each fortnight", "per fortnight", "every alternate week", "once every two weeks"),
)
EVERY_WEEKS = Concept(
    "every n weeks",
    ("every {n} weeks", "{n}-weekly", "every {N} wks", "every {ordinal} week", "every {N}/52",
     "each {n} weeks",
     "at intervals of {n} weeks", "once in {n} weeks"),
    ("once every {n} weeks", "at {n} week intervals", "q{N}w"),
)
MONTHLY = Concept(
    "once a month",
    ("monthly", "once a month", "4-weekly", "every month", "every 4 weeks", "each month", "once monthly",
     "every four weeks", "once every month",
     "at monthly intervals", "once in a month", "one time a month"),
    ("once per month", "on a monthly basis", "each calendar month"),
)
EVERY_MONTHS = Concept(
    "every n months",
    ("every {n} months", "{n}-monthly", "every {N}/12", "every {N} mths", "each {n} months",
     "at intervals of {n} months", "once in {n} months"),
    ("once every {n} months", "at {n} month intervals"),
)
YEARLY = Concept(
    "once a year",
    ("once a year", "yearly", "annually", "every year", "once yearly", "each year"),
    ("once per year", "on a yearly basis"),
)
TIMES_EVERY = Concept(
    "n times every k units",
    ("{times} every {k} {units}", "{times} in {k} {units}", "{times} per {k} {units}",
     "{times} each {k} {units}"),
    ("{times} within {k} {units}",),
)
TIMES_RANGE = Concept(
    "n to m times a day",
    ("{N}-{M} times a day", "{n} to {m} times a day", "{n} or {m} times a day", "{N} - {M} times daily",
     "{n} to {m} times daily", "{N}-{M} times daily", "{N}-{M}x/day", "{n} or {m} times daily",
     "{N}-{M} times each day",
     "{n} or even {m} times a day", "{N} or {M}x a day", "{N}-{M} times in the day"),
    ("{N}-{M} times per day", "between {n} and {m} times a day", "{N}-{M}x daily"),
)
TIMES_RANGE_WEEK = Concept(
    "n to m times a week",
    ("{N}-{M} times a week", "{n} to {m} times a week", "{n} or {m} times a week", "{n} to {m} times weekly",
     "{N} - {M} times weekly"),
    ("{N}-{M} times per week", "between {n} and {m} times a week"),
)
ONCE_OR_TWICE = Concept(
    "once or twice a day",
    ("once or twice a day", "once or twice daily", "od-bd", "1-2 times a day", "od or bd", "od/bd",
     "od to bd", "once/twice a day", "one or two times a day", "1-2 times daily"),
    ("once or twice per day", "once to twice daily", "once or even twice a day"),
)
TWO_OR_THREE = Concept(
    "two or three times a day",
    ("bd-tds", "bd to tds", "bd or tds", "bid-tid", "two or three times a day", "2-3 times a day",
     "bd - tds", "twice to three times a day", "two to three times daily"),
    ("bd/tds", "bid/tid", "b.d. to t.d.s."),
)
THREE_OR_FOUR = Concept(
    "three or four times a day",
    ("tds-qds", "tds to qds", "tds or qds", "tid-qid", "three or four times a day", "3-4 times a day",
     "tds - qds", "three to four times daily"),
    ("tds/qds", "tid/qid"),
)
UP_TO_TIMES = Concept(
    "up to n times a day",
    ("up to {n} times a day", "max {n} times a day", "maximum {n} times a day",
     "no more than {n} times a day", "up to {n} times daily", "max {N}x/day",
     "not more than {n} times a day", "upto {n} times a day", "a maximum of {n} times a day",
     "up to {N}x a day", "max. {n} times daily", "up to a maximum of {n} times daily",
     "{n} times a day max", "{n} times a day maximum", "never more than {n} times a day",
     "at the very most {n} times a day", "do not exceed {n} times a day"),
    ("at most {n} times a day", "not exceeding {n} times daily", "up to {n} times per day",
     "{n} times a day at most", "limit to {n} times a day"),
)
UP_TO_TIMES_WEEK = Concept(
    "up to n times a week",
    ("up to {n} times a week", "max {n} times a week", "no more than {n} times a week",
     "maximum {n} times weekly",
     "never more than {n} times a week", "{n} times a week max", "at the very most {n} times a week"),
    ("at most {n} times a week", "up to {n} times per week"),
)
UP_TO_LATIN = Concept(
    "up to bd, tds, qds",
    ("up to {latin}", "max {latin}", "upto {latin}", "maximum {latin}", "no more than {latin}",
     "{latin} max", "{latin} maximum", "never more than {latin}"),
    ("not exceeding {latin}", "{latin} at the most"),
)
STAT = Concept(
    "once, now",
    ("stat", "immediately", "now", "straight away", "as a single dose", "as one dose", "single dose",
     "once only", "at once", "as a stat dose",
     "one dose only", "one single dose", "one time only", "just the once", "without delay"),
    ("right away", "as a one off", "one-off dose", "straightaway"),
)
# After a dose: "2 a day", "1 tablet per week".
PER: dict[str, Concept] = {
    "day": Concept(
        "a day",
        ("a day", "per day", "/day", "a day", "each day", "daily"),
        ("every single day",),
    ),
    "week": Concept("a week", ("a week", "per week", "/week", "weekly"), ("every single week",)),
    "month": Concept("a month", ("a month", "per month", "monthly"), ()),
    "hour": Concept("an hour", ("an hour", "per hour"), ()),
}
TIMES_ALONE = Concept("n times", ("{n} times",), ())

# ---- as required, as directed ----------------------------------------------------------------------------------

AS_REQUIRED = Concept(
    "as required",
    ("prn", "as required", "when required", "as needed", "if required", "when needed", "if needed", "p.r.n.",
     "as reqd", "when req", "as necessary", "when necessary", "if necessary", "as req", "only when needed",
     "as required for pain", "if needed for sleep", "when required for pain", "when reqd", "as req'd",
     "prn only", "if and when needed",
     "only as needed", "if it is needed", "whenever needed", "whenever required", "when you need to",
     "if you need to", "should you need it", "in case of need", "only if necessary", "only if required",
     "where needed", "where required", "sos"),
    ("as and when required", "on demand", "only if needed", "where necessary", "if you need it",
     "pro re nata"),
)
AS_DIRECTED = Concept(
    "as directed",
    ("as directed", "ud", "mdu", "as dir", "use as directed", "as directed by doctor", "as advised",
     "as instructed", "as directed by gp", "as dir.", "uad", "as directed by your doctor",
     "as per instructions", "as prescribed", "as directed by the hospital", "as directed by nurse",
     "as advised by gp",
     "as told", "as told by your doctor", "as indicated", "as ordered", "following instructions",
     "as discussed", "as agreed", "as stated", "as per doctor", "as described", "as the doctor says",
     "as set out", "in line with instructions"),
    ("m.d.u.", "as explained", "according to instructions", "as recommended", "ut dict",
     "as shown by the nurse"),
)

# ---- duration --------------------------------------------------------------------------------------------------

UNITS: dict[str, Concept] = {
    "hour": Concept("hours", ("hour|hours", "hr|hrs", "hours|hours"), ()),
    "day": Concept("days", ("day|days", "day|days", "days|days", "d|d"), ()),
    "week": Concept("weeks", ("week|weeks", "week|weeks", "wk|wks", "weeks|weeks"), ()),
    "month": Concept("months", ("month|months", "month|months", "mth|mths", "months|months"), ()),
    "year": Concept("years", ("year|years", "yr|yrs"), ()),
}
FOR = Concept(
    "for n units",
    ("for {n} {units}", "for {n} {units}", "for {n} {units}", "x {N} {units}", "for the next {n} {units}",
     "{n} {units} course", "for a total of {n} {units}", "over {n} {units}", "x{N} {units}", "({N} {units})",
     "for {n} {units} only", "{n} {units}", "for {n} more {units}",
     "for {n} {units} in total", "for another {n} {units}", "during {n} {units}", "{n} {units} in all",
     "{n} {units} of treatment", "continue for {n} {units}", "keep going for {n} {units}",
     "carry on for {n} {units}", "for a further {n} {units}", "treat for {n} {units}",
     "length of treatment {n} {units}", "until {n} {units} are up"),
    ("for a period of {n} {units}", "lasting {n} {units}", "course of {n} {units}", "duration {n} {units}",
     "to be continued for {n} {units}"),
)
FOR_SHORT: dict[str, Concept] = {
    "day": Concept(
        "n/7",
        ("x {N}/7", "for {N}/7", "{N}/7", "x{N}/7", "for {N} /7"),
        ("course: {N}/7", "over {N}/7"),
    ),
    "week": Concept(
        "n/52",
        ("x {N}/52", "for {N}/52", "{N}/52", "x{N}/52"),
        ("course: {N}/52", "over {N}/52"),
    ),
    "month": Concept(
        "n/12",
        ("x {N}/12", "for {N}/12", "{N}/12", "x{N}/12"),
        ("course: {N}/12", "over {N}/12"),
    ),
}
FOR_ONE = Concept(
    "for a unit",
    ("for a {units}", "for one {units}", "for the next {units}", "for a {units}", "for {units}",
     "for 1 {units}", "for one whole {units}",
     "for the whole {units}", "for an entire {units}", "during one {units}",
     "for the coming {units}"),
    ("for a full {units}", "for a single {units}"),
)
FOR_FORTNIGHT = Concept(
    "for a fortnight",
    ("for a fortnight", "for the next fortnight", "for one fortnight"),
    ("for a full fortnight",),
)
FOR_UP_TO = Concept(
    "for up to n units",
    ("for up to {n} {units}", "up to {n} {units}", "for a maximum of {n} {units}", "for max {n} {units}",
     "for no more than {n} {units}", "max {n} {units}", "for not more than {n} {units}",
     "for upto {n} {units}",
     "{n} {units} max", "{n} {units} maximum", "for {n} {units} max", "for {n} {units} maximum",
     "at the very most {n} {units}", "no longer than {n} {units}", "for no longer than {n} {units}",
     "never longer than {n} {units}", "for {n} {units} or less"),
    ("for at most {n} {units}", "not longer than {n} {units}", "for {n} {units} at most"),
)
FOR_UP_TO_ONE = Concept(
    "for up to a unit",
    ("for up to a {units}", "for a maximum of a {units}", "for up to one {units}",
     "for no more than a {units}",
     "for one {units} max", "no longer than a {units}", "never longer than one {units}",
     "a {units} at the very most"),
    ("for at most a {units}", "not longer than a {units}"),
)
FOR_RANGE = Concept(
    "for n to m units",
    ("for {N}-{M} {units}", "for {n} to {m} {units}", "for {n} or {m} {units}", "for {N} - {M} {units}",
     "x {N}-{M} {units}", "for {N} to {M} {units}", "{n} to {m} {units} course",
     "during {N}-{M} {units}", "{N}-{M} {units} course", "{N}-{M} {units} in all"),
    ("for between {n} and {m} {units}", "lasting {N}-{M} {units}"),
)

# ---- sequences -------------------------------------------------------------------------------------------------

THEN = Concept(
    "then",
    ("then", "then", "followed by", "and then", "after that", ", then", "then take", "thereafter",
     "then continue", "subsequently", "; then", ". then", "then use", "then continue with",
     "then go on to", "then go to", "next", "and subsequently", "after which", "then move to",
     "then start", "moving on to"),
    ("afterwards", "and from then on", "and next", "then change to", "switching to"),
)
THEN_LESS = Concept(
    "then reduce to",
    ("then reduce to", "reducing to", "reduce to", "then reduce down to", "decreasing to",
     "then decrease to", "reduced to", "then down to", "tapering to", "and reduce to",
     "then cut to", "then drop to", "then come down to", "going down to", "lowering to", "lowered to",
     "then wean to", "then step down to"),
    ("dropping to", "cutting down to", "then lower to", "stepping down to"),
)
THEN_MORE = Concept(
    "then increase to",
    ("then increase to", "increasing to", "increase to", "then increase up to", "increased to", "then up to",
     "titrating to", "and increase to",
     "then go up to", "then step up to", "then build up to", "raising to", "raised to", "working up to"),
    ("going up to", "then raise to", "stepping up to", "building up to"),
)
THEREAFTER = Concept(
    "thereafter, at the end",
    ("thereafter", "after that", "ongoing"),
    ("from then on",),
    neutral=True,
)
ADDITION = Concept(
    "and, within one day",
    ("and", "and", "+", "&", ",", "plus", "and take", ";",
     "together with", "in addition to"),
    ("along with", "as well as", "and also"),
)

# ---- dose ------------------------------------------------------------------------------------------------------

RANGE = Concept(
    "from n to m",
    ("{N}-{M}", "{n} to {m}", "{n} or {m}", "{N} - {M}", "{n}-{m}", "{N} to {M}", "{N} or {M}",
     "{n} up to {m}", "{n} or even {m}"),
    ("between {n} and {m}", "from {n} to {m}", "{N} – {M}"),
)
UP_TO = Concept(
    "up to n",
    ("up to {n}", "max {n}", "maximum {n}", "maximum of {n}", "no more than {n}", "not more than {n}",
     "upto {n}", "a maximum of {n}", "max. {n}",
     "as many as {n}", "never more than {n}", "to a maximum of {n}", "at the very most {n}",
     "do not exceed {n}"),
    ("at most {n}", "not exceeding {n}", "a limit of {n}"),
)
HALF = Concept(
    "half",
    ("half", "1/2", "½", "0.5", "half a", "a half", "one half", "one-half", "half of a", ".5",
     "0.5 of a", "½ a", "half of the", "one-half of a"),
    ("half of one", "one half of a", "a 1/2"),
)
QUARTER = Concept(
    "a quarter",
    ("a quarter", "1/4", "¼", "0.25", "quarter", "quarter of a",
     "1/4 of a", "¼ of a", "a quarter of a"),
    ("one quarter of a", "one fourth"),
)
THIRD = Concept("a third", ("1/3", "one third", "a third"), ("one third of a",))
ONE_AND_A_HALF = Concept(
    "one and a half",
    ("one and a half", "1.5", "1½", "1 1/2", "1 and a half", "one and half", "1 and 1/2",
     "1 & 1/2", "1 + 1/2", "one and 1/2", "one + a half", "one-and-a-half"),
    ("one & a half", "one plus a half"),
)
TWO_AND_A_HALF = Concept(
    "two and a half",
    ("two and a half", "2.5", "2½", "2 1/2", "2 and a half", "2 and 1/2",
     "2 & 1/2", "2 + 1/2", "two and 1/2", "two + a half"),
    ("two & a half", "two plus a half"),
)
ONE = Concept("a or an", ("a",
     "a single", "one single"), ("just one", "only one"))
# The count is put before these: "two" + "5ml spoonfuls", "2" + "x5ml".
SPOONFULS = Concept(
    "n 5 ml spoonfuls",
    ("5ml spoonful|5ml spoonfuls", "5 ml spoonful|5 ml spoonfuls", "x5ml spoon|x5ml spoons",
     "x 5ml spoonful|x 5ml spoonfuls", "x 5 ml|x 5 ml", "x5ml|x5ml", "5ml spoon|5ml spoons", "5ml sp|5ml sp",
     "5ml spnful|5ml spnfuls", "5ml spoonful(s)|5ml spoonful(s)", "5ml measure|5ml measures",
     "5ml dose|5ml doses", "x 5ml|x 5ml", "x5ml spoonful|x5ml spoonfuls",
     "spoon of 5ml|spoons of 5ml", "spoonful of 5ml|spoonfuls of 5ml",
     "level 5ml spoonful|level 5ml spoonfuls", "measure of 5ml|measures of 5ml"),
    ("5-ml spoonful|5-ml spoonfuls", "spoonful (5ml)|spoonfuls (5ml each)", "lot of 5ml|lots of 5ml",
     "5 ml medicine spoon|5 ml medicine spoons"),
)
OTHER_SPOONFULS = Concept(
    "n x ml spoonfuls",
    ("{size}ml spoonful|{size}ml spoonfuls", "x {size}ml|x {size}ml", "x{size}ml|x{size}ml",
     "x {size} ml|x {size} ml", "{size} ml spoonful|{size} ml spoonfuls", "{size}ml dose|{size}ml doses",
     "spoonful of {size}ml|spoonfuls of {size}ml", "measure of {size}ml|measures of {size}ml"),
    ("lot of {size}ml|lots of {size}ml", "{size}-ml spoonful|{size}-ml spoonfuls"),
)
MAXIMUM = Concept(
    "a maximum beside the dose",
    ("max {N} in 24 hours", "maximum {n} in 24 hours", "max {N}/day", "no more than {n} in 24 hours",
     "max {N} in 24h", "do not exceed {n} in 24 hours", "max {n} a day", "max {N} in 24hrs",
     "up to {n} in 24 hours", "(max {N} in 24 hrs)", "maximum of {n} in any 24 hours",
     "max {N} per 24 hours", "maximum {n} a day", "max {n} daily",
     "not more than {n} in any day", "limit {n} in 24 hours", "{n} in 24 hours at the very most"),
    ("not to exceed {n} in 24 hours", "{N} in 24 hours max", "daily limit {n}",
     "never more than {n} in a day"),
)
