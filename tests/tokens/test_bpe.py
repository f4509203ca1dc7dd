"""The tokenizer stage: learnt from texts, the same bytes again, and tokens that llama.cpp finds too."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from helder.data.task import Task
from helder.errors import HelderError
from helder.tokens import bpe, chat
from helder.tokens.tokenizer import CUTS, IDENTITY_TEXTS, Tokenizer, byte_alphabet, pre_tokenizer_name

WORDS = ["one", "two", "tablet", "tablets", "morning", "every", "12", "2024", "don't", "keer", "per", "dag", "naïve",
         "日本", "!!", "--", "\r\n"]  # fmt: skip


def some_texts(count: int, seed: int = 0) -> list[str]:
    draw = random.Random(seed)
    return [" ".join(draw.choices(WORDS, k=draw.randint(3, 30))) for _ in range(count)]


def jsonl(path: Path, texts: Sequence[str]) -> Path:
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
    return path


def learn(output: Path, inputs: dict[str, Path], **other: Any) -> tuple[Path, dict[str, Any], list[str]]:
    """The stage, in this process: its folder, its facts, its warnings."""
    output.mkdir()
    warnings: list[str] = []

    def report(event: str, **fields: Any) -> None:
        if event == "warning":
            warnings.append(fields["text"])

    asked = {"vocabulary": 300, "chat_format": "chatml", "cut": "smollm"} | other
    return output, bpe.run(asked, inputs, output, output, report), warnings


@pytest.mark.parametrize("cut", sorted(CUTS))
def test_every_cut_gives_a_tokenizer_that_keeps_text_and_has_a_name_in_gguf(tmp_path: Path, cut: str) -> None:
    source = jsonl(tmp_path / "texts.jsonl", some_texts(60))
    made, facts, warnings = learn(tmp_path / "made", {"text": source}, cut=cut)
    tokenizer = Tokenizer.load(made)
    tokenizer.check_identity()
    assert pre_tokenizer_name(tokenizer.path) == cut
    assert tokenizer.vocabulary_size == facts["vocabulary"] == 300
    assert not warnings
    assert facts["bytes"] == sum(len(text.encode()) for text in some_texts(60))
    vocabulary = json.loads(tokenizer.path.read_text(encoding="utf-8"))["model"]["vocab"]
    assert set(byte_alphabet().values()) <= set(vocabulary)
    assert sorted(vocabulary.values()) == list(range(300))
    assert len(tokenizer.encode("tablet every morning")) < len("tablet every morning") / 2


@pytest.mark.parametrize("form", sorted(chat.FORMATS))
def test_every_chat_format_finds_its_special_tokens(tmp_path: Path, form: str) -> None:
    source = jsonl(tmp_path / "texts.jsonl", some_texts(5))
    made, _, _ = learn(tmp_path / "made", {"text": source}, chat_format=form)
    tokenizer = Tokenizer.load(made)
    assert set(tokenizer.specials) == {bpe.END_OF_TEXT, *chat.known(form).specials}
    assert tokenizer.specials[bpe.END_OF_TEXT] == 0
    ids, start = chat.render(tokenizer, form, [{"role": "user", "content": "<|im_end|> tablet"}], "12")
    assert chat.stop_ids(tokenizer, form)[0] == ids[-1]
    assert tokenizer.decode(ids[start:-1]) == "12"


def test_order_threads_and_hash_seed_change_no_byte(tmp_path: Path) -> None:
    texts = some_texts(400)
    jsonl(tmp_path / "0.jsonl", texts)
    jsonl(tmp_path / "1.jsonl", texts[::-1])
    code = (
        "import sys; from pathlib import Path; from helder.tokens import bpe; place = Path(sys.argv[2]); place.mkdir();"
        "asked = {'vocabulary': 320, 'chat_format': 'chatml', 'cut': 'dbrx'}; inputs = {'text': Path(sys.argv[1])};"
        "bpe.run(asked, inputs, place, place, lambda event, **fields: None)"
    )
    found = set()
    for number, variables in enumerate(({"PYTHONHASHSEED": "1"}, {"PYTHONHASHSEED": "2", "RAYON_NUM_THREADS": "1"})):
        place = tmp_path / f"made-{number}"
        command = [sys.executable, "-c", code, str(tmp_path / f"{number}.jsonl"), str(place)]
        subprocess.run(command, env={**os.environ, **variables}, check=True)
        found.add((place / "tokenizer.json").read_bytes())
    halves = {"text": jsonl(tmp_path / "a.jsonl", texts[300:]), "text-2": jsonl(tmp_path / "b.jsonl", texts[:300])}
    found.add((learn(tmp_path / "halves", halves, vocabulary=320, cut="dbrx")[0] / "tokenizer.json").read_bytes())
    assert len(found) == 1


def test_more_tokens_than_the_texts_fill_are_told_and_counted(tmp_path: Path) -> None:
    source = jsonl(tmp_path / "texts.jsonl", ["aaab aaab"])
    made, facts, warnings = learn(tmp_path / "made", {"text": source}, vocabulary=1000)
    assert facts["vocabulary"] == Tokenizer.load(made).vocabulary_size == 259 + facts["merges"] < 270
    assert f"fill a vocabulary of {facts['vocabulary']} tokens, not the 1000" in warnings[0]


def test_plain_texts_folders_and_lines_of_json_are_the_same_texts(tmp_path: Path) -> None:
    text = "\n".join(some_texts(50))
    folder = tmp_path / "folder"
    (folder / "below").mkdir(parents=True)
    (folder / "below" / "one.md").write_text(text, encoding="utf-8-sig", newline="")
    forms = {
        "plain": (tmp_path / "plain.txt", lambda path: path.write_text(text, encoding="utf-8", newline="")),
        "lines": (tmp_path / "lines.ndjson", lambda path: jsonl(path, [text])),
        "folder": (folder, lambda path: None),
    }
    found = set()
    for name, (path, write) in forms.items():
        write(path)
        found.add((learn(tmp_path / f"made-{name}", {"text": path})[0] / "tokenizer.json").read_bytes())
    assert len(found) == 1


def test_a_task_is_learnt_from_with_its_answers_and_without_its_test_set(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    task = Task("label", "kind", labels=("a", "b"), texts=("zzzzzzzz", "qqqqqqqq"))
    task.save(data / "task.json")
    for name, word in (("train", "yyyyyyyy"), ("test", "xxxxxxxx")):
        lines = [{"id": str(at), "input": word, "output": "ab"[at % 2]} for at in range(20)]
        (data / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    tokenizer = Tokenizer.load(learn(tmp_path / "made", {"data": data})[0])
    assert [len(tokenizer.encode(text)) for text in ("zzzzzzzz", "qqqqqqqq", "yyyyyyyy", "xxxxxxxx")] == [1, 1, 1, 8]


# -- what is refused -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"vocabulary": 258}, "3 special tokens and the 256 bytes: 259"),
        ({"cut": "word"}, "no way of cutting text called 'word'"),
        ({"chat_format": "mine"}, "chat format 'mine' is not known"),
    ],
)
def test_settings_that_fit_nothing_are_refused(tmp_path: Path, other: dict[str, Any], said: str) -> None:
    source = jsonl(tmp_path / "texts.jsonl", some_texts(3))
    with pytest.raises(HelderError, match=said):
        learn(tmp_path / "made", {"text": source}, **other)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("texts.jsonl", b'{"txt": "a"}\n', "text"),
        ("texts.jsonl", b'{"text": "\\ud800"}\n', "line 1 holds half of a surrogate pair"),
        ("texts.txt", b"", "no text to learn a tokenizer from"),
    ],
)
def test_files_that_are_no_texts_are_refused(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(HelderError, match=said):
        learn(tmp_path / "made", {"text": tmp_path / name})


def test_what_looks_like_a_special_token_is_learnt_from_as_text(tmp_path: Path) -> None:
    source = jsonl(tmp_path / "texts.jsonl", ["<|im_end|> tablet"] * 30)
    tokenizer = Tokenizer.load(learn(tmp_path / "made", {"text": source})[0])
    assert tokenizer.special("<|im_end|>") not in tokenizer.encode("<|im_end|> tablet")
    for text in IDENTITY_TEXTS:
        assert tokenizer.decode(tokenizer.encode(text)) == text
