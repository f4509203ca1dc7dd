"""One side of `bench.train` in a process of its own: `python -m bench.train_side JOB.json`.

It makes its model, says so, then takes as many steps as each line on its stdin asks for and answers with what they
cost, one JSON line on stdout each. So all sides can be alive at once and take their turns. The clock runs during the
steps only; making the model, compiling and waiting are not part of it.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from helder.stage_child import peak_memory

LEARNING_RATE, WEIGHT_DECAY, BETAS, CLIP = 3e-4, 0.1, (0.9, 0.95), 1.0  # the same for all
EPSILON, ROPE_THETA = 1e-6, 500_000.0  # OLMo 2's
PEAK_SHAPES = ((2048, 512, 2752), (2048, 1024, 1024), (2048, 2048, 2048))  # rows, in, out
STEPS = 1_000_000  # more than are taken
Step = Callable[[Tensor], float]  # a batch (rows, context + 1) → its loss, in nats per token


@dataclass(frozen=True)
class Job:
    """What a side is told: the shapes of `bench.train.Size`, and how.

    Attributes:
        rows: an .npy file, (rows, context + 1) tokens.
        text: a folder with the same tokens as `helder.tokens.shards` keeps them.
        batch: rows of a step.
        compiled: with `torch.compile`.
    """

    loop: str
    vocabulary: int
    width: int
    layers: int
    heads: int
    inner: int
    context: int
    rows: str
    text: str
    batch: int
    compiled: bool


class Turns:
    """The commands of `bench.train`, and the clock."""

    def __init__(self, answers: Any, tokens: int) -> None:
        self.answers, self.tokens, self.left, self.asked = answers, tokens, 0, 0
        self.wall = self.cpu = 0.0
        self.losses: list[float | None] = []

    def begin(self) -> bool:
        """Wait for the next command and start the clock; False when there is none any more."""
        line = sys.stdin.readline()
        if not line.strip():
            return False
        self.asked = self.left = int(line)
        self.losses = []
        self.wall, self.cpu = time.monotonic(), time.process_time()
        return True

    def took(self, loss: float | None) -> bool:
        """One step was taken; at the last one of a turn, answer and wait. False when there is nothing more to do."""
        self.left -= 1
        self.losses.append(loss)
        if self.left:
            return True
        spent = {"cpu_seconds": time.process_time() - self.cpu, "seconds": time.monotonic() - self.wall}
        self.say({**spent, "tokens": self.asked * self.tokens, "loss": self.losses[-1]})
        return self.begin()

    def say(self, found: dict[str, Any]) -> None:
        print(json.dumps({**found, "peak_memory": peak_memory()}), file=self.answers, flush=True)


def batches(job: Job) -> Callable[[int], Tensor]:
    """Batch by number, in the order of the rows, again from the first when they are used up."""
    rows = torch.from_numpy(np.load(job.rows))
    count = len(rows) // job.batch
    return lambda number: rows[number % count * job.batch :][: job.batch]


def plain(job: Job) -> Step:
    """A short loop around `bench.plain_olmo2`, as nanoGPT's: autocast, mean loss, clip, fused AdamW."""
    from bench.plain_olmo2 import PlainOlmo2

    torch.manual_seed(0)
    model = PlainOlmo2(job.vocabulary, job.width, job.layers, job.heads, job.inner, job.context)
    draw(model)
    groups = [
        {"params": [each for each in model.parameters() if each.ndim > 1], "weight_decay": WEIGHT_DECAY},
        {"params": [each for each in model.parameters() if each.ndim == 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=LEARNING_RATE, betas=BETAS, fused=True)
    forward: Any = torch.compile(model) if job.compiled else model

    def step(rows: Tensor) -> float:
        with torch.autocast("cpu", torch.bfloat16):
            loss = forward(rows[:, :-1].contiguous(), rows[:, 1:].contiguous())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return float(loss)

    return step


def litgpt(job: Job) -> Step:
    """litgpt's GPT with its OLMo 2 settings and the arithmetic of its `pretrain`, but AdamW fused: litgpt asks for
    that on GPUs only, which makes it slower here."""
    import lightning
    from litgpt.config import Config
    from litgpt.model import GPT
    from litgpt.utils import chunked_cross_entropy

    fabric = lightning.Fabric(accelerator="cpu", devices=1, precision="bf16-mixed")
    fabric.seed_everything(0, verbose=False)
    config = Config.from_name(
        "OLMo-2-1124-7B",
        vocab_size=job.vocabulary,
        padded_vocab_size=job.vocabulary,
        block_size=job.context,
        n_embd=job.width,
        n_layer=job.layers,
        n_head=job.heads,
        n_query_groups=job.heads,
        head_size=job.width // job.heads,
        intermediate_size=job.inner,
    )
    with fabric.init_module():
        gpt = GPT(config)
    draw(gpt)
    model: Any = fabric.setup(torch.compile(gpt) if job.compiled else gpt)
    optimizer: Any = fabric.setup_optimizers(
        torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY, betas=BETAS, fused=True)
    )

    def step(rows: Tensor) -> float:
        logits = model(rows[:, : job.context].contiguous().long())
        loss = chunked_cross_entropy(logits, rows[:, 1 : job.context + 1].contiguous().long())
        fabric.backward(loss)
        fabric.clip_gradients(model, optimizer, max_norm=CLIP)
        optimizer.step()
        optimizer.zero_grad()
        return float(loss.detach())

    return step


def trainer(job: Job, turns: Turns) -> None:
    """`transformers.Trainer` with `Olmo2ForCausalLM`, as its documentation shows it; rows of `context` tokens, of which
    it trains all but the first."""
    import transformers

    torch.manual_seed(0)
    config = transformers.Olmo2Config(
        vocab_size=job.vocabulary,
        hidden_size=job.width,
        intermediate_size=job.inner,
        num_hidden_layers=job.layers,
        num_attention_heads=job.heads,
        max_position_embeddings=job.context,
        rms_norm_eps=EPSILON,
        rope_parameters={"rope_type": "default", "rope_theta": ROPE_THETA},
        use_cache=False,
        tie_word_embeddings=False,
    )
    rows = np.load(job.rows)[:, : job.context]

    class Watch(transformers.TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
            if not turns.took(None):
                control.should_training_stop = True

    arguments = transformers.TrainingArguments(
        output_dir="trainer",
        use_cpu=True,
        bf16=True,
        max_steps=STEPS,
        per_device_train_batch_size=job.batch,
        learning_rate=LEARNING_RATE,
        weight_decay=WEIGHT_DECAY,
        adam_beta2=BETAS[1],
        max_grad_norm=CLIP,
        optim="adamw_torch_fused",
        lr_scheduler_type="constant",
        save_strategy="no",
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
        torch_compile=job.compiled,
    )
    transformers.Trainer(
        model=transformers.Olmo2ForCausalLM(config),
        args=arguments,
        train_dataset=[{"input_ids": row, "labels": row} for row in rows],
        callbacks=[Watch()],
    ).train()


def helder(job: Job) -> Step:
    """Helder's own loop on the objective "text", as `Trainer.run` takes its steps.

    Documents that share a row do not see each other, which the others do not care for. No z-loss: they have none.
    """
    from helder.train.loop import Trainer
    from helder.train.settings import resolve
    from helder.train.stage import prepare

    folder = Path(job.text)
    settings = resolve(
        {
            "objective": "text",
            "learning_rate": LEARNING_RATE,
            "weight_decay": WEIGHT_DECAY,
            "beta1": BETAS[0],
            "beta2": BETAS[1],
            "gradient_clip": CLIP,
            "schedule": "constant",
            "warmup": 0.0,
            "z_loss": 0.0,
            "context": job.context,
            "batch_size": job.batch,
            "data_parallel": torch.get_num_threads(),
            "precision": "bf16",
            "compile": job.compiled,
            "steps": STEPS,
        }
    )
    base = folder / f"base-{os.getpid()}"
    write_model(base, job)
    made: Trainer = prepare(settings, {"base": base, "text": folder}, lambda event, **fields: None)
    made.begin(folder)
    numbers = itertools.count()
    return lambda rows: float(made.step(next(numbers), STEPS)["loss"])


def write_model(folder: Path, job: Job) -> None:
    """A model folder with weights drawn as the others draw theirs."""
    from safetensors.torch import save_file

    from bench.plain_olmo2 import PlainOlmo2

    folder.mkdir()
    torch.manual_seed(0)
    model = PlainOlmo2(job.vocabulary, job.width, job.layers, job.heads, job.inner, job.context)
    draw(model)
    names = {name: name if name.startswith("lm_head") else f"model.{name}" for name in model.state_dict()}
    save_file({names[name]: tensor for name, tensor in model.state_dict().items()}, folder / "model.safetensors")
    config = {
        "architectures": ["Olmo2ForCausalLM"],
        "model_type": "olmo2",
        "vocab_size": job.vocabulary,
        "hidden_size": job.width,
        "num_hidden_layers": job.layers,
        "num_attention_heads": job.heads,
        "num_key_value_heads": job.heads,
        "intermediate_size": job.inner,
        "max_position_embeddings": job.context,
        "rms_norm_eps": EPSILON,
        "rope_theta": ROPE_THETA,
        "hidden_act": "silu",
        "tie_word_embeddings": False,
        "attention_bias": False,
        "torch_dtype": "float32",
    }
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")


def draw(model: torch.nn.Module) -> None:
    """Matrices and embeddings from a normal distribution of deviation 0.02, as OLMo 2's."""
    for parameter in model.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.02)


def peak(turns: Turns) -> None:
    """Matrix products in bf16 and nothing else: the most that a CPU-second gives, of three usual shapes."""
    made = [(torch.randn(rows, wide).bfloat16(), torch.randn(out, wide).bfloat16()) for rows, wide, out in PEAK_SHAPES]
    more = True
    while more:
        best = 0.0
        for left, right in made:
            F.linear(left, right)
            before = time.process_time()
            for _ in range(8):
                F.linear(left, right)
            operations = 8 * 2 * left.shape[0] * left.shape[1] * right.shape[0]
            best = max(best, operations / (time.process_time() - before))
        turns.say({"operations_per_cpu_second": best})
        more = turns.begin()


def main() -> None:
    job = Job(**json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    turns, batch = Turns(answers, job.batch * job.context), batches(job)
    turns.say({"ready": True})
    if not turns.begin():
        return
    if job.loop == "trainer":
        return trainer(job, turns)
    if job.loop == "peak":
        return peak(turns)
    step = {"helder": helder, "plain": plain, "litgpt": litgpt}[job.loop](job)
    number, more = 0, True
    while more:
        more = turns.took(step(batch(number)))
        number += 1


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
