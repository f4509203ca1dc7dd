"""How many floating-point operations a training took, counted from the architecture and the tokens it learnt from.

It is an upper bound of what the task needs: attention is counted over the whole context where the mean length of a
sequence is not recorded, and a reference model as if it read every token once more. It does not count what a machine
made twice, nor looks at the dev set.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from helder.fleet.work import Architecture, Work
from helder.model.config import TransformerConfig

HOW = (
    "counted: two for each multiplied parameter and token forward, as many for inputs and for trained weights backward "
    "(Kaplan et al. 2020), attention over the whole context, the optimiser's own; an upper bound"
)


def training_flops(
    config: TransformerConfig,
    settings: Mapping[str, Any],
    tokens: int,
    steps: int,
    teacher: TransformerConfig | None = None,
) -> float | None:
    """The operations of one training.

    Args:
        config: sizes of the model that is trained.
        settings: the resolved settings of the training.
        tokens: all that it learnt from, epochs counted; for rewards questions and answers.
        steps: of the optimiser.
        teacher: sizes of the teacher, for a distillation.

    Returns:
        None when it cannot be counted: nothing was trained, or the teacher is not known.
    """
    objective = settings["objective"]
    if tokens < 1 or steps < 1 or (objective == "distil" and teacher is None):
        return None
    each = tokens / steps
    own: dict[str, Any] = {}
    if objective == "reward":
        half = each / 2  # any split will do: only the sum of question and answer is counted here
        own = {"prompts_per_step": 1, "group_size": 1, "prompt_tokens": each - half, "generated_tokens": half}
        own |= {"reuse": settings["reuse"], "forward_passes": 1.0 + (settings["kl"] > 0)}
    if objective == "distil" and teacher is not None:
        own["teacher_parameters"] = Architecture.of(teacher).parameters
    work = Work(
        name="training",
        architecture=Architecture.of(config),
        objective=objective,
        tokens=float(tokens),
        tokens_per_step=each,
        sequence_length=min(settings["context"], config.context_length),
        method=settings["method"],
        upper=settings["upper"],
        lora_rank=settings["lora_rank"],
        optimizer=settings["optimizer"],
        **own,
    )
    written = work.forward_flops / settings["reuse"] if objective == "reward" else 0.0  # the answers, before they count
    return tokens * (work.token_flops + written) + steps * work.optimizer_flops


def answer_flops(config: TransformerConfig, tokens: float) -> float:
    """The operations of one question with its answer, each token once through the model.

    Args:
        tokens: of question and answer together.
    """
    shape = Architecture.of(config)
    return tokens * (2.0 * shape.multiplied + shape.attention_flops(tokens))
