"""Text that nobody vouches for is shown as text: it makes no heading, link, image, table or HTML."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from helder.certify import markdown

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
PARSER = MarkdownIt("commonmark").enable("table")
FORBIDDEN = {"link_open", "image", "html_inline", "html_block", "code_inline", "em_open", "strong_open", "s_open"}


def kinds(text: str) -> set[str]:
    tokens = PARSER.parse(text)
    return {token.type for token in tokens} | {inner.type for token in tokens for inner in token.children or ()}


def shown(text: str) -> str:
    return "".join(inner.content for token in PARSER.parse(text) for inner in token.children or ())


@given(st.text())
def test_text_in_a_line_is_nothing_but_text(text: str) -> None:
    line = f"x {markdown.text(text)}"
    assert kinds(line) <= {"paragraph_open", "paragraph_close", "inline", "text", "text_special"}
    assert shown(line).strip() == f"x {markdown.plain(text)}".strip()


@given(st.text())
def test_text_at_the_begin_of_a_line_is_nothing_but_text(text: str) -> None:
    begun = markdown.value(text)
    assert len(begun) == 1
    assert kinds(begun[0]) <= {"paragraph_open", "paragraph_close", "inline", "text", "text_special"}
    assert shown(begun[0]).strip() == markdown.plain(text).strip()


@given(st.text())
def test_text_in_a_table_stays_in_its_cell(text: str) -> None:
    lines = markdown.table(["a", "b"], [[text, 1]])
    tokens = PARSER.parse("\n".join(lines))
    assert sum(token.type == "td_open" for token in tokens) == 2
    assert not kinds("\n".join(lines)) & FORBIDDEN


@given(JSON)
def test_any_json_value_becomes_lines_without_meaning(value: object) -> None:
    lines = markdown.value(value)
    assert lines
    assert not kinds("\n".join(f"- a\n{line}" if line.startswith("  ") else line for line in lines)) & FORBIDDEN


@given(st.text())
def test_what_cannot_be_seen_is_not_there(text: str) -> None:
    assert not re.search("[\x00-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2066-\u2069]", markdown.plain(text))


def test_an_address_is_not_made_a_link() -> None:
    assert "https://" not in markdown.text("https://example.org")
    assert "<script>" not in markdown.text("<script>alert(1)</script>")
