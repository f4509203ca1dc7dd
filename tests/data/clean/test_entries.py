"""What is known of each document, in columns: the same as of objects, in the same order."""

from __future__ import annotations

import hashlib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from helder.data.clean.entries import Entries, Known, Texts
from helder.data.clean.pick import preferred

TEXT = st.text(st.sampled_from("ab\0é\ud800\uffff\U0001f600"), max_size=18)
ROW = st.fixed_dictionaries(
    {"id": TEXT, "path": st.sampled_from(["", "a", "a\0", "b/é"]), "row": TEXT, "date": TEXT, "size": st.integers(0, 3)}
)


def entries_of(rows: list[dict[str, Any]]) -> Entries:
    entries = Entries()
    for at, row in enumerate(rows):
        entries.add(at=at, **row)
    return entries


@given(texts=st.lists(TEXT))
def test_texts_come_back_as_they_went_in(texts: list[str]) -> None:
    made = Texts()
    for text in texts:
        made.append(text)
    assert [made[number] for number in range(len(made))] == texts


@given(rows=st.lists(ROW, max_size=30), repeated=st.lists(ROW, max_size=2), data=st.data())
def test_both_orders_are_those_of_python(
    rows: list[dict[str, Any]], repeated: list[dict[str, Any]], data: st.DataObject
) -> None:
    entries = entries_of(data.draw(st.permutations(rows + repeated * 4)))
    numbers = data.draw(st.permutations(range(len(entries))))
    some = entries[:]
    some.numbers = entries.numbers[list(numbers)]
    by_names = sorted(entries, key=lambda entry: (entry.id, entry.path, entry.row, entry.at))
    assert list(some.sorted()) == by_names
    assert list(some.by_preference()) == sorted(entries, key=preferred)


def test_an_entry_keeps_what_is_said_of_it_and_others_keep_theirs() -> None:
    entries = entries_of([{"id": name, "path": "t", "held": "marked" if name == "b" else ""} for name in "abc"])
    one = entries[1]
    one.state, one.why, one.of, one.similarity = "near-duplicate", "marked", entries[2], 0.9
    one.findings, one.repeated = {"iban": 2, "e-mail": 1}, {"passages": 1}
    assert entries[1].to_json() == {
        "id": "b", "path": "t", "state": "near-duplicate", "why": "marked", "of": {"id": "c", "path": "t"},
        "similarity": 0.9, "personal_data": {"iban": 2, "e-mail": 1}, "repeated": {"passages": 1},
    }  # fmt: skip
    assert list(entries[1].findings) == ["iban", "e-mail"]
    assert [entry.to_json() for entry in (entries[0], entries[2])] == [
        {"id": name, "path": "t", "state": "kept"} for name in "ac"
    ]
    assert (entries.held().tolist(), entries[1].held) == ([1], "marked")
    assert list(entries.in_state("kept", "held")) == [entries[0], entries[2]]
    assert (entries.counts()["kept"], entries.counts()["near-duplicate"]) == (2, 1)


def test_digests_keep_their_numbers_while_the_table_grows_and_where_they_want_the_same_place() -> None:
    digests = [hashlib.sha256(bytes([n % 251, n // 251])).digest()[:16] for n in range(3000)]
    digests += [bytes(8) + n.to_bytes(8, "little") for n in range(200)]
    known = Known()
    assert [known.number(digest) for digest in digests] == list(range(3200))
    assert [known.number(digest) for digest in reversed(digests)] == list(reversed(range(3200)))
    assert len(known) == 3200
