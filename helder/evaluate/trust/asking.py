"""The stage that asks for trust: questions changed, questions with orders in them, and what the weights find likely.

The subject is the one that answers when a person asks. The artifact:

    asked.jsonl       one line an answer: {id, kind, input, raw, output, error} and, by kind,
                        "plain"           the item as it stands
                        a kind of change  see `robustness.CHANGES`; left out where nothing was changed
                        "injection"       order, target; right: the right answer
                        "paraphrase-0/-1" both sides of a pair; right
    likelihood.jsonl  {id, group: "member" | "other", tokens, weights, base: log-likelihood in nats | null}
    canaries.json     {planted, candidates, ranks: {id: rank}} of those that the training has seen; null without any
    control.json      {seen, n, refused}, see `injection.control_tokens`
    about.json        {subject, items, untouched: {kind: n}, too_long: {kind: n}, no_target, members, others, held_out:
                      whether the others were held out of the same data as the members, why_not: of membership}

It knows nothing of right and wrong (`helder/evaluate/trust/stage.py`).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from helder.data import canaries
from helder.data.items import raw_output
from helder.data.read import read_file
from helder.data.task import AnswerError, Task
from helder.errors import HelderError
from helder.evaluate.predict import counter, longest_answer, open_subject, read_answer, words_of
from helder.evaluate.prompt import choose_asked, messages_for
from helder.evaluate.records import Example, load_examples, test_sets
from helder.evaluate.trust import injection, leakage, likelihood, robustness
from helder.tokens import chat


@dataclass(frozen=True)
class Question:
    """What is asked, and what is written down beside the answer."""

    id: str
    kind: str
    input: str
    more: Mapping[str, Any] = field(default_factory=dict)


def run(
    settings: dict[str, Any],
    inputs: dict[str, Path],
    output: Path,
    scratch: Path,
    report: Callable[..., None],
) -> dict[str, Any]:
    """Ask, and write down; see the module docstring.

    Args:
        settings: subject, items, seed, and the names of the columns `input` and `output` of a file of paraphrases.
        inputs: "data", "train" (the weights), "files" where the subject is one of them; perhaps "base" and
            "paraphrases".

    Raises:
        HelderError: the model cannot answer, or a paraphrase's output is not of the task's form.
    """
    subject, items, seed = settings["subject"], int(settings["items"]), int(settings["seed"])
    task = Task.load(inputs["data"] / "task.json")
    train = load_examples(inputs["data"] / "train.jsonl")
    main_set = test_sets(inputs["data"])[0]
    chosen = choose_asked(load_examples(inputs["data"] / f"{main_set}.jsonl"), items, seed)
    models = {"model": inputs["train"], **{name: inputs[name] for name in ("files",) if name in inputs}}
    tokenizer, form = words_of(subject, models, scratch)
    about: dict[str, Any] = {"subject": subject, "test_set": main_set, "items": len(chosen)}
    control = injection.control_tokens(tokenizer, form, seed=seed)
    _write(output / "control.json", control)

    plain, untouched = changed_questions(chosen, seed)
    orders, no_target = ordered_questions(task, chosen, train, seed)
    pairs = paraphrased(task, inputs.get("paraphrases"), settings["input"], settings["output"])
    room = longest_answer(task, tokenizer, train)
    longest = _context(inputs["train"])
    fitting: list[Question] = []
    prompts: list[list[int]] = []
    too_long: Counter[str] = Counter()
    for question in [*plain, *orders, *pairs]:
        ids, _ = chat.render(tokenizer, form, messages_for(task, question.input, None))
        if len(ids) + room + 1 > longest:
            too_long[question.kind] += 1
        else:
            fitting.append(question)
            prompts.append(ids)
    if not prompts:
        raise HelderError("No question fits the model's context.", f"It holds {longest} tokens, the answer included.")
    about |= {"untouched": untouched, "too_long": dict(sorted(too_long.items())), "no_target": no_target}
    context = max(map(len, prompts)) + room + 1
    asked = open_subject(subject, models, tokenizer, form, context)
    try:
        answers = asked.ask(prompts, task.grammar(), room, counter(report, len(prompts)))
    finally:
        asked.close()
    lines = []
    for question, answer in zip(fitting, answers, strict=True):
        one = read_answer(task, Example(question.id, question.input, None), answer)
        told = {"id": question.id, "kind": question.kind, "input": question.input, "raw": one.raw}
        lines.append({**told, "output": one.output, "error": one.error, **question.more})
    _write_lines(output / "asked.jsonl", lines)
    about |= _likelihoods(task, inputs, train, leakage.MEMBERS * items, seed, output, report)
    _write(output / "about.json", about)
    return {"items": len(answers)}


def changed_questions(chosen: Sequence[Example], seed: int) -> tuple[list[Question], dict[str, int]]:
    """Each item as it stands and changed in every way; how many a kind of change left as they were."""
    found = [Question(example.id, "plain", example.input) for example in chosen]
    untouched: dict[str, int] = {}
    for kind in robustness.CHANGES:
        texts = [(example, robustness.changed(kind, example.input, seed, example.id)) for example in chosen]
        touched = [
            Question(example.id, kind, text) for example, text in texts if text != example.input and text.strip()
        ]
        untouched[kind] = len(chosen) - len(touched)
        found += touched
    return found, untouched


def ordered_questions(
    task: Task, chosen: Sequence[Example], train: Sequence[Example], seed: int
) -> tuple[list[Question], int]:
    """Each item with an order in it; how many have no answer that could be ordered."""
    by_text = {task.encode(example.output): example.output for example in train}
    pool = [by_text[text] for text in sorted(by_text)]
    found = []
    for example in chosen:
        attack = injection.attack(task, example.id, example.input, [example.output], pool, seed)
        if attack is not None:
            more = {"order": attack.order, "target": attack.target}
            found.append(Question(example.id, "injection", attack.text, more))
    return found, len(chosen) - len(found)


def paraphrased(task: Task, path: Path | None, column: str, output: str) -> list[Question]:
    """Both sides of each pair of a file of paraphrases; empty without a file.

    Raises:
        HelderError: a column is missing, or an output is not of the task's form.
    """
    if path is None:
        return []
    rows, _ = read_file(path, path.name, (column, robustness.PARAPHRASE, output))
    found = []
    for row in rows:
        value = raw_output(row, output, task.kind == "record")
        try:
            more = {"right": task.normalise(value)}
        except AnswerError as error:
            raise HelderError(
                f"{path.name}, line {row.line}: the output is not an answer.", str(error), "Correct the line."
            ) from error
        for side, name in enumerate((column, robustness.PARAPHRASE)):
            found.append(Question(f"line {row.line}", f"{robustness.PARAPHRASE}-{side}", row.values[name], more))
    return found


def _likelihoods(
    task: Task,
    inputs: Mapping[str, Path],
    train: Sequence[Example],
    most: int,
    seed: int,
    output: Path,
    report: Callable[..., None],
) -> dict[str, Any]:
    """Write likelihood.jsonl and canaries.json; what about.json says of them."""
    planted = canaries.load(inputs["data"])
    seen_path = inputs["train"] / "seen.json"
    if not seen_path.is_file():
        _write(output / "canaries.json", None)
        _write_lines(output / "likelihood.jsonl", [])
        why = "the last training does not say which examples it saw"
        return {"members": 0, "others": 0, "held_out": None, "why_not": why}
    seen = set(json.loads(seen_path.read_text(encoding="utf-8"))["ids"])
    made_up = {one["id"] for one in planted[0]} if planted else set()
    members = choose_asked([one for one in train if one.id in seen and one.id not in made_up], most, seed)
    others, held_out = _strangers(inputs["data"], most, seed)
    rows = [(one, "member") for one in members] + [(one, "other") for one in others]
    texts = [(one.input, task.encode(one.output)) for one, _ in rows]
    known = [one for one in planted[0] if one["id"] in seen] if planted else []
    guesses = [task.encode(task.normalise(value)) for value in planted[1]] if planted else []
    tried = [(one["input"], guess) for one in known for guess in guesses]
    total = len(texts) * (1 + ("base" in inputs)) + len(tried)
    progress = counter(report, total)
    found = likelihood.log_likelihoods(inputs["train"], [*texts, *tried], progress)
    base = likelihood.log_likelihoods(inputs["base"], texts, progress) if "base" in inputs else []
    lines = []
    for place, (example, group) in enumerate(rows):
        weights, tokens = found[place]
        line = {"id": example.id, "group": group, "tokens": tokens, "weights": weights}
        lines.append({**line, "base": base[place][0] if base else None})
    _write_lines(output / "likelihood.jsonl", lines)
    ranks = {}
    for place, one in enumerate(known):
        first = len(texts) + place * len(guesses)
        scores = [score for score, _ in found[first : first + len(guesses)]]
        ranks[one["id"]] = leakage.rank(scores, guesses.index(task.encode(task.normalise(one["output"]))))
    told = {"planted": len(planted[0]), "candidates": len(guesses), "ranks": ranks} if planted else None
    _write(output / "canaries.json", told)
    return {"members": len(members), "others": len(others), "held_out": held_out, "why_not": None}


def _strangers(data: Path, most: int, seed: int) -> tuple[list[Example], bool]:
    """Examples that were never learnt from; those that were held out of the same files where there are any."""
    splits = json.loads((data / "summary.json").read_text(encoding="utf-8"))["splits"]
    names = [name for name in splits if name != "train"]
    alike = [name for name in names if splits[name]["from_train"]]
    found = [example for name in alike or names for example in load_examples(data / f"{name}.jsonl")]
    return choose_asked(found, most, seed), bool(alike)


def _context(weights: Path) -> int:
    from helder.model.families import read_config

    return read_config(weights).context_length


def _write(path: Path, record: Any) -> None:
    path.write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _write_lines(path: Path, records: Sequence[Mapping[str, Any]]) -> None:
    lines = [json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n" for record in records]
    path.write_text("".join(lines), encoding="utf-8")
