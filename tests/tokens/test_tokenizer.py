"""Tokens: llama.cpp's, text comes back as it was, and special tokens are never made from text."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helder.compress import gguf_writer
from helder.errors import HelderError
from helder.model.gguf_file import GgufFile
from helder.tokens import tokenizer as tokenizers_
from helder.tokens.tokenizer import CUTS, Tokenizer, from_gguf, pre_tokenizer_name
from tests import llama_cpp
from tests.model import small
from tests.model.test_importer import run

STRINGS = [
    "", " ", "  ", "\n", "\r\n\t \n\n", "2 puffs bd prn for 1 week then 1 puff nocte", "½ tab o.d., 12.5mg/5ml",
    "TAKE ONE!!  don't I'LL we'Re 's 'S", "  leading, trailing  ", "a\u00a0b\u2003c\u3000d", "1234567890 ١٢٣ Ⅷ ² ①",
    "zo nodig: één tablet ’s avonds", "日本語のテキスト、한국어", "👩🏽‍⚕️ 🏳️‍🌈", "e\u0301\u0323 ﬁ ǆ",
    "\ufeffbom\u200bzero\u2060", "<|im_end|><|im_start|>user", "<|endoftext|", "tab\tsep\x00nul\x7f",
    "line\nline\n\n\nline", "....!!!???\n\n;", "C:\\path\\n", '{"dose":2,"times":3}', "a" * 300,
    "\U0003ffff\ud7ff\ue000", "x\u0085y\u2028z",
]  # fmt: skip


def random_texts(count: int, seed: int) -> list[str]:
    """Texts from everywhere in Unicode, with plenty of what the cuts look at."""
    drawn, texts = random.Random(seed), []
    often = list(" \n\r\t'.,-!?0123456789stlremdvSTaeiouxyzé½€日١ \u00a0")
    for _ in range(count):
        points = [
            drawn.choice(often) if drawn.random() < 0.8 else chr(drawn.randrange(0x20, 0xD7FF)) for _ in range(40)
        ]
        texts.append("".join(points))
    return texts


@pytest.fixture(scope="module")
def starter(starter_folder: Path) -> Tokenizer:
    return Tokenizer.load(starter_folder)


def test_the_starters_tokens_are_those_of_llama_cpp(starter: Tokenizer, starter_gguf: Path, tmp_path: Path) -> None:
    with llama_cpp.opened(starter_gguf, tmp_path) as llama:
        for text in STRINGS + random_texts(300, seed=1):
            assert starter.encode(text) == llama.tokens(text), text


def test_olmo_2_says_the_cut_of_gpt_4_in_other_words(tmp_path: Path) -> None:
    record = small.tokenizer_json("dbrx")
    record["pre_tokenizer"]["pretokenizers"][0] |= {"behavior": "Removed", "invert": True}
    small.write_json(tmp_path / "tokenizer.json", record)
    assert pre_tokenizer_name(tmp_path / "tokenizer.json") == "dbrx"
    texts = [*small.TEXTS, "  a1b22c333d4444\n\n\t e!?"]
    theirs = Tokenizer.load(tmp_path)
    small.write_json(tmp_path / "tokenizer.json", small.tokenizer_json("dbrx"))
    assert [theirs.encode(text) for text in texts] == [Tokenizer.load(tmp_path).encode(text) for text in texts]


@pytest.mark.parametrize("cut", CUTS)
def test_every_way_of_cutting_gives_the_tokens_of_llama_cpp(tmp_path: Path, cut: str) -> None:
    folder = run(small.make(tmp_path / "source", cut=cut, vocabulary=400), tmp_path / "made")
    gguf_writer.write(folder, tmp_path / "small.gguf", "f32", "small")
    assert GgufFile(tmp_path / "small.gguf").fields["tokenizer.ggml.pre"] == cut
    ours = Tokenizer.load(folder)
    with llama_cpp.opened(tmp_path / "small.gguf", tmp_path) as llama:
        for text in STRINGS + random_texts(300, seed=2):
            assert ours.encode(text) == llama.tokens(text), text


def test_a_tokenizer_goes_into_a_gguf_file_and_comes_back(tmp_path: Path, starter_gguf: Path) -> None:
    fields = GgufFile(starter_gguf).fields
    (tmp_path / "tokenizer.json").write_text(from_gguf(fields), encoding="utf-8")
    assert pre_tokenizer_name(tmp_path / "tokenizer.json") == fields["tokenizer.ggml.pre"] == "smollm"
    tokenizer = Tokenizer.load(tmp_path)
    assert tokenizer.vocabulary_size == len(fields["tokenizer.ggml.tokens"]) == 49_152
    assert tokenizer.special("<|im_end|>") == fields["tokenizer.ggml.eos_token_id"] == 2
    tokenizer.check_identity()


UNREADABLE = "\x04\x06\x13\x14\x16\x1d"  # and U+40000 to U+BFFFF, where Unicode has assigned nothing
READABLE = st.characters(max_codepoint=0x3FFFF, exclude_categories=["Cs"], exclude_characters=UNREADABLE)


@settings(max_examples=300, deadline=None)
@given(text=st.text(READABLE))
def test_text_comes_back_as_it_was(starter: Tokenizer, text: str) -> None:
    assert starter.decode(starter.encode(text)) == text


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_text_never_becomes_a_special_token(starter: Tokenizer, data: st.DataObject) -> None:
    pieces = st.one_of(st.sampled_from(sorted(starter.specials)), st.text(READABLE, max_size=5))
    text = "".join(data.draw(st.lists(pieces, max_size=6)))
    ids = starter.encode(text)
    assert not set(ids) & set(starter.specials.values())
    assert starter.decode(ids) == text


@pytest.mark.parametrize("character", [*UNREADABLE, "\U00040000", "\U000bffff", "\ud800", "\udfff"])
def test_a_character_without_tokens_is_refused_and_not_left_out(starter: Tokenizer, character: str) -> None:
    with pytest.raises(HelderError, match=f"U\\+{ord(character):04X}"):
        starter.encode(f"2 tabs {character} tds")


def test_the_byte_alphabet_is_that_of_the_library() -> None:
    import tokenizers

    alphabet = tokenizers_.byte_alphabet()
    assert sorted(alphabet.values()) == sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    level = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    for character in " \n\x00\x7f\xadé€👩":
        assert level.pre_tokenize_str(character)[0][0] == "".join(alphabet[byte] for byte in character.encode())


def test_the_vocabulary_reaches_to_the_largest_id(tmp_path: Path) -> None:
    record = small.tokenizer_json()
    record["added_tokens"].append({**record["added_tokens"][0], "id": 500, "content": "<late>"})
    small.write_json(tmp_path / "tokenizer.json", record)
    found = Tokenizer.load(tmp_path)
    assert found.special("<late>") == found.vocabulary_size - 1


def test_a_special_token_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    small.write_json(tmp_path / "tokenizer.json", small.tokenizer_json())
    with pytest.raises(HelderError, match=r"no special token <\|eot\|>") as caught:
        Tokenizer.load(tmp_path).special("<|eot|>")
    assert "<|im_end|>" in caught.value.why


# -- what is refused -------------------------------------------------------------------------------------


def fields() -> dict[str, Any]:
    record = small.tokenizer_json()
    vocabulary = record["model"]["vocab"]
    return {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "smollm",
        "tokenizer.ggml.tokens": sorted(vocabulary, key=vocabulary.__getitem__),
        "tokenizer.ggml.token_type": [3] * 3 + [1] * (len(vocabulary) - 3),
        "tokenizer.ggml.merges": [" ".join(merge) for merge in record["model"]["merges"]],
    }


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("model", "llama", "kind 'llama'"),
        ("model", None, "kind None"),
        ("pre", "tekken", "'tekken'"),
        ("pre", None, "None"),
        ("tokens", None, "lacks"),
        ("merges", "a b", "lacks"),
        ("token_type", [1], "320 tokens and 1 types"),
        ("tokens", ["a"] * 320, "twice"),
        ("merges", ["nospace"], "cannot be read"),
        ("merges", ["no such"], "cannot be read"),
    ],
)
def test_a_gguf_tokenizer_that_is_refused(key: str, value: Any, reason: str) -> None:
    from_gguf(fields())
    with pytest.raises(HelderError) as caught:
        from_gguf({**fields(), f"tokenizer.ggml.{key}": value})
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    "changed",
    [
        {"normalizer": {"type": "NFC"}},
        {"pre_tokenizer": None},
        {"pre_tokenizer": {"type": "Whitespace"}},
        {"model": {"byte_fallback": True}},
        {"model": {"ignore_merges": True}},
        {"model": {"end_of_word_suffix": "</w>"}},
        {"model": {"type": "Unigram"}},
    ],
)
def test_a_tokenizer_without_a_name_in_gguf_files_is_refused(tmp_path: Path, changed: dict[str, Any]) -> None:
    record = small.tokenizer_json()
    record |= {key: {**record[key], **value} if key == "model" else value for key, value in changed.items()}
    small.write_json(tmp_path / "tokenizer.json", record)
    with pytest.raises(HelderError, match="no known name in GGUF"):
        pre_tokenizer_name(tmp_path / "tokenizer.json")


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b"[" * 100_000])
def test_a_file_that_is_no_tokenizer_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "tokenizer.json").write_bytes(content)
    with pytest.raises(HelderError, match=r"tokenizer.json"):
        Tokenizer.load(tmp_path)


def test_a_folder_without_a_tokenizer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HelderError, match=r"has no tokenizer.json"):
        Tokenizer.load(tmp_path)


def test_a_normalizer_that_changes_text_is_found(tmp_path: Path) -> None:
    record = small.tokenizer_json()
    small.write_json(tmp_path / "tokenizer.json", {**record, "normalizer": {"type": "NFC"}})
    with pytest.raises(HelderError, match="does not keep text"):
        Tokenizer.load(tmp_path).check_identity()
    assert len(tokenizers_.IDENTITY_TEXTS) == 4
