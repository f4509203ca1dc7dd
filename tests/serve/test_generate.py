"""Our generator and llama.cpp write the same tokens; a batch does not change what each prompt gets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from helder.data.task import Task
from helder.errors import HelderError
from helder.serve.answer import Answer
from helder.serve.constrain import Constraint
from helder.serve.engine import Engine
from helder.serve.generate import Drawing, generate
from tests.serve.tiny import CONTEXT, END, TEXT, Tiny

RECORDS = Task(
    kind="record",
    name="doses",
    many=True,
    schema={
        "type": "object",
        "properties": {
            "form": {"type": ["string", "null"], "default": None},
            "dose": {"type": ["number", "null"], "default": None},
            "as_required": {"type": "boolean", "default": False},
        },
    },
)
LABELS = Task(kind="label", name="answers", labels=("no", "no, never", "yes", "y"))
FREE = Task(kind="text", name="free")


@pytest.fixture(scope="module")
def engine(model: Tiny) -> Iterator[Engine]:
    with Engine.open(model.gguf, threads=1, context=CONTEXT, workers=1) as opened:
        yield opened


def ours(model: Tiny, lark: str | None = None, batch: int = 3, max_tokens: int = 40) -> list[Answer]:
    vocabulary = model.model.config.vocabulary_size
    constraint = Constraint(lark, model.folder / "tokenizer.json", vocabulary, [END]) if lark else None
    return generate(
        model.model, [model.encode(text) for text in TEXT], stop_ids=[END], max_tokens=max_tokens,
        decode=model.decode, constraint=constraint, batch=batch,
    )  # fmt: skip


@pytest.mark.parametrize("task", [None, RECORDS, LABELS, FREE], ids=["free", "records", "labels", "text"])
def test_our_generator_writes_the_tokens_that_llama_cpp_writes(engine: Engine, model: Tiny, task: Task | None) -> None:
    lark = task.grammar() if task else None
    theirs = engine.complete_many([model.encode(text) for text in TEXT], grammar=lark, max_tokens=40)
    mine = ours(model, lark)
    assert [answer.ids for answer in mine] == [answer.ids for answer in theirs]
    assert [answer.text for answer in mine] == [answer.text for answer in theirs]
    assert [answer.finish_reason for answer in mine] == [answer.finish_reason for answer in theirs]


def test_both_give_a_token_the_same_probability(engine: Engine, model: Tiny) -> None:
    prompts = [model.encode(text) for text in TEXT]
    mine = generate(
        model.model, prompts, stop_ids=[END], max_tokens=1, decode=model.decode, logprobs=True
    )  # fmt: skip
    theirs = engine.complete_many(prompts, max_tokens=1, logprobs=True)
    compared = [pair for a, b in zip(mine, theirs, strict=True) for pair in zip(a.logprobs, b.logprobs, strict=False)]
    assert compared
    assert all(abs(a - b) < 1e-4 for a, b in compared)


@pytest.mark.parametrize("batch", [1, 2, 7])
def test_the_size_of_a_batch_changes_no_token(model: Tiny, batch: int) -> None:
    assert [answer.ids for answer in ours(model, batch=batch)] == [answer.ids for answer in ours(model, batch=4)]


def test_answers_come_in_the_order_of_the_prompts(model: Tiny) -> None:
    assert [answer.prompt_tokens for answer in ours(model)] == [len(model.encode(text)) for text in TEXT]


def test_a_finished_record_can_be_read_back(model: Tiny) -> None:
    finished = [answer for answer in ours(model, RECORDS.grammar(), max_tokens=80) if answer.finish_reason == "stop"]
    assert finished
    for answer in finished:
        assert RECORDS.encode(RECORDS.decode(answer.text)) == answer.text


def test_progress_counts_every_answer(model: Tiny) -> None:
    counts: list[int] = []
    generate(
        model.model, [model.encode(text) for text in TEXT], stop_ids=[END], max_tokens=3,
        decode=model.decode, progress=counts.append,
    )  # fmt: skip
    assert sum(counts) == len(TEXT)


def test_an_answer_ends_where_the_context_ends(model: Tiny) -> None:
    prompt = [5] * (CONTEXT - 3)
    answer = generate(model.model, [prompt], stop_ids=[], max_tokens=50, decode=model.decode)[0]
    assert answer.finish_reason == "length"
    assert answer.prompt_tokens + answer.completion_tokens == CONTEXT + 1  # the last token is written, not read


def test_a_prompt_that_does_not_fit_is_refused_by_number(model: Tiny) -> None:
    with pytest.raises(HelderError, match="Prompt 2 has 256 tokens"):
        generate(model.model, [[5], [5] * CONTEXT], stop_ids=[END], max_tokens=5, decode=model.decode)
    with pytest.raises(HelderError, match="Prompt 1 is empty"):
        generate(model.model, [[]], stop_ids=[END], max_tokens=5, decode=model.decode)


def test_what_all_prompts_begin_with_is_computed_once_and_changes_no_token(
    model: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = model.encode("half a tablet every morning for 5 days, then one at night, then nothing more")
    prompts = [[*start, *model.encode(text)] for text in TEXT]
    alone = [
        generate(model.model, [prompt], stop_ids=[END], max_tokens=20, decode=model.decode)[0].ids for prompt in prompts
    ]
    read: list[int] = []
    hidden = type(model.model).hidden

    def counting(self: Any, ids: torch.Tensor, cache: Any = None) -> torch.Tensor:
        read.append(ids.numel())
        return hidden(self, ids, cache)

    monkeypatch.setattr(type(model.model), "hidden", counting)
    together = generate(model.model, prompts, stop_ids=[END], max_tokens=20, decode=model.decode, batch=3)
    assert [answer.ids for answer in together] == alone
    assert read[0] >= len(start)
    assert sum(read) < len(start) * len(prompts)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_tokens_are_drawn_as_often_as_the_softmax_says(temperature: float) -> None:
    logits, count = torch.tensor([2.0, 1.0, 0.0, -1.0, -3.0]), 4000
    drawn = Drawing(temperature, "seed").choose(logits.expand(count, -1), [(place, 0) for place in range(count)])
    expected = count * (logits / temperature).softmax(-1)
    found = torch.bincount(torch.tensor(drawn), minlength=5)
    assert ((found - expected) ** 2 / expected).sum() < 18.5  # chi-square, 4 degrees of freedom: once in a thousand


def test_a_draw_depends_on_seed_prompt_and_token_and_on_nothing_else() -> None:
    logits, places = torch.zeros(3, 1000), [(0, 0), (0, 1), (1, 0)]
    first = Drawing(1.0, "a").choose(logits, places)
    assert len(set(first)) == 3
    assert Drawing(1.0, "a").choose(logits, places) == first
    assert Drawing(1.0, "a").choose(logits[:2], places[1:]) == first[1:]
    assert Drawing(1.0, "b").choose(logits, places) != first


def test_a_token_without_probability_is_never_drawn() -> None:
    logits = torch.tensor([-torch.inf, 0.0, -torch.inf, 0.0, -torch.inf]).expand(500, -1)
    assert set(Drawing(1.0, "seed").choose(logits, [(place, 0) for place in range(500)])) == {1, 3}


def test_drawing_at_a_temperature_near_zero_is_greedy_and_the_same_twice(model: Tiny) -> None:
    def drawn(temperature: float, batch: int = 4) -> list[tuple[int, ...]]:
        made = generate(
            model.model, [model.encode(text) for text in TEXT], stop_ids=[END], max_tokens=12, decode=model.decode,
            drawing=Drawing(temperature, "seed"), batch=batch,
        )  # fmt: skip
        return [answer.ids for answer in made]

    assert drawn(1e-6) == [answer.ids for answer in ours(model, max_tokens=12)]
    assert drawn(1.0) == drawn(1.0, batch=2) != drawn(1e-6)


def test_only_the_most_probable_tokens_are_drawn_from_when_it_is_asked_for() -> None:
    logits = torch.tensor([[4.0, 3.0, 2.0, -9.0]]).log_softmax(-1).expand(200, 4)
    places = [(place, 0) for place in range(200)]
    everything = Drawing(1.0, "seed").choose(logits, places)
    assert set(everything) == {0, 1, 2}
    # e^4, e^3 and e^2 share all but nothing: 0.665, 0.245, 0.090.
    assert set(Drawing(1.0, "seed", top_p=0.9).choose(logits, places)) == {0, 1}
    assert set(Drawing(1.0, "seed", top_p=0.6).choose(logits, places)) == {0}
    assert Drawing(1.0, "seed", top_p=0.999999).choose(logits, places) == everything
