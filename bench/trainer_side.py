"""One side of `bench.trainer` in a process of its own: `python -m bench.trainer_side JOB.json`.

Both sides read the examples with Helder's reader, so that both see the same tokens and answer starts. The clock runs
from the end of the last warm step to the end of the last step; loading the model is not part of it.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from helder.stage_child import peak_memory
from helder.train.examples import Example
from helder.train.loop import Trainer
from helder.train.settings import TrainSettings
from helder.train.stage import prepare

IGNORED = -100  # the label that transformers' loss leaves out


class Clock:
    """Wall and CPU seconds of this process since `start`."""

    def __init__(self) -> None:
        self.wall = self.cpu = 0.0

    def start(self) -> None:
        self.wall, self.cpu = time.monotonic(), time.process_time()

    def read(self) -> dict[str, float]:
        return {"cpu_seconds": time.process_time() - self.cpu, "seconds": time.monotonic() - self.wall}


def helder_side(trainer: Trainer, warm: int) -> dict[str, Any]:
    """Helder's own loop, step by step as `Trainer.run` takes them."""
    steps, clock = trainer.steps, Clock()
    lines = [trainer.step(step, steps) for step in range(warm)]
    clock.start()
    lines += [trainer.step(step, steps) for step in range(warm, steps)]
    return {
        **clock.read(),
        "tokens": sum(line["tokens"] for line in lines[warm:]),
        "padded_tokens": sum(line["padded_tokens"] for line in lines[warm:]),
        "mean_loss": sum(line["loss"] for line in lines) / steps,
    }


def trainer_side(
    examples: Sequence[Example], base: Path, settings: TrainSettings, warm: int, grouped: bool
) -> dict[str, Any]:
    """`transformers.Trainer`, as its documentation shows it for a model on the CPU."""
    import torch
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(base)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    model = transformers.AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    pad = transformers.DataCollatorForSeq2Seq(tokenizer, padding=True, label_pad_token_id=IGNORED)
    sizes: list[tuple[int, int]] = []  # of each batch in the order of the steps: tokens without and with padding
    clock = Clock()
    taken: dict[str, float] = {}

    def collate(rows: list[dict[str, list[int]]]) -> Any:
        batch = pad(rows)
        sizes.append((int(batch["attention_mask"].sum()), batch["input_ids"].numel()))
        return batch

    class Watch(transformers.TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
            if state.global_step == warm:
                clock.start()
            elif state.global_step == settings.steps:
                taken.update(clock.read())

    arguments = transformers.TrainingArguments(
        output_dir="trainer",
        use_cpu=True,
        bf16=settings.precision == "bf16",
        max_steps=settings.steps,
        per_device_train_batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
        max_grad_norm=settings.gradient_clip,
        lr_scheduler_type="linear",
        warmup_steps=round(settings.warmup * settings.steps),
        train_sampling_strategy="group_by_length" if grouped else "random",
        seed=settings.seed,
        save_strategy="no",
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )
    ended = transformers.Trainer(
        model=model,
        args=arguments,
        train_dataset=[row(example) for example in examples],
        data_collator=collate,
        processing_class=tokenizer,
        callbacks=[Watch()],
    ).train()
    # The loader reads ahead, so that there are more batches than steps; they come in order.
    timed = sizes[warm : settings.steps]
    return {
        **taken,
        "tokens": sum(real for real, _ in timed),
        "padded_tokens": sum(padded for _, padded in timed),
        "mean_loss": ended.training_loss,
    }


def row(example: Example) -> dict[str, list[int]]:
    """An example as the Trainer wants it: the loss is taken from the answer only."""
    ids, start = list(example.ids), example.answer_start
    return {"input_ids": ids, "attention_mask": [1] * len(ids), "labels": [IGNORED] * start + ids[start:]}


def main() -> None:
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    inputs = {name: Path(path) for name, path in job["inputs"].items()}
    if job["loop"] == "helder":
        trainer = prepare(job["settings"], inputs, lambda event, **fields: None)
        trainer.begin(Path(job["result"]).parent)
        found = helder_side(trainer, job["warm"])
    else:
        settings = TrainSettings(**job["settings"])
        examples = examples_of(settings, inputs)
        found = trainer_side(examples, inputs["base"], settings, job["warm"], job["grouped"])
    found["peak_memory"] = peak_memory()
    Path(job["result"]).write_text(json.dumps(found), encoding="utf-8")


def examples_of(settings: TrainSettings, inputs: dict[str, Path]) -> list[Example]:
    """The training examples as Helder's stage reads them."""
    from helder.data.task import Task
    from helder.tokens import chat
    from helder.tokens.tokenizer import Tokenizer
    from helder.train.examples import read_examples

    base, data = inputs["base"], inputs["data"]
    task, tokenizer = Task.load(data / "task.json"), Tokenizer.load(base)
    examples, _ = read_examples(data / "train.jsonl", task, tokenizer, chat.format_of(base), settings.context)
    return examples


if __name__ == "__main__":
    main()
