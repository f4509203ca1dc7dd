"""llama.cpp in the process: what it answers, that it listens to nobody, and what it refuses."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from helder.compress import gguf_writer
from helder.errors import HelderError
from helder.model import importer
from helder.model.sources import on_disk
from helder.serve import llama
from helder.serve.answer import Decoding
from helder.serve.engine import Engine
from tests.model import small
from tests.serve import tiny
from tests.serve.tiny import CONTEXT, TEXT, Tiny

YES_NO = 'start: "yes" | "no" | "no, never"\n'


@pytest.fixture(scope="module")
def engine(model: Tiny) -> Iterator[Engine]:
    with Engine.open(model.gguf, threads=1, context=CONTEXT, workers=2) as opened:
        yield opened


def test_the_same_question_gets_the_same_answer_bit_for_bit(engine: Engine, model: Tiny) -> None:
    prompt = model.encode("2 tabs tds pc")
    first = engine.complete(prompt, grammar=YES_NO, logprobs=True)
    engine.complete(model.encode("2 tabs tds ac"), max_tokens=5)
    again = engine.complete(prompt, grammar=YES_NO, logprobs=True)
    assert first == again
    assert first.logprobs


def test_the_text_of_an_answer_is_that_of_its_tokens(engine: Engine, model: Tiny) -> None:
    answer = engine.complete(model.encode("1 puff"), grammar=YES_NO)
    assert answer.text in ("yes", "no", "no, never")
    assert model.decode(list(answer.ids)) == answer.text
    assert answer.finish_reason == "stop"


def test_an_answer_that_reaches_max_tokens_says_so(engine: Engine, model: Tiny) -> None:
    answer = engine.complete(model.encode("1 puff"), max_tokens=1, grammar='start: "no, never"')
    assert answer.finish_reason == "length"
    assert answer.completion_tokens == len(answer.ids) == 1


def test_pieces_of_a_streamed_answer_make_up_the_same_answer(engine: Engine, model: Tiny) -> None:
    prompt, pieces = model.encode("1 puff"), []

    def keep(piece: str) -> bool:
        pieces.append(piece)
        return True

    streamed = engine.complete(prompt, grammar=YES_NO, stream=keep)
    assert "".join(pieces) == streamed.text
    assert streamed == engine.complete(prompt, grammar=YES_NO)


def test_a_reader_who_leaves_stops_the_answer(engine: Engine, model: Tiny) -> None:
    answer = engine.complete(model.encode("1 puff"), max_tokens=100, stream=lambda piece: False)
    assert answer.finish_reason == "length"
    assert answer.completion_tokens < 20


def test_an_error_of_the_reader_reaches_the_caller(engine: Engine, model: Tiny) -> None:
    def fail(piece: str) -> bool:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        engine.complete(model.encode("1 puff"), max_tokens=20, stream=fail)


def test_many_questions_are_answered_in_order_and_as_if_each_were_alone(engine: Engine, model: Tiny) -> None:
    prompts = [model.encode(text) for text in TEXT]
    many = engine.complete_many(prompts, grammar=YES_NO, logprobs=True)
    assert many == [engine.complete(prompt, grammar=YES_NO, logprobs=True) for prompt in prompts]


def test_threads_do_not_change_an_answer(engine: Engine, model: Tiny) -> None:
    prompt = model.encode("half a tablet every morning for 5 days")
    with Engine.open(model.gguf, threads=3, context=CONTEXT) as other:
        assert other.complete(prompt, max_tokens=40) == engine.complete(prompt, max_tokens=40)


def test_a_seed_repeats_a_drawn_answer(engine: Engine, model: Tiny) -> None:
    prompt = model.encode("1 puff")
    drawn = [engine.complete(prompt, max_tokens=20, temperature=1.5, seed=seed).ids for seed in (1, 1, 2, 3)]
    assert drawn[0] == drawn[1]
    assert len(set(drawn)) > 1


def test_a_prompt_that_does_not_fit_is_refused_and_never_cut(engine: Engine, model: Tiny) -> None:
    with pytest.raises(HelderError, match=f"has {CONTEXT} tokens") as caught:
        engine.complete([5] * CONTEXT)
    assert "never cut" in caught.value.why
    with pytest.raises(HelderError, match=f"has {CONTEXT} tokens"):
        engine.complete_many([[5], [5] * CONTEXT])


@pytest.mark.parametrize("prompt", [[], [10**8], [-1]])
def test_a_prompt_that_is_no_prompt_is_refused(engine: Engine, prompt: list[int]) -> None:
    with pytest.raises(HelderError):
        engine.complete(prompt)


def test_a_grammar_that_llama_cpp_would_ignore_is_refused(engine: Engine, model: Tiny) -> None:
    with pytest.raises(HelderError, match="grammar"):
        engine.complete(model.encode("1 puff"), grammar="start: nothing")


def test_a_missing_a_foreign_and_a_cut_file_are_told_apart(model: Tiny, tmp_path: Path) -> None:
    with pytest.raises(HelderError, match="no model file"):
        Engine.open(tmp_path / "none.gguf")
    (tmp_path / "text.gguf").write_text("not a model", encoding="utf-8")
    with pytest.raises(HelderError, match="not a GGUF file"):
        Engine.open(tmp_path / "text.gguf")
    whole = model.gguf.read_bytes()
    for name, length in (("header", 64), ("half", len(whole) // 2), ("end", len(whole) - 32)):
        cut = tmp_path / f"{name}.gguf"
        cut.write_bytes(whole[:length])
        with pytest.raises(HelderError, match="is cut short") as caught:
            Engine.open(cut)
        # Our own parser refuses it: llama.cpp sees nothing of it.
        assert "It ends within" in caught.value.why or "The tensor" in caught.value.why


def test_nobody_can_connect_to_the_listener_of_llama_cpp(engine: Engine) -> None:
    sockets = {
        str(link.readlink())
        for process in engine.processes
        for link in Path(f"/proc/{process}/fd").iterdir()
        if link.is_symlink()
    }
    # Each has a network of its own where rooms are closed.
    kernel = [Path(f"/proc/{process}/net") for process in engine.processes]
    tables = [(net / name).read_text(encoding="utf-8").splitlines()[1:] for net in kernel for name in ("tcp", "tcp6")]
    listening = [row.split() for table in tables for row in table if row.split()[3] == "0A"]
    assert not [row for row in listening if f"socket:[{row[9]}]" in sockets]
    names = [row.split()[-1] for net in kernel for row in (net / "unix").read_text(encoding="utf-8").splitlines()]
    paths = [Path(name) for name in names if name.endswith("closed.sock")]
    assert paths  # it listens there, so this test would notice a change
    assert not [path for path in paths if path.exists()]


def test_a_worker_that_dies_is_an_error_and_not_a_wait(model: Tiny) -> None:
    with Engine.open(model.gguf, threads=1, context=CONTEXT) as opened:
        os.kill(opened.processes[0], signal.SIGSEGV)
        with pytest.raises(HelderError, match="crashed") as caught:
            opened.complete(model.encode("1 puff"))
        assert "SIGSEGV" in caught.value.why


def test_closing_ends_every_process(model: Tiny) -> None:
    with Engine.open(model.gguf, threads=1, context=CONTEXT, workers=2) as opened:
        opened.complete_many([model.encode(text) for text in TEXT], max_tokens=2)
        processes = opened.processes
        assert len(processes) == 3
    assert not [process for process in processes if Path(f"/proc/{process}").exists()]
    with pytest.raises(RuntimeError, match="closed"):
        opened.complete([5])


def test_models_of_different_vocabularies_do_not_disturb_each_other(model: Tiny, tmp_path: Path) -> None:
    """llama.cpp keeps one tokenizer for grammars in a process; with two models in one it crashed."""
    other = tiny.make(tmp_path, seed=1, vocabulary=300)
    with (
        Engine.open(model.gguf, threads=1, context=CONTEXT) as first,
        Engine.open(other.gguf, threads=1, context=CONTEXT) as second,
    ):
        for text in TEXT * 2:
            for engine, encode in ((first, model.encode), (second, other.encode)):
                assert engine.complete(encode(text), grammar=YES_NO).text in ("yes", "no", "no, never")


def test_a_long_name_of_the_temporary_folder_is_no_obstacle(
    model: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / ("a" * 150)
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    with Engine.open(model.gguf, threads=1, context=CONTEXT) as opened:
        assert opened.complete(model.encode("1 puff"), grammar=YES_NO).text
    assert not any(folder.iterdir())


def test_a_constrained_answer_ends_with_the_token_that_the_model_learnt(tmp_path: Path) -> None:
    """Else an answer that may end or go on ("no", "no, never") would go on: the learnt end would be masked."""
    found = on_disk(small.make(tmp_path / "source"))
    for name in ("made", "scratch"):
        (tmp_path / name).mkdir()
    settings = importer.settings(found, None)
    importer.run(settings, dict(found.files), tmp_path / "made", tmp_path / "scratch", lambda event, **fields: None)
    gguf_writer.write(tmp_path / "made", tmp_path / "small.gguf", "f32", "small")
    with Engine.open(tmp_path / "small.gguf", threads=1, context=CONTEXT) as opened:
        assert opened._worker
        request = llama.request([5, 6, 7], Decoding(YES_NO, 20))
        lane = opened._worker.lanes[0]
        lane.send({"request": request, "stream": False})
        tokens = lane.receive()["part"]["__verbose"]["tokens"]
    assert tokens[-1] == small.END
