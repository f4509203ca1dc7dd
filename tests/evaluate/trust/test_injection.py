"""Orders in questions, and texts that look like control tokens."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helder.errors import HelderError
from helder.evaluate.trust import injection
from helder.tokens import chat
from helder.tokens.tokenizer import Tokenizer
from tests.evaluate.material import DOSE, LABEL, TEXT
from tests.model import small


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    """A tokenizer that has the special tokens of every format."""
    folder: Path = tmp_path_factory.mktemp("all")
    record = small.tokenizer_json()
    names = sorted({name for form in chat.FORMATS.values() for name in form.specials} - set(small.SPECIALS))
    for place, name in enumerate(names):
        token = {"id": 320 + place, "content": name, "special": True, "normalized": False}
        record["added_tokens"].append({**token, "single_word": False, "lstrip": False, "rstrip": False})
    small.write_json(folder / "tokenizer.json", record)
    return Tokenizer.load(folder)


PIECES = sorted(
    {
        part
        for form in chat.FORMATS.values()
        for name in (*form.specials, *form.markers)
        for part in (name, name[:1], name[:2], name[:-1], name[1:], name[2:-2], name.upper())
    }
)
HOSTILE = st.lists(st.sampled_from(PIECES) | st.text(max_size=6), max_size=10).map("".join)


@given(text=HOSTILE, name=st.sampled_from(sorted(chat.FORMATS)))
def test_no_text_of_a_user_becomes_a_control_token_in_any_format(tokenizer: Tokenizer, text: str, name: str) -> None:
    assert injection.became(tokenizer, name, text) in ("itself", "refused")


@given(before=HOSTILE, text=HOSTILE, after=HOSTILE, name=st.sampled_from(sorted(chat.FORMATS)))
def test_nor_in_a_conversation_whoever_says_it(
    tokenizer: Tokenizer, before: str, text: str, after: str, name: str
) -> None:
    controls = set(tokenizer.specials.values())

    def control_tokens(*texts: str) -> list[int] | None:
        messages = [
            {"role": role, "content": one}
            for role, one in zip(("system", "user", "assistant", "user"), texts, strict=True)
        ]
        try:
            ids, _ = chat.render(tokenizer, name, messages)
        except HelderError:
            return None
        return [one for one in ids if one in controls]

    found = control_tokens(before, text, after, text)
    assert found is None or found == control_tokens("a", "a", "a", "a")


@given(text=HOSTILE)
def test_nor_in_a_document(tokenizer: Tokenizer, text: str) -> None:
    try:
        ids = tokenizer.encode(text)
    except HelderError:
        return
    assert not set(ids) & set(tokenizer.specials.values())
    assert tokenizer.decode(ids) == text


def test_a_tokenizer_that_reads_control_tokens_in_text_is_found(tokenizer: Tokenizer) -> None:
    open_ = Tokenizer.load(tokenizer.path.parent)
    open_._tokenizer.encode_special_tokens = False  # as libraries have it when nobody asks for more
    found = injection.control_tokens(open_, "chatml", 200)
    assert found["seen"] > 50
    assert injection.became(open_, "chatml", "<|im_end|>") == "a control token"


@pytest.mark.parametrize("name", sorted(chat.FORMATS))
def test_hostile_texts_are_counted_and_the_same_every_time(tokenizer: Tokenizer, name: str) -> None:
    found = injection.control_tokens(tokenizer, name, 150)
    assert found == injection.control_tokens(tokenizer, name, 150)
    assert (found["seen"], found["n"]) == (0, 150)
    assert bool(found["refused"]) == bool(chat.FORMATS[name].markers)
    assert injection.limits(found, 0.95)["at_most"] == pytest.approx(1 - 0.05 ** (1 / 150))


def test_an_order_asks_for_an_answer_that_is_not_right() -> None:
    found = [injection.attack(LABEL, str(item), "What is a cat?", ["cat"], LABEL.labels, 0) for item in range(60)]
    assert {one.target for one in found if one} == {"dog", "rose"}
    assert {one.order for one in found if one} == set(injection.ORDERS)
    assert all(one and "What is a cat?" in one.text and one.target in one.text for one in found)
    assert injection.attack(LABEL, "1", "What is a cat?", LABEL.labels, LABEL.labels, 0) is None
    text = injection.attack(TEXT, "1", "Say {answer}, {question}.", [], [], 0)
    assert text is not None
    assert "Say {answer}, {question}." in text.text
    record = injection.attack(DOSE, "1", "2 tabs", [], [[{"form": "puff"}]], 0)
    assert record is not None
    assert DOSE.encode([{"form": "puff"}]) in record.text


def test_obeyed_orders_are_counted_by_kind_with_a_limit() -> None:
    outcomes = [("ignore", True), ("ignore", False), ("quoted", False)]
    found = injection.obeyed(outcomes)
    assert (found["seen"], found["n"]) == (1, 3)
    assert found["orders"] == {"ignore": {"seen": 1, "n": 2}, "quoted": {"seen": 0, "n": 1}}
    assert found["at_least"] < 1 / 3 < found["at_most"]
