"""The stage "teach": a teacher answers the training questions, and a student learns from what it wrote.

Sequence-level distillation (Kim and Rush 2016), for a teacher whose vocabulary is not the student's. The teacher is
held to the form of the task; what it could not finish is left out and counted.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from helder.data.task import Task
from helder.errors import HelderError
from helder.evaluate.predict import ROOM, SPARE, counter, open_weights, read_answer
from helder.evaluate.prompt import messages_for
from helder.evaluate.records import load_examples
from helder.tokens import chat
from helder.tokens.tokenizer import Tokenizer


def run(
    settings: dict[str, Any],
    inputs: dict[str, Path],
    output: Path,
    scratch: Path,
    report: Callable[..., None],
) -> dict[str, Any]:
    """Stage function, see `helder.stage`: "data" and "teacher" → the same data with the teacher's answers.

    Raises:
        HelderError: the teacher finished no answer.
    """
    data, teacher = inputs["data"], inputs["teacher"]
    task, tokenizer, format_name = Task.load(data / "task.json"), Tokenizer.load(teacher), chat.format_of(teacher)
    for path in sorted(data.iterdir()):
        if path.name != "train.jsonl":
            shutil.copyfile(path, output / path.name)
    items = load_examples(data / "train.jsonl")
    prompts = [chat.render(tokenizer, format_name, messages_for(task, item.input, None))[0] for item in items]
    longest = max(len(tokenizer.encode(task.encode(item.output))) for item in items)
    max_tokens = int(ROOM * longest) + SPARE
    model = open_weights(teacher, tokenizer, format_name, max(map(len, prompts)) + max_tokens + 1)
    answers = model.ask(prompts, task.grammar(), max_tokens, counter(report, len(items)))
    taught = left_out = same = 0
    with (output / "train.jsonl").open("w", encoding="utf-8") as file:
        for item, answer in zip(items, answers, strict=True):
            said = read_answer(task, item, answer)
            if said.output is None:
                left_out += 1
                continue
            taught, same = taught + 1, same + (said.output == item.output)
            line = {"id": item.id, "input": item.input, "output": said.output}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
    if not taught:
        raise HelderError(
            "The teacher finished no answer.",
            f"None of its {len(items)} answers is of the task's form.",
            "Choose a teacher that was trained for this task.",
        )
    if left_out:
        report("warning", text=f"{left_out} of {len(items)} answers of the teacher are not of the task's form.")
    return {"taught": taught, "left_out": left_out, "as_in_the_data": same}
