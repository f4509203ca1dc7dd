"""What a model is asked: the bare input for a tuned model; instruction and examples for an untrained one.

The untrained model gets a fair chance: the task in words, the form of the answer, examples that differ from each
other, and decoding held to the form, like everyone else.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence

from helder.data.schema import leaves, same, value_text
from helder.data.task import Task
from helder.evaluate.records import Example

POOL = 1000  # training examples that are looked through for a prompt (assumption: enough variety)
LONGEST = 0.9  # examples longer than this share of the pool are left out of a prompt, which has to fit

Message = Mapping[str, str]


def messages_for(task: Task, text: str, shots: Sequence[Example] | None) -> list[Message]:
    """The conversation up to the question.

    Args:
        shots: None for a tuned model, which gets the bare input; else the examples of the prompt (perhaps none).
    """
    if shots is None:
        return [{"role": "user", "content": text}]
    instruction = task.prompt_instruction()
    turns: list[Message] = []
    for example in shots:
        turns += [
            {"role": "user", "content": example.input},
            {"role": "assistant", "content": task.encode(example.output)},
        ]
    turns.append({"role": "user", "content": text})
    # The instruction stands in the first user turn: not every chat format has a system role.
    first = {"role": "user", "content": f"{instruction}\n\n{turns[0]['content']}"}
    return [first, *turns[1:]]


def choose_shots(task: Task, train: Sequence[Example], count: int, seed: int) -> list[Example]:
    """`count` training examples that together show as much of the task as they can.

    Greedy: each next one adds most of what the pool often holds and the chosen ones lack (labels, fields, values,
    number of records, lengths). Ties go to the shorter, then to the lower hash. Nothing else is drawn.
    """
    ranked = sorted(train, key=lambda example: _draw(seed, example.id))[:POOL]
    lengths = sorted(len(example.input) + len(task.encode(example.output)) for example in ranked)
    limit = lengths[min(len(lengths) - 1, int(LONGEST * len(lengths)))] if lengths else 0
    pool = [
        (example, _features(task, example), len(example.input) + len(task.encode(example.output)))
        for example in ranked
        if len(example.input) + len(task.encode(example.output)) <= limit
    ]
    frequency = Counter(feature for _, features, _ in pool for feature in features)
    chosen: list[Example] = []
    shown: set[str] = set()
    while pool and len(chosen) < count:
        best = max(
            range(len(pool)),
            key=lambda place: (sum(frequency[one] for one in pool[place][1] - shown), -pool[place][2], -place),
        )
        example, features, _ = pool.pop(best)
        chosen.append(example)
        shown |= features
    return chosen


def choose_asked(examples: Sequence[Example], limit: int | None, seed: int) -> list[Example]:
    """At most `limit` of the examples, those whose id hashes lowest, in their order; other seeds choose others."""
    if limit is None or limit >= len(examples):
        return list(examples)
    ranked = sorted(range(len(examples)), key=lambda place: _draw(seed, examples[place].id))
    return [examples[place] for place in sorted(ranked[:limit])]


def _features(task: Task, example: Example) -> set[str]:
    """What an example shows of the task."""
    if task.kind == "label":
        return {f"label {example.output}"}
    if task.kind == "text":
        return {f"input length {len(example.input).bit_length()}", f"output length {len(example.output).bit_length()}"}
    records = leaves([example.output])
    found = {f"records {len(records)}"}
    for record in records:
        stated = [name for name, value in record.items() if not same(value, task.default(name))]
        found |= {f"field {name}" for name in stated}
        found |= {f"value {name} {value_text(record[name])}" for name in stated}
        found.add("fields " + " ".join(stated))
    return found


def _draw(seed: int, identity: str) -> bytes:
    return hashlib.sha256(f"helder evaluate {seed}\n{identity}".encode()).digest()
