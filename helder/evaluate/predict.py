"""The prediction stage of a model: every item of every test set asked, every answer written down as it came.

A subject is the tuned weights, one of the files made of them, or the untrained base model. All are asked greedily and
held to the form of the task. A file is asked with the tokenizer and the chat format that it carries itself, so what is
measured is what is handed over. It knows nothing of right and wrong (`helder/evaluate/stage.py`).

An answer that is not of the task's form is written with the reason; a model that cannot answer is an error, never a
row of zeros.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from helder.data.task import AnswerError, Task
from helder.errors import HelderError
from helder.evaluate.prompt import choose_asked, choose_shots, messages_for
from helder.evaluate.records import Example, Prediction, load_examples, save_predictions, test_sets
from helder.retrieve import SUFFIX
from helder.retrieve.ground import combined, notes
from helder.serve.answer import SCORES, Answer
from helder.tokens import chat
from helder.tokens import tokenizer as tokenizers
from helder.tokens.tokenizer import Tokenizer

FILES = ("f16", "q8_0", "q4_0")
ROOM = 1.25  # an answer may have so many times the tokens of the longest training answer, and …
SPARE = 16  # … so many more; a longer one is cut, is not of the task's form, and is counted
BATCH = 96  # answers made together by our generator; more wait longer for the longest among them
BATCH_TOKENS = 24_576  # cached positions of one batch of our generator: 1.1 GB at 135 M parameters in fp32

Ask = Callable[[Sequence[list[int]], str | None, int, Callable[[int], None]], list[Answer]]


class _Closing(Protocol):
    def __call__(self) -> None: ...


@dataclass(frozen=True)
class Asked:
    """A model that is ready: its tokenizer and chat format, how it is asked, and how it is closed."""

    tokenizer: Tokenizer
    format_name: str
    ask: Ask
    close: _Closing


def run(
    settings: dict[str, Any],
    inputs: dict[str, Path],
    output: Path,
    scratch: Path,
    report: Callable[..., None],
) -> dict[str, Any]:
    """Ask a subject every item.

    Args:
        settings: subject ("weights", "base", or a file: "f16", "q8_0", "q4_0"; each with "-retrieval" behind it
            when the data are those of the stage "ground", whose questions have passages), limit (items of each test
            set, null for all), seed (which items, and which examples), examples (in the prompt; of the base model
            only), constrained (true), confidences (false: whether log-probabilities are asked for, which become the
            confidence of each answer, and the development set too, on which thresholds are chosen).
        inputs: "data"; "model" (a Hugging Face folder) for weights and base, "files" for a file.

    Returns:
        Facts: seconds, tokens per second. They are no part of the artifact.

    Raises:
        HelderError: the model cannot be loaded or cannot answer.
    """
    called, limit, seed = settings["subject"], settings.get("limit"), int(settings.get("seed", 0))
    subject = called.removesuffix(SUFFIX)
    constrained, confidences = bool(settings.get("constrained", True)), bool(settings.get("confidences", False))
    data = inputs["data"]
    task = Task.load(data / "task.json")
    train = load_examples(data / "train.jsonl")
    shots = choose_shots(task, train, int(settings.get("examples", 0)), seed) if subject == "base" else None
    names = [*test_sets(data), *(["dev"] if confidences else [])]
    sets = {name: choose_asked(load_examples(data / f"{name}.jsonl"), limit, seed) for name in names}
    tokenizer, format_name = words_of(subject, inputs, scratch)
    # All sets at once: our generator has one batch to wait for instead of one for each.
    examples = [example for chosen in sets.values() for example in chosen]
    prompts = [chat.render(tokenizer, format_name, messages_for(task, example.input, shots))[0] for example in examples]
    max_tokens = longest_answer(task, tokenizer, train)
    context = max(map(len, prompts)) + max_tokens + 1
    asked = open_subject(subject, inputs, tokenizer, format_name, context, confidences)
    grammar = task.grammar() if constrained else None
    try:
        answers = asked.ask(prompts, grammar, max_tokens, counter(report, len(examples)))
    finally:
        asked.close()
    if len(answers) != len(examples):
        raise HelderError(f"{subject} gave {len(answers)} answers to {len(examples)} questions.")
    given = (read_answer(task, example, answer) for example, answer in zip(examples, answers, strict=True))
    for name, chosen in sets.items():
        predictions = list(islice(given, len(chosen)))
        if called != subject and confidences:
            predictions = _less_sure(task, predictions, chosen, notes(data, name))
        save_predictions(output / f"{name}.jsonl", predictions)
    about = {
        "subject": called,
        "limit": limit,
        "constrained": constrained,
        "examples_in_prompt": len(shots or ()),
        "shots": [example.id for example in shots or ()],
        "instruction": task.prompt_instruction() if shots is not None else None,
        "max_tokens": max_tokens,
        "trained_on": None,
    }
    (output / "about.json").write_text(json.dumps(about, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return _speeds(answers)


def longest_answer(task: Task, tokenizer: Tokenizer, train: Sequence[Example]) -> int:
    """How many tokens an answer may have."""
    longest = max(len(tokenizer.encode(task.encode(example.output))) for example in train)
    return int(ROOM * longest) + SPARE


def read_answer(task: Task, example: Example, answer: Answer) -> Prediction:
    """The answer as a prediction: decoded, or with the reason why it cannot be."""
    found: dict[str, float | None] = {score: answer.confidence(score) for score in SCORES}
    confidence = {score: value for score, value in found.items() if value is not None} or None
    try:
        return Prediction(example.id, answer.text, task.decode(answer.text), confidence=confidence)
    except AnswerError as error:
        cut = f"cut after {len(answer.ids)} tokens; " if answer.finish_reason == "length" else ""
        return Prediction(example.id, answer.text, None, f"{cut}{error}", confidence=confidence)


def _less_sure(
    task: Task, predictions: Sequence[Prediction], asked: Sequence[Example], passages: Mapping[str, Mapping[str, Any]]
) -> list[Prediction]:
    """Answers with passages count for less where little of question or answer stands in these."""
    found = []
    for one, example in zip(predictions, asked, strict=True):
        about = passages[one.id]
        context = example.input[: about["before"]]
        known = one.confidence or {}
        sure = {name: combined(value, about["share"], context, one.raw, task.kind) for name, value in known.items()}
        found.append(replace(one, confidence=sure or None))
    return found


def words_of(subject: str, inputs: dict[str, Path], scratch: Path) -> tuple[Tokenizer, str]:
    """Tokenizer and chat format of the model folder, or those inside the file."""
    if subject not in FILES:
        return Tokenizer.load(inputs["model"]), chat.format_of(inputs["model"])
    return words_of_file(_file(subject, inputs), scratch)


def words_of_file(path: Path, scratch: Path) -> tuple[Tokenizer, str]:
    """Tokenizer and chat format inside a GGUF file.

    Raises:
        HelderError: it is no GGUF file, or they are of a kind that is not known.
    """
    from helder.model.gguf_file import read_header

    fields, _ = read_header(path)
    folder = scratch / "words"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / tokenizers.FILE_NAME).write_text(tokenizers.from_gguf(fields), encoding="utf-8")
    return Tokenizer.load(folder), chat.match_template(fields["tokenizer.chat_template"]).name


def _file(subject: str, inputs: dict[str, Path]) -> Path:
    path = inputs["files"] / f"model-{subject}.gguf"
    if not path.is_file():
        made = ", ".join(sorted(item.name for item in inputs["files"].glob("*.gguf")))
        raise HelderError(f"There is no file {path.name}.", f"Made were: {made}.", "Add it to [compress] formats.")
    return path


def open_subject(
    subject: str,
    inputs: dict[str, Path],
    tokenizer: Tokenizer,
    format_name: str,
    context: int,
    logprobs: bool = False,
) -> Asked:
    """The model of a subject, ready to be asked.

    Args:
        logprobs: whether answers have the log-probabilities of their tokens.
    """
    if subject in FILES:
        return _open_file(_file(subject, inputs), tokenizer, format_name, context, logprobs)
    if subject not in ("weights", "base"):
        raise HelderError(f"The subject {subject!r} is unknown.", "", f"Known: weights, base, {', '.join(FILES)}.")
    return open_weights(inputs["model"], tokenizer, format_name, context, logprobs)


def _open_file(path: Path, tokenizer: Tokenizer, format_name: str, context: int, logprobs: bool) -> Asked:
    from helder.serve.engine import Engine

    engine = Engine.open(path, context=context)

    def ask(
        prompts: Sequence[list[int]], grammar: str | None, max_tokens: int, progress: Callable[[int], None]
    ) -> list[Answer]:
        return engine.complete_many(
            prompts, grammar=grammar, max_tokens=max_tokens, logprobs=logprobs, progress=progress
        )

    return Asked(tokenizer, format_name, ask, engine.close)


def open_weights(folder: Path, tokenizer: Tokenizer, format_name: str, context: int, logprobs: bool = False) -> Asked:
    from helder.model.transformer import Transformer
    from helder.serve.constrain import Constraint
    from helder.serve.generate import generate

    model = Transformer.from_folder(folder).eval()
    stops = chat.stop_ids(tokenizer, format_name)

    def ask(
        prompts: Sequence[list[int]], grammar: str | None, max_tokens: int, progress: Callable[[int], None]
    ) -> list[Answer]:
        size = model.config.vocabulary_size
        constraint = Constraint(grammar, tokenizer.path, size, stops) if grammar is not None else None
        return generate(
            model,
            prompts,
            stop_ids=stops,
            max_tokens=max_tokens,
            decode=tokenizer.decode,
            constraint=constraint,
            logprobs=logprobs,
            batch=max(1, min(BATCH, BATCH_TOKENS // context)),
            progress=progress,
        )

    return Asked(tokenizer, format_name, ask, lambda: None)


def counter(report: Callable[..., None], total: int) -> Callable[[int], None]:
    """Progress over all questions; called from any thread, each time with how many more are answered."""
    done = 0

    def progress(count: int) -> None:
        nonlocal done
        done += count
        report("progress", done=done, total=total, unit="item")

    return progress


def _speeds(answers: Sequence[Answer]) -> dict[str, Any]:
    """Measured times where the engine measures them (llama.cpp), summed over its workers."""
    read, write = sum(one.seconds[0] for one in answers), sum(one.seconds[1] for one in answers)
    prompt, written = sum(one.prompt_tokens for one in answers), sum(one.completion_tokens for one in answers)
    facts: dict[str, Any] = {"items": len(answers), "prompt_tokens": prompt, "completion_tokens": written}
    if read and write:
        facts |= {
            "prompt_tokens_per_second": prompt / read,
            "completion_tokens_per_second": written / write,
            "seconds_per_answer": (read + write) / len(answers),
        }
    return facts
