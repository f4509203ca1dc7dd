"""The tokenizers of Qwen2.5 and OLMo 2 as they are published: read, written to GGUF, the same tokens everywhere.

Around each stands a tiny model with random weights, whose embedding has as many rows as the published model's: some
more than there are tokens.
"""

from __future__ import annotations

import json
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import tokenizers
from safetensors.numpy import save_file

from helder.compress import gguf_writer
from helder.model.gguf_file import GgufFile
from helder.tokens import chat, matching
from helder.tokens.tokenizer import Tokenizer, from_gguf
from tests import llama_cpp, published
from tests.model import small
from tests.model.test_importer import run
from tests.tokens.test_tokenizer import STRINGS, random_texts

TEXTS = [
    *STRINGS, *random_texts(150, seed=3), "<think>\nno</think>", "a<|fim_prefix|>b", "|||EMAIL_ADDRESS|||x",
    "<|extra_id_0|> <tool_call>", "1234567 12 345",
]  # fmt: skip


@dataclass(frozen=True)
class Case:
    family: str
    published: published.Published
    cut: str  # its name in GGUF files
    tokens: int
    rows: int  # of the published models' embedding (Qwen2.5-7B, OLMo-2-1124-7B)
    chat_format: str
    named: bool  # the package has no template, so the format is named at import


@dataclass(frozen=True)
class Made:
    case: Case
    source: Path
    imported: Path
    gguf: Path


CASES = [
    Case("qwen2", published.QWEN, "qwen2", 151_665, 152_064, "chatml", named=False),
    Case("olmo2", published.OLMO, "dbrx", 100_278, 100_352, "olmo2", named=True),
]


@pytest.fixture(scope="module", params=CASES, ids=lambda case: case.family)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    case: Case = request.param
    place = tmp_path_factory.mktemp(case.family)
    source = published.folder(case.published, place / "source")
    tied = case.family == "qwen2"
    config = small.config_json(case.rows, tie_word_embeddings=tied, **small.FAMILIES[case.family])
    small.write_json(source / "config.json", {key: value for key, value in config.items() if value is not None})
    save_file(small.weights(case.rows, tied=tied, family=case.family), source / "model.safetensors")
    imported = run(source, place / "made", case.chat_format if case.named else None)
    gguf_writer.write(imported, place / "made.gguf", "q8_0", case.family)
    return Made(case, source, imported, place / "made.gguf")


def test_the_tokens_are_those_of_the_published_file(made: Made) -> None:
    theirs = tokenizers.Tokenizer.from_file(str(made.source / "tokenizer.json"))
    theirs.encode_special_tokens = True
    ours = Tokenizer.load(made.imported)
    assert ours.vocabulary_size == made.case.tokens
    same = [text for text in TEXTS if unicodedata.normalize("NFC", text) == text and "fim_" not in text]
    assert len(same) > 100
    for text in same:
        assert ours.encode(text) == theirs.encode(text, add_special_tokens=False).ids, text
    for text in TEXTS:
        assert ours.decode(ours.encode(text)) == text


def test_llama_cpp_makes_the_same_tokens_from_the_gguf_file(made: Made, tmp_path: Path) -> None:
    ours = Tokenizer.load(made.imported)
    with llama_cpp.opened(made.gguf, tmp_path) as llama:
        for text in TEXTS:
            assert ours.encode(text) == llama.tokens(text), text


def test_the_tokenizer_comes_back_from_the_gguf_file(made: Made, tmp_path: Path) -> None:
    fields = GgufFile(made.gguf).fields
    assert fields["tokenizer.ggml.pre"] == made.case.cut
    assert len(fields["tokenizer.ggml.tokens"]) == made.case.rows, "rows without a token are named, so that all count"
    (tmp_path / "tokenizer.json").write_text(from_gguf(fields), encoding="utf-8")
    before, after = Tokenizer.load(made.imported), Tokenizer.load(tmp_path)
    assert before.specials == after.specials
    assert [before.encode(text) for text in TEXTS] == [after.encode(text) for text in TEXTS]


def test_no_text_becomes_a_special_token(made: Made) -> None:
    ours = Tokenizer.load(made.imported)
    form = chat.known(chat.format_of(made.imported))
    assert form.name == made.case.chat_format
    texts = [text for text in (*ours.specials, "".join(ours.specials)) if not any(m in text for m in form.markers)]
    wanted = [ours.special(name) for name in form.specials if name != form.closing or form.begin == name]
    for text in texts:
        ids, _ = chat.render(ours, form.name, [{"role": "user", "content": text}])
        found = {number for number in ids if number in ours.specials.values()}
        assert found == {*wanted, *({ours.special(form.closing)} if form.name == "chatml" else ())}
        assert text in ours.decode(ids)


def test_what_qwen_does_otherwise_is_written_down(made: Made) -> None:
    record = json.loads((made.imported / "source.json").read_text(encoding="utf-8"))
    if made.case.family == "olmo2":
        assert "default_system" not in record
        assert "form C" not in record["note"]
        assert (made.imported / "tokenizer.json").read_bytes() == (made.source / "tokenizer.json").read_bytes()
        return
    assert record["default_system"] == "You are Qwen, created by Alibaba Cloud. You are a helpful assistant."
    assert "Unicode's normal form C" in record["note"]
    assert "<|fim_prefix|>" in record["note"]
    ours = Tokenizer.load(made.imported)
    assert ours.encode("e\u0301") != ours.encode("\u00e9")
    assert ours.special("<|fim_prefix|>") == 151_659


def test_qwens_template_is_chatml_with_a_system_message_of_its_own(tmp_path: Path) -> None:
    source = published.folder(published.QWEN, tmp_path / "qwen")
    said: dict[str, Any] = json.loads((source / "tokenizer_config.json").read_text(encoding="utf-8"))
    assert chat.format_of_template(said["chat_template"]) is None, "its text alone does not say it"
    found = matching.match(said["chat_template"], {"eos_token": said["eos_token"]})
    assert found.form is chat.CHATML
    assert found.default_system.startswith("You are Qwen")
