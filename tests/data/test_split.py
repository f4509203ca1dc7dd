"""Duplicates and leaks go out by name, and held-out items are a function of their input."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helder.data.items import Item, input_key, item_id
from helder.data.split import Ledger, choose, contradictions, drop_duplicates, drop_leaks, give_unique_ids, hold_out
from helder.errors import HelderError

WORDS = st.text("ab ", min_size=1, max_size=4).filter(str.strip)


def item(text: str, output: str = "x", line: int = 1, id: str | None = None) -> Item:
    return Item(id or item_id(text, output), text, output, output, input_key(text), "file", line)


def items_of(pairs: list[tuple[str, str]]) -> list[Item]:
    return [item(text, output, line) for line, (text, output) in enumerate(pairs, start=1)]


PAIRS = st.lists(st.tuples(WORDS, st.sampled_from("xyz")), min_size=1, max_size=40)


def test_inputs_count_as_the_same_without_case_spaces_and_unicode_form() -> None:
    assert input_key(" Caf\u0065\u0301  ÉÉN\n") == input_key("café één")


@given(PAIRS)
def test_what_is_dropped_and_what_stays_add_up(pairs: list[tuple[str, str]]) -> None:
    items = items_of(pairs)
    ledger = Ledger(read=len(items))
    kept = drop_duplicates(items, ledger)
    assert len(kept) + len(ledger.duplicates) == len(items)
    assert len({(one.input, one.encoded) for one in kept}) == len(kept) == len(set(pairs))
    again = Ledger()
    assert drop_duplicates(kept, again) == kept and not again.duplicates


@given(PAIRS, PAIRS)
def test_after_leaks_are_dropped_no_input_is_shared(left: list[tuple[str, str]], right: list[tuple[str, str]]) -> None:
    train, test = items_of(left), items_of(right)
    ledger = Ledger()
    kept = drop_leaks(train, [("test", test)], ledger)
    assert not {one.key for one in kept} & {one.key for one in test}
    assert len(kept) + len(ledger.leaked) == len(train)


@given(PAIRS, st.floats(0.01, 0.99), st.integers(0, 3), st.booleans())
def test_both_sides_of_a_split_have_items_and_share_no_input(
    pairs: list[tuple[str, str]], share: float, seed: int, keep_labels: bool
) -> None:
    items = items_of(pairs)
    if len({one.key for one in items}) < 2:
        with pytest.raises(HelderError, match="nothing to hold out"):
            hold_out(items, share, "test", seed, keep_labels)
        return
    kept, held = hold_out(items, share, "test", seed, keep_labels)
    assert kept
    assert held or keep_labels
    assert sorted(one.line for one in kept + held) == [one.line for one in items]
    assert not {one.key for one in kept} & {one.key for one in held}
    if keep_labels:
        assert {one.encoded for one in kept} == {one.encoded for one in items}


@given(PAIRS, st.floats(0.1, 0.9))
def test_an_added_example_moves_no_other_one_across(pairs: list[tuple[str, str]], share: float) -> None:
    items = items_of(pairs)
    more = [*items, item("an added one", line=999)]
    if len({one.key for one in items}) < 10:
        return
    before, after = hold_out(items, share, "test", 0, False)[1], hold_out(more, share, "test", 0, False)[1]
    if 1 < len({one.key for one in before}) < len({one.key for one in items}) - 1:
        assert [one.line for one in before] == [one.line for one in after if one.line != 999]


def test_two_splits_of_the_same_items_are_independent() -> None:
    items = items_of([(f"text {n}", "x") for n in range(400)])
    first = {one.key for one in hold_out(items, 0.5, "test", 0, False)[1]}
    second = {one.key for one in hold_out(items, 0.5, "dev", 0, False)[1]}
    assert 60 < len(first & second) < 140


@given(PAIRS, st.integers(1, 50), st.integers(0, 3))
def test_a_choice_has_its_size_and_keeps_the_order(pairs: list[tuple[str, str]], count: int, seed: int) -> None:
    chosen = choose(items_of(pairs), count, seed)
    assert len(chosen) == min(count, len(pairs))
    assert [one.line for one in chosen] == sorted(one.line for one in chosen)


def test_contradictions_name_every_place() -> None:
    found = contradictions(items_of([("a", "x"), ("b", "x"), ("A", "y"), ("b", "x")]))
    assert [[answer["at"] for answer in one["outputs"]] for one in found] == [["file, line 1", "file, line 3"]]


def test_counts_that_do_not_add_up_are_our_defect() -> None:
    with pytest.raises(AssertionError, match="do not add up"):
        Ledger(read=3, kept=2).to_json()


def test_a_given_id_may_not_stand_for_two_examples() -> None:
    with pytest.raises(HelderError, match="'7' stands there already"):
        give_unique_ids({"train": [item("a", id="7"), item("b", line=2, id="7")]})
    assert len(give_unique_ids({"train": [item("a", id="7")], "test": [item("b", id="7")]})) == 2
