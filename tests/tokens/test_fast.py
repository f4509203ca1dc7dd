"""Encoding the fast ways: the same tokens as `tokenizers`, or a reason why it is not used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("tiktoken", reason="tiktoken is not installed (helder[documents])")

from helder.ledger.artifact import digest_path
from helder.tokens import fast, pieces, stage
from helder.tokens.fast import Differs, Encoder, TiktokenEncoder
from helder.tokens.tokenizer import CUTS, Tokenizer, as_written
from tests import published
from tests.model import small
from tests.tokens.test_tokenizer import STRINGS, random_texts

PARTS = st.sampled_from(
    [*" \n\r\t\u00a0\u2028\x85\x1c", "  ", "a", "B", "7", "½", "Ⅷ", "!", "'s", "é", "日", fast._MARK]
)


def made(folder: Path, cut: str = "smollm", **changed: Any) -> Tokenizer:
    record = small.tokenizer_json(cut, 400)
    record["model"] |= changed
    folder.mkdir(exist_ok=True)
    (folder / "tokenizer.json").write_text(json.dumps(record), encoding="utf-8")
    return Tokenizer.load(folder)


@pytest.mark.parametrize("cut", CUTS)
def test_every_way_of_cutting_gives_the_tokens_of_tokenizers(tmp_path: Path, cut: str) -> None:
    tokenizer = made(tmp_path, cut)
    encoder = fast.encoder(tokenizer)
    for text in [*STRINGS, *random_texts(1500, seed=3)]:
        assert encoder.encode(text).tolist() == tokenizer.encode(text), text


@pytest.mark.parametrize("cut", CUTS)
@settings(max_examples=150, deadline=None)
@given(parts=st.lists(PARTS, max_size=30))
def test_runs_of_blanks_are_cut_as_tokenizers_cuts_them(
    tmp_path_factory: pytest.TempPathFactory, cut: str, parts: list[str]
) -> None:
    encoder, tokenizer = encoder_of(cut, tmp_path_factory)
    text = "".join(parts)
    assert encoder.encode(text).tolist() == tokenizer.encode(text)


ENCODERS: dict[str, tuple[Encoder, Tokenizer]] = {}


def encoder_of(cut: str, factory: pytest.TempPathFactory) -> tuple[Encoder, Tokenizer]:
    if cut not in ENCODERS:
        tokenizer = made(factory.mktemp(cut), cut)
        ENCODERS[cut] = fast.encoder(tokenizer), tokenizer
    return ENCODERS[cut]


def test_the_starters_tokens_are_the_same(starter_folder: Path) -> None:
    tokenizer = Tokenizer.load(starter_folder)
    encoder = fast.encoder(tokenizer)
    for text in [*(text for text in STRINGS if "\x00" not in text), *random_texts(500, seed=4)]:
        try:
            expected = tokenizer.encode(text)
        except Exception:  # noqa: BLE001  a character that it cannot write: the other refuses it, too
            continue
        assert encoder.encode(text).tolist() == expected, text
    assert encoder.checked["characters"] > 100


def test_a_vocabulary_whose_merges_do_not_make_its_tokens_is_not_taken(tmp_path: Path) -> None:
    record = small.tokenizer_json("qwen2", 400)
    vocabulary, merges = record["model"]["vocab"], record["model"]["merges"]
    orphan = {**vocabulary, "zq": len(vocabulary)}
    with pytest.raises(Differs, match="made by no merge"):
        TiktokenEncoder(made(tmp_path, "qwen2", vocab=orphan))
    twice = [*merges, ["z", "q"], ["zq", "x"], ["q", "x"], ["z", "qx"]]
    more = {name: len(vocabulary) + n for n, name in enumerate(("zq", "zqx", "qx"))}
    with pytest.raises(Differs, match="two merges make the same token"):
        TiktokenEncoder(made(tmp_path, "qwen2", vocab={**vocabulary, **more}, merges=twice))
    late = [["z", "qx"], *merges, ["z", "q"], ["q", "x"]]
    with pytest.raises(Differs, match="does not come out of its own bytes"):
        TiktokenEncoder(made(tmp_path, "qwen2", vocab={**vocabulary, **more}, merges=late))


@pytest.mark.parametrize("wanted", [published.QWEN, published.OLMO], ids=["qwen2", "olmo2"])
def test_published_tokenizers_give_the_same_tokens(wanted: published.Published, tmp_path: Path) -> None:
    folder = published.folder(wanted, tmp_path / "model")
    text, _ = as_written((folder / "tokenizer.json").read_text(encoding="utf-8"))
    (folder / "tokenizer.json").write_text(text, encoding="utf-8")
    tokenizer = Tokenizer.load(folder)
    encoder = fast.encoder(tokenizer)
    for text in [
        *STRINGS,
        "a  <tool_call>  b\n  <|extra_id_0|>",
        "<|extra_id_0|>|||EMAIL_ADDRESS|||x",
        *random_texts(300, seed=8),
    ]:
        assert encoder.encode(text).tolist() == tokenizer.encode(text), text


def test_tokens_that_take_what_is_around_them_are_not_taken(tmp_path: Path) -> None:
    record = small.tokenizer_json()
    record["added_tokens"][1] |= {"special": False, "lstrip": True}
    (tmp_path / "tokenizer.json").write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(Differs, match="before it is cut"):
        TiktokenEncoder(Tokenizer.load(tmp_path))


def run(output: Path, base: Path, texts: Path) -> dict[str, Any]:
    output.mkdir()
    return stage.run({"holdout": 0.2, "seed": 1}, {"base": base, "text": texts}, output, output, lambda *_, **__: None)


def texts_in(file: Path) -> Path:
    lines = [json.dumps({"text": text}) + "\n" for text in [*STRINGS, *random_texts(80, seed=6)] if text.strip()]
    file.write_text("".join(lines), encoding="utf-8")
    return file


@pytest.mark.parametrize(("cut", "library"), [("smollm", "helder.tokens.pieces"), ("qwen2", "tiktoken")])
def test_streams_are_the_same_bits_with_every_library(
    cut: str, library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(tmp_path / "base", cut)
    texts = texts_in(tmp_path / "texts.jsonl")
    quick = run(tmp_path / "fast", tmp_path / "base", texts)
    assert quick["encoder"]["library"] == library
    assert quick["encoder"]["checked"]["texts"] >= fast.FIRST_TEXTS
    # A cut that is another one is noticed at work, and everything is made again without it.
    if cut == "smollm":
        monkeypatch.setattr(pieces.Pieces, "_contract", staticmethod(lambda *_: None))
    else:
        monkeypatch.setattr(fast, "_LOOK_AHEAD", r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|")
    slow = run(tmp_path / "slow", tmp_path / "base", texts)
    assert slow["encoder"]["library"] == "tokenizers"
    assert "different tokens" in slow["encoder"]["why"]
    assert digest_path(tmp_path / "fast") == digest_path(tmp_path / "slow")


@pytest.mark.parametrize("cut", ["gpt-2", "smollm"])
@settings(max_examples=200, deadline=None)
@given(texts=st.lists(st.text(st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from(" \n\t'slvre1.")))))
def test_batches_of_any_texts_are_cut_as_tokenizers_cuts_them(
    tmp_path_factory: pytest.TempPathFactory, cut: str, texts: list[str]
) -> None:
    encoder, tokenizer = encoder_of(cut, tmp_path_factory)
    assert [ids.tolist() for ids in encoder.encode_all(texts)] == [tokenizer.encode(text) for text in texts]


@pytest.mark.parametrize("cut", ["gpt-2", "smollm"])
def test_every_character_is_cut_as_tokenizers_cuts_it_or_left_to_it(tmp_path: Path, cut: str) -> None:
    tokenizer = made(tmp_path, cut)
    encoder = fast.encoder(tokenizer)
    points = [*range(1, 0xD800), *range(0xE000, 0x110000)]
    for first in range(0, len(points), 97):
        if first < 0x3000 or first % 13 == 0:  # all of the first scripts, and some of everywhere
            text = "a'".join(map(chr, points[first : first + 97]))
            assert encoder.encode(text).tolist() == tokenizer.encode(text)


def test_a_character_that_is_cut_otherwise_is_left_to_tokenizers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenizer = made(tmp_path)
    monkeypatch.setattr(pieces, "class_of", lambda character: pieces.OTHER if character == "é" else ORDINARY(character))
    encoder = fast.encoder(tokenizer)
    assert encoder.encode("café über").tolist() == tokenizer.encode("café über")


ORDINARY = pieces.class_of


def test_long_texts_and_many_pieces_give_the_same_tokens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = made(tmp_path)
    monkeypatch.setattr(pieces, "TOGETHER", 50)  # texts are cut into parts
    monkeypatch.setattr(pieces, "MOST", 40)  # pieces are forgotten
    encoder = fast.encoder(tokenizer)
    for number in range(6):
        texts = ["".join(f"w{number}{line}x {'y' * 30}\n  é\n\n" for line in range(60)), *random_texts(20, number)]
        assert [ids.tolist() for ids in encoder.encode_all(texts)] == [tokenizer.encode(text) for text in texts]


def test_named_tokens_are_found_before_the_text_is_cut(tmp_path: Path) -> None:
    record = small.tokenizer_json("smollm", 400)
    record["added_tokens"][1] |= {"special": False}
    (tmp_path / "tokenizer.json").write_text(json.dumps(record), encoding="utf-8")
    tokenizer, name = Tokenizer.load(tmp_path), record["added_tokens"][1]["content"]
    texts = [f"a  {name} b", "plain  text", name]
    found = fast.encoder(tokenizer).encode_all(texts)
    assert [ids.tolist() for ids in found] == [tokenizer.encode(text) for text in texts]
    assert record["added_tokens"][1]["id"] in found[0]
