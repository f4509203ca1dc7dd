"""Who is asked on this machine: GGUF files, model folders, and what a project's run has answered already.

A file is asked with the tokenizer and the chat format that it carries itself, like the files of a run
(`helder.evaluate.predict`), greedily, and with no more than the conversation that everyone gets. A service is not held
to a grammar, so neither is a file, unless the plan says so. Nothing of it leaves the machine.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from helder.errors import HelderError
from helder.evaluate.compare.items import Asked
from helder.evaluate.records import load_predictions
from helder.ledger import energy
from helder.ledger.artifact import Artifact
from helder.project import Project

NOT_STATED = "not stated"
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Taken:
    """What it took.

    Attributes:
        seconds: of all questions together, on the wall.
        each: seconds of each answer, where they were measured.
        energy: {"joules", "how"}; None where nobody here can know.
        memory: the most that it held, in bytes; None where nobody here can know.
        cost: money, and in which currency; None where nothing is charged.
    """

    seconds: float | None = None
    each: tuple[float, ...] = ()
    energy: Mapping[str, Any] | None = None
    memory: int | None = None
    cost: tuple[float, str] | None = None


@dataclass(frozen=True)
class Answers:
    """What one subject answered: item → text, and what it took."""

    texts: Mapping[str, str]
    taken: Taken
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Local:
    """A subject on this machine.

    Attributes:
        kind: "file" (GGUF), "folder" (weights), or "run" (answered by a project's run).
        artifact: what it is, by digest.
        prompt: "the same conversation", or how its run asked it.
        constrained: whether its answers are held to the form of the task.
        max_tokens: the longest answer; None where the run decided.
    """

    name: str
    kind: str
    artifact: Artifact
    prompt: str
    constrained: bool
    max_tokens: int | None = None
    licence: str = NOT_STATED
    openness: str = NOT_STATED

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "kind": self.kind,
            "artifact": {"name": self.artifact.name, "sha256": self.artifact.digest},
            "prompt": self.prompt,
            "constrained": self.constrained,
            "max_tokens": self.max_tokens,
            "licence": self.licence,
            "openness": self.openness,
        }


def of_file(path: Path, constrained: bool, max_tokens: int) -> Local:
    """A GGUF file.

    Raises:
        HelderError: it is none, or its tokenizer or chat format is not known.
    """
    from helder.model.gguf_file import read_header

    artifact = Artifact.of(path, path.name)
    fields, _ = read_header(path)
    licence = str(fields.get("general.license", NOT_STATED))
    prompt = "the same conversation"
    openness = "weights; nothing else is shown"
    return Local(path.stem, "file", artifact, prompt, constrained, max_tokens, licence, openness)


def of_folder(path: Path, constrained: bool, max_tokens: int) -> Local:
    """A Hugging Face folder."""
    source = path / "source.json"
    licence = json.loads(source.read_text(encoding="utf-8")).get("licence") if source.is_file() else None
    prompt, openness = "the same conversation", "weights; nothing else is shown"
    return Local(
        path.resolve().name,
        "folder",
        Artifact.of(path, path.resolve().name),
        prompt,
        constrained,
        max_tokens,
        licence or NOT_STATED,
        openness,
    )


def of_run(project: Project, name: str) -> Local:
    """A subject that a project's run has asked: its weights, a file, the base model, a baseline.

    Raises:
        HelderError: its run asked nothing of that name.
    """
    from helder import pipeline

    done = pipeline.made(project)
    answered = sorted(stage.removeprefix("predict-") for stage in done if stage.startswith("predict-"))
    if name not in answered:
        why = f"Scored: {', '.join(answered)}." if answered else f"{project.folder} has not been run to the end."
        raise HelderError(
            f"Nothing named {name} was scored, and it is no file and no service.",
            why,
            "A subject is one of these names, a GGUF file, a folder with weights, or a service: claude-…, o1-…, "
            "MODEL@https://host/v1, or a table of --services.",
        )
    artifact = done[f"predict-{name}"]
    about = json.loads((artifact.path / "about.json").read_text(encoding="utf-8"))
    shots = int(about.get("examples_in_prompt", 0))
    prompt = f"as its run asked it: {f'{shots} examples' if name == 'base' else 'the bare question'}"
    licence = project.recipe.release.licence or NOT_STATED
    simple = name in ("linear", "linear-all", "nearest", "trivial")
    openness = "made here: `helder certify` says which class is proven" if name != "base" else NOT_STATED
    return Local(name, "run", artifact, prompt, bool(about.get("constrained", not simple)), None, licence, openness)


def ask(subject: Local, asked: Asked, scratch: Path, progress: Callable[[int], None] = lambda count: None) -> Answers:
    """The answers of a subject on this machine.

    Raises:
        HelderError: it cannot be loaded, a question does not fit, or an answer is missing.
    """
    if subject.kind == "run":
        return _answered(subject, asked, progress)
    assert subject.max_tokens is not None
    max_tokens = subject.max_tokens
    from helder.evaluate import predict
    from helder.tokens import chat
    from helder.tokens.tokenizer import Tokenizer

    if subject.kind == "file":
        tokenizer, format_name = predict.words_of_file(subject.artifact.path, scratch)
    else:
        tokenizer, format_name = Tokenizer.load(subject.artifact.path), chat.format_of(subject.artifact.path)
    prompts = [chat.render(tokenizer, format_name, item.messages)[0] for item in asked.items]
    context = max(map(len, prompts)) + max_tokens + 1
    counters, own = energy.counters(), os.times()
    start = time.monotonic()
    memory, spent = 0, 0.0
    if subject.kind == "file":
        from helder.serve.engine import Engine

        with Engine.open(subject.artifact.path, context=context) as engine:
            answers = engine.complete_many(
                prompts,
                grammar=asked.task.grammar() if subject.constrained else None,
                max_tokens=max_tokens,
                progress=progress,
            )
            memory, spent = _processes(engine.processes)
    else:
        model = predict.open_weights(subject.artifact.path, tokenizer, format_name, context)
        grammar = asked.task.grammar() if subject.constrained else None
        answers = model.ask(prompts, grammar, max_tokens, progress)
        model.close()
        memory, _ = _processes([os.getpid()])
        now = os.times()
        spent = now.user + now.system - own.user - own.system
    seconds = time.monotonic() - start
    taken = Taken(
        seconds,
        tuple(sum(answer.seconds) for answer in answers if sum(answer.seconds)),
        energy.spent(counters, energy.counters(), spent),
        memory,
    )
    texts = {item.key: answer.text for item, answer in zip(asked.items, answers, strict=True)}
    return Answers(texts, taken, {"cut": sum(answer.finish_reason == "length" for answer in answers)})


def _answered(subject: Local, asked: Asked, progress: Callable[[int], None]) -> Answers:
    """What the run has answered; the times are those of its stage, in proportion where it was asked more."""
    from helder import pipeline

    assert asked.project is not None
    texts: dict[str, str] = {}
    answered = 0
    for test_set in asked.sets:
        examples = {item.example.id: item.example for item in asked.items if item.test_set == test_set}
        path = subject.artifact.path / f"{test_set}.jsonl"
        with path.open("rb") as lines:
            answered += sum(1 for _ in lines)
        found = load_predictions(path, _all_of(asked, test_set))
        missing = [id for id in examples if id not in found]
        if missing:
            raise HelderError(
                f"The run asked {subject.name} only {len(found)} items of {test_set}, and not {missing[0]!r}.",
                "All subjects are compared on the same items.",
                f"Compare on as many as were asked: --limit {len(found)}; or raise the limit in [evaluate] and run it.",
            )
        texts |= {f"{test_set}:{id}": _raw(asked, found[id]) for id in examples}
        progress(len(examples))
    statement = pipeline.statements(asked.project)[f"predict-{subject.name}"]
    timings = statement.predicate["timings"]
    share = len(texts) / answered
    spent = dict(timings["energy"]) if "energy" in timings else None
    if spent is not None:
        spent["joules"] *= share
    return Answers(texts, Taken(timings["seconds"] * share, (), spent, timings.get("peak_memory")))


def _all_of(asked: Asked, test_set: str) -> Mapping[str, Any]:
    from helder.evaluate.records import load_examples

    return {one.id: one for one in load_examples(asked.sources["data"].path / f"{test_set}.jsonl")}


def _raw(asked: Asked, prediction: Any) -> str:
    """The text of a prediction; a baseline gives an output and no text."""
    if prediction.raw or prediction.output is None:
        return str(prediction.raw)
    return asked.task.encode(prediction.output)


def _processes(ids: Sequence[int]) -> tuple[int, float]:
    """(bytes held at most, CPU seconds) of some processes together."""
    memory, ticks = 0, 0
    for id in ids:
        for line in Path(f"/proc/{id}/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                memory += 1024 * int(line.split()[1])
        # After the name, which may hold anything: state is field 3, so user and system time are 12th and 13th from it.
        fields = Path(f"/proc/{id}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return memory, ticks / TICKS
