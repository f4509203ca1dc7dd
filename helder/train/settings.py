"""The settings of a training, every one resolved: what the statement records is what the loop used.

Light: no torch, so that the pipeline can resolve a recipe before any training process exists.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from helder.errors import HelderError
from helder.ledger.environment import flags

# Defaults by method. Measured on SmolLM2-135M and the dose-instructions example, see docs/log.md.
LEARNING_RATE = {"full": 5e-4, "upper": 8e-4, "lora": 1e-3}
CLOSEST = 10  # steps between two looks, unless the recipe says otherwise
CLOSEST_SAVE = 40  # steps between two checkpoints: saving takes as long as one or two steps
BATCH_TOKENS = {"full": 512, "upper": 512, "lora": 768}
BF16_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}  # as Linux calls them: Intel and AMD, Intel's tiles, Arm


@dataclass(frozen=True)
class TrainSettings:
    """Everything that the loop needs to know and that the data and the base model do not say.

    Attributes:
        method: "full" tunes all weights; "upper" those of the upper blocks, and leaves the embeddings and the lower
            blocks as they are; "lora" tunes low-rank additions to the linear layers of the blocks.
        learning_rate: the highest, reached after warm-up.
        batch_tokens: tokens of one step, padding counted; 0 when `batch_size` decides.
        batch_size: examples of one step; 0 when `batch_tokens` decides.
        data_parallel: parts of a batch whose gradients are made side by side and summed; they share the threads.
        context: longest example in tokens; longer ones are left out, counted and reported.
        warmup: part of the steps in which the learning rate rises linearly.
        weight_decay: decoupled (AdamW), on matrices only.
        gradient_clip: largest norm of a step's gradient.
        beta1, beta2: how slowly AdamW's means of the gradient and of its square move. 0.95, as in OLMo 2: trainings of
            a few hundred steps have no thousand steps to look back on (docs/log.md).
        upper: part of the blocks that "upper" tunes, from the top.
        lora_rank, lora_alpha: see Hu et al. 2021; the additions are scaled by alpha / rank.
        precision: of matrix products; weights, sums and the optimiser are fp32 in any case.
        numerics: "fast" (whatever instructions the processor has) or "portable" (those that every one has, in fp32).
        seed: decides the order of the examples and the first LoRA weights.
        evaluate_every: steps between two looks at the dev set; 0: five looks in all.
        checkpoint_every: steps between two checkpoints; 0: four in all for "full", ten for "lora".
        steps, epochs, tokens: how long; exactly one is not zero.
    """

    method: Literal["full", "upper", "lora"] = "full"
    learning_rate: float = LEARNING_RATE["full"]
    batch_tokens: int = BATCH_TOKENS["full"]
    batch_size: int = 0
    data_parallel: int = 2
    context: int = 512
    warmup: float = 0.06
    weight_decay: float = 0.01
    gradient_clip: float = 1.0
    beta1: float = 0.9
    beta2: float = 0.95
    upper: float = 0.5
    lora_rank: int = 16
    lora_alpha: float = 32.0
    precision: Literal["bf16", "fp32"] = "fp32"
    numerics: Literal["fast", "portable"] = "fast"
    seed: int = 0
    evaluate_every: int = 0
    checkpoint_every: int = 0
    steps: int = 0
    epochs: float = 0.0
    tokens: int = 0

    def evaluations(self, steps: int) -> int:
        """Steps between two looks at the dev set, in a training of `steps` steps."""
        return self.evaluate_every or max(CLOSEST, math.ceil(steps / 5))

    def checkpoints(self, steps: int) -> int:
        """Steps between two checkpoints, in a training of `steps` steps."""
        parts = 10 if self.method == "lora" else 4
        return self.checkpoint_every or max(CLOSEST_SAVE, math.ceil(steps / parts))

    def saves(self, steps: int) -> int:
        """Checkpoints of a training of `steps` steps; the end is none."""
        return max(0, steps - 1) // self.checkpoints(steps)


def resolve(section: Mapping[str, Any]) -> dict[str, Any]:
    """The recipe's `[train]`, every None replaced by what the loop will use.

    Args:
        section: keys of `TrainSettings`; None or absent means the default.

    Raises:
        HelderError: a key that the loop does not know.
    """
    known = {field.name for field in dataclasses.fields(TrainSettings)}
    given = {key: value for key, value in section.items() if value is not None}
    unknown = sorted(set(given) - known)
    if unknown:
        raise HelderError(
            f"The training does not know the setting {unknown[0]}.", f"It knows {', '.join(sorted(known))}."
        )
    method = given.get("method", "full")
    portable = given.get("numerics") == "portable"
    if portable and given.get("precision") == "bf16":
        raise HelderError(
            "There are no portable bits in bf16.",
            "Processors round its sums differently.",
            'Leave out `precision`, or use numerics = "fast".',
        )
    defaults: dict[str, Any] = {
        "learning_rate": LEARNING_RATE[method],
        "precision": "fp32" if portable else faster_precision(),
    }
    if "batch_size" in given:
        defaults["batch_tokens"] = 0
    else:
        defaults["batch_tokens"] = BATCH_TOKENS[method]
    return dataclasses.asdict(TrainSettings(**{**defaults, **given}))


def faster_precision() -> Literal["bf16", "fp32"]:
    """What trains faster on this machine: bf16 where the processor multiplies it, else fp32.

    Without such instructions bf16 is emulated: 35 GFLOP/s a core against 150 in fp32 (Intel Ice Lake, docs/log.md).
    """
    return "bf16" if flags() & BF16_FLAGS else "fp32"


def environment(numerics: str) -> dict[str, str]:
    """Variables that the training process must be started with.

    The allocator's settings change no number: they keep freed memory instead of handing it back to the kernel after
    each operation, which made training 1.3 times faster (docs/log.md). The rest decides the bits of the portable
    profile and must stand before torch is imported.
    """
    variables = {
        "MALLOC_MMAP_MAX_": "0",
        "MALLOC_TRIM_THRESHOLD_": str(1 << 40),
        "MALLOC_TOP_PAD_": str(256 << 20),
    }
    if numerics == "portable":
        variables |= {
            "ATEN_CPU_CAPABILITY": "avx2",
            "MKL_CBWR": "COMPATIBLE",
            "ONEDNN_MAX_CPU_ISA": "AVX2",
        }
    return variables
