"""The scoring stage: every prediction file beside the right answers → one `scores.json` that the report prints.

It knows nothing of models: it reads the data artifact and the prediction artifacts (`predict.py`, `baselines.py`)
and compares. It does not protect against a test set that does not look like the work to come.

`scores.json` (schema; a *share* is `{"right": int, "n": int, "value": float, "low": float, "high": float}`: a
proportion with its interval at `confidence`; `value`, `low`, `high` lie in 0..1 and are null when n is 0):

    format         1
    confidence     0.95
    margin         0.02        the x of "not worse by more than x", in 0..1
    task           {kind, name, purpose, many, harm: [field], labels: int, fields: [field]}
    measures       {measure: sentence that says how it is counted}; measure is one of
                   "whole"   record: every scored field of every record right; label: the label; text: exact match
                   "fields"  record tasks: scored fields right over scored fields, missing and extra records wrong
                   "stated"  record tasks: the same over those fields in which the expected or the given record
                             says something (differs from the default), so that empty fields earn nothing
                   "text"    text tasks: character F (chrF, n-grams 1-6, beta 2), mean over the items
                   "group:<name>"  label tasks: accuracy on a grouping of the labels, e.g. "group:chapter"
    main_measure   "whole"
    subjects       [{name, role, title, note}] in printing order. name: weights | f16 | q8_0 | q4_0 | base | nearest |
                   linear | linear-all | trivial; role: "model" (ours: weights and files) | "base" | "baseline"
    test_sets      [{name, n, partial: bool (some items name the fields they define), tags: {tag: n}}]
    results        [{subject, test_set, n, of: int (items in the set), subset: null | "first 100",
                     whole: share, fields: share|null, stated: share|null,
                     by_field: {field: share},                        record tasks; else {}
                     record_count: {right: int, n: int, missing: int, extra: int} | null   (lists of records only)
                     macro_f1: float|null,                            label tasks
                     text: {value, low, high, n} | null,              text tasks
                     groups: {name: {accuracy: share, macro_f1: float}},
                     by_tag: {tag: {n, whole: share, fields: share|null, stated: share|null}},
                     invalid: int      answers that are not of the task's form (counted as wrong),
                     constrained: bool whether decoding was held to the task's form,
                     examples_in_prompt: int, trained_on: int|null    (what the baseline saw)}]
    comparisons    [{why: "baseline" | "base" | "compression" | "subset", a, b, test_set, measure, n,
                     a_value, b_value, difference (a - b), low, high, p_value|null (exact McNemar, for right/wrong measures),
                     only_a, only_b: int (items that only one has right), margin,
                     verdict: "better" | "worse" | "not worse by more than x" | "not shown", sentence}]
                   a is always the subject that the sentence is about; "compression": a = the file, b = what it came from
    compression    [{subject, test_set, measure, points_lost: float (percentage points, positive = lost), low, high}]
    harm           {fields: [field], subjects: [name], counts: [{subject, test_set, items, wrong_items, values, wrong_values}],
                    items: [{subject, test_set, id, input, record: int (0-based place in the list), field,
                             expected, got, kind: "wrong" | "missed" | "invented" | "no record" | "extra record" |
                             "no answer"}]}   every one, none left out; {} of lists when the task names no harm
    examples       {subject, test_set, right: [item], wrong: [item]}; item = {id, input, expected, got|null, error|null, raw}
    recommendation {use: subject|null, verdict: "model" | "baseline" | "not shown", text: one paragraph for people,
                    accuracy: share|null}
    warnings       [sentence]

Numbers are rounded to 6 places. Nothing in the file depends on a clock, on a hash seed or on the order of the inputs.
"""

from __future__ import annotations
