"""Edits of a text: what stands where afterwards, and where it came from."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from helder.data.clean.edits import Edit, applied, followed, joined
from helder.data.extract.places import place

LETTERS = st.text(st.sampled_from("abcé日 \n"), min_size=1, max_size=60)


@given(LETTERS, st.data())
def test_a_byte_that_was_told_exactly_is_told_exactly_and_never_wrongly(text: str, data: st.DataObject) -> None:
    bounds = [len(text[:place].encode("utf-8")) for place in range(len(text) + 1)]
    starts = sorted(data.draw(st.sets(st.sampled_from(bounds[:-1]), max_size=4)) | {0})
    shifts = data.draw(st.lists(st.integers(0, 3), min_size=len(starts), max_size=len(starts)))
    offsets = [[start, 100 + start + sum(shifts[: n + 1])] for n, start in enumerate(starts)]
    marks = sorted(data.draw(st.lists(st.sampled_from(bounds), max_size=6)))
    edits = [
        Edit(start, end, data.draw(st.sampled_from(["", "[X]", "[ROOM]"])))
        for start, end in zip(marks[::2], marks[1::2], strict=False)
        if start < end
    ]
    made, moved = applied(text, edits).encode("utf-8"), followed(offsets, edits)
    assert [start for start, _ in moved] == sorted(start for start, _ in moved)
    content, shift, at = text.encode("utf-8"), 0, 0
    for edit in [*edits, Edit(len(content), len(content))]:
        for byte in range(at, edit.start):  # what stays between two edits
            assert made[byte + shift] == content[byte]
            before, after = place(offsets, byte), place(moved, byte + shift)
            if before["exact"]:
                assert after == before
            else:  # no exact byte is made up
                assert not after["exact"] or "place" in after
        shift += len(edit.instead) - (edit.end - edit.start)
        at = edit.end


def test_a_page_goes_on_behind_what_was_taken_out() -> None:
    offsets = [[0, "page 1"], [10, "page 2"], [20, "page 3"]]
    moved = followed(offsets, [Edit(5, 15)])
    told = [place(moved, byte)["place"] for byte in (0, 4, 5, 9, 10)]
    assert told == ["page 1", "page 1", "page 2", "page 2", "page 3"]


def test_a_placeholder_inside_what_is_taken_out_goes_with_it() -> None:
    cuts, hidden = [Edit(10, 20)], [Edit(10, 12, "[A]"), Edit(14, 20, "[B]"), Edit(18, 25, "[C]"), Edit(30, 32, "[D]")]
    assert joined(cuts, hidden) == [Edit(10, 25, "[C]"), Edit(30, 32, "[D]")]
