"""From a byte of a text back to the file: the place that is told holds the character that was asked for."""

from __future__ import annotations

import os
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from helder.data.extract import places, plain
from helder.data.extract.form import Document, Extracted, Limits
from helder.data.extract.source import Source
from helder.trace.sources import Document as Traced

LINES = st.lists(
    st.text(st.sampled_from("abc é€ —Ω日"), max_size=30).map(str.strip).filter(bool), min_size=1, max_size=40
)


def document(content: bytes, markdown: bool = False) -> Document:
    descriptor = os.memfd_create("text")
    try:
        os.write(descriptor, content)
        reader = plain.markdown if markdown else plain.text
        (made,) = reader(Source(descriptor, "a", len(content)), Extracted(), Limits())
    finally:
        os.close(descriptor)
    return made


def told(made: Document, byte: int) -> tuple[bool, int]:
    """(whether the place is exact, the byte of the file)."""
    said = places.locate(made.offsets, byte)
    return said.startswith("byte"), int(re.sub(r"\D", "", said))


@settings(max_examples=60, deadline=None)
@given(LINES, st.sampled_from(["\n", "\r\n"]), st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
def test_an_exact_place_holds_the_character_and_another_comes_before_it(
    lines: list[str], end: str, encoding: str
) -> None:
    raw = end.join(lines)
    content = raw.encode(encoding)
    coded = {"utf-8-sig": "utf-8", "utf-16": "utf-16-le"}.get(encoding, encoding)
    made = document(content)
    assert made.text == "\n".join(lines)
    byte = 0
    for character in made.text:
        exact, place = told(made, byte)
        if exact and character != "\n":
            assert content[place:].decode(coded)[0] == character
        else:
            rest = content[place:].decode(coded).replace("\r\n", "\n")
            assert rest.endswith(made.text[len(made.text) - len(rest) :])
            assert character in rest
        byte += len(character.encode("utf-8"))


@settings(max_examples=60, deadline=None)
@given(LINES, st.lists(st.text(st.sampled_from("xyz \né"), max_size=12), max_size=5))
def test_what_is_left_of_markdown_is_found_exactly_where_it_stood(lines: list[str], hidden: list[str]) -> None:
    raw = "\n".join(lines)
    for number, comment in enumerate(hidden):
        at = (number * 7919) % (len(raw) + 1)
        if "<!--" not in raw[:at].rpartition("-->")[2]:
            raw = f"{raw[:at]}<!--{comment}-->{raw[at:]}"
    made = document(raw.encode(), markdown=True)
    assert made.text == re.sub(r"<!--.*?-->", "", raw, flags=re.DOTALL)
    content, byte = raw.encode(), 0
    for character in made.text:
        exact, place = told(made, byte)
        if exact:
            assert content[place:].decode()[0] == character
        byte += len(character.encode())
    assert made.text == "" or told(made, 0)[0]


def test_words_are_told_as_they_are() -> None:
    offsets = [[0, "page 1"], [10, "page 3"]]
    assert [places.locate(offsets, byte) for byte in (0, 9, 10, 99)] == ["page 1", "page 1", "page 3", "page 3"]
    line = {"path": "a.jsonl", "row": "line 4", "offsets": [[0, "line 4"]]}
    assert places.source(line, 0) == "a.jsonl, line 4"
    assert places.source({"path": "a.pdf", "row": None, "offsets": offsets}, 10) == "a.pdf, page 3"


def test_the_trace_and_the_extraction_tell_one_place() -> None:
    offsets = [[0, 40], [5, 45], [9, 60], [12, "page 2"]]
    read = Traced("a", "0123456789abcdef", "a.pdf", offsets=offsets)
    for byte in range(16):
        assert read.place(byte) == places.place(offsets, byte)
        assert places.locate(offsets, byte) == places.told(read.place(byte))
    said = ["byte 42", "byte 45", "from byte 45", "byte 60", "from byte 60", "page 2"]
    assert [places.locate(offsets, byte) for byte in (2, 5, 7, 9, 10, 12)] == said
    assert places.place([], 3) == {}
    assert places.locate([], 3) == "nowhere in the file"
