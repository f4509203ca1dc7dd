"""One training as work: how large the model is, what it learns from how many tokens, and what a token costs.

Everything here is counting; no machine is known. FLOPs: a multiplication and an addition are two. A matrix that is
applied costs two for each of its parameters and tokens; its gradient costs two for the input and two for the weights
(Kaplan et al. 2020). Attention is causal, so that half of the products of query and key are needed and counted; others
count all of them, and get a higher utilisation of the same machine from the same run.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

from helder.model.config import TransformerConfig

Objective = Literal["text", "answers", "preference", "reward", "distil", "generate"]
Method = Literal["full", "upper", "lora"]
Checkpointing = Literal["auto", "none", "selective", "full"]
FP32 = 4  # bytes
LOG_BYTES = 305  # of a step's line in log.jsonl, as the training loop writes it (counted)


@dataclass(frozen=True)
class Architecture:
    """Sizes of a transformer; the names are those of `TransformerConfig`."""

    width: int
    layers: int
    heads: int
    kv_heads: int
    head_width: int
    feed_forward_width: int
    vocabulary_size: int
    tied: bool = False

    @classmethod
    def of(cls, config: TransformerConfig) -> Architecture:
        """What is counted of a model with these settings; its biases and small norms are not."""
        return cls(**{field.name: getattr(config, field.name) for field in fields(cls)})

    @property
    def attention_width(self) -> int:
        return self.heads * self.head_width

    @property
    def block_parameters(self) -> int:
        """Of one block: attention, SwiGLU, two norms."""
        attention = 2 * self.width * self.head_width * (self.heads + self.kv_heads)
        return attention + 3 * self.width * self.feed_forward_width + 2 * self.width

    @property
    def embedding_parameters(self) -> int:
        """Of the embedding, and of the head where it has its own."""
        return self.vocabulary_size * self.width * (1 if self.tied else 2)

    @property
    def parameters(self) -> int:
        """All, a tied head counted once."""
        return self.layers * self.block_parameters + self.embedding_parameters + self.width

    @property
    def multiplied(self) -> int:
        """Parameters that every token is multiplied with: the blocks and the head, not the embedding."""
        return self.layers * self.block_parameters + self.vocabulary_size * self.width

    def attention_flops(self, length: float) -> float:
        """Of queries with keys and weights with values, forward, a token, in sequences of `length` tokens."""
        return 2.0 * self.layers * self.attention_width * length

    def lora_parameters(self, rank: int) -> int:
        """Low-rank additions to every matrix of every block."""
        keys = self.kv_heads * self.head_width
        attention = 2 * (self.width + self.attention_width) + 2 * (self.width + keys)
        return self.layers * rank * (attention + 3 * (self.width + self.feed_forward_width))


@dataclass(frozen=True)
class Work:
    """One training, whatever it learns from. One of `tokens` and `seconds` is given.

    Attributes:
        name: what people call the stage.
        architecture: sizes of the model that is trained.
        objective: "text" (next token), "answers" (the same, on answers only), "preference" (pairs, with the
            log-probabilities of a reference model made once), "reward" (groups of generated answers, a reference
            model), "distil" (a teacher's probabilities), "generate" (nothing is learnt: a teacher writes answers).
        tokens: tokens trained on in all, every epoch and, for pairs, both answers counted.
        seconds: a budget in time; it has as many tokens as a machine does in it.
        tokens_per_step: tokens of one optimiser step, over all devices.
        sequence_length: the longest sequence.
        mean_length: tokens of a sequence on average; 0 when sequences are packed to the full length.
        method: which weights are tuned.
        upper: part of the blocks that "upper" tunes.
        lora_rank: of the additions of "lora".
        optimizer: "adamw" keeps two moments; "muon" one for the matrices of the blocks, and AdamW for the rest.
        optimizer_bytes: bytes of state a trained parameter, where it is not fp32 moments; 0 for those.
        precision: of matrix products; weights, gradient sums and the optimiser are fp32.
        checkpointing: activations that are made again in the backward pass: "none", "selective" (about half of them),
            "full" (all but the input of each block), or "auto" (what is fastest of those that fit).
        fused_loss: the logits exist for a few rows at a time only.
        sequences_at_once: sequences that a device works on at once; 0 for what fits.
        epochs: how often each token is seen; a reference model looks once.
        repeats: trainings of this kind, with other seeds.
        checkpoints: training states that are kept on disk.
        log_bytes: what a step writes into the logs.
        teacher_parameters: of the teacher, for "distil".
        prompts_per_step, group_size: of "reward" and "generate": prompts of a step and answers to each.
        prompt_tokens, generated_tokens: of the same, on average.
        longest_answer: of the same: tokens after which an answer is cut; the slowest of a step reaches it.
        reuse: of "reward": steps that learn from the same answers.
        reference: of "reward": whether the model that it began with is held beside it.
        forward_passes: of "reward": passes over the answers before the first step that learns from them, such as the
            reference model's.
    """

    name: str
    architecture: Architecture
    objective: Objective = "text"
    tokens: float | None = None
    seconds: float | None = None
    tokens_per_step: float = 524288
    sequence_length: int = 4096
    mean_length: float = 0
    method: Method = "full"
    upper: float = 0.5
    lora_rank: int = 16
    optimizer: Literal["adamw", "muon"] = "adamw"
    optimizer_bytes: float = 0
    precision: Literal["bf16", "fp32"] = "bf16"
    checkpointing: Checkpointing = "auto"
    fused_loss: bool = True
    sequences_at_once: int = 0
    epochs: float = 1.0
    repeats: int = 1
    checkpoints: int = 1
    log_bytes: float = LOG_BYTES
    teacher_parameters: float = 0
    prompts_per_step: int = 0
    group_size: int = 0
    prompt_tokens: float = 0
    generated_tokens: float = 0
    longest_answer: int = 0
    reuse: int = 1
    reference: bool = True
    forward_passes: float = 1.0

    def __post_init__(self) -> None:
        if (self.tokens is None) == (self.seconds is None):
            raise ValueError(f"{self.name}: give tokens or seconds, one of them")
        writes = self.objective in ("reward", "generate")
        if writes and not (self.prompts_per_step and self.group_size and self.generated_tokens):
            raise ValueError(f"{self.name}: {self.objective} needs prompts_per_step, group_size and generated_tokens")
        answers = self.prompts_per_step * self.group_size * (self.prompt_tokens + self.generated_tokens)
        if writes and not 0.99 < answers / self.tokens_per_step < 1.01:
            raise ValueError(f"{self.name}: tokens_per_step is not the {answers:.0f} tokens of all prompts and answers")
        if self.objective == "distil" and not self.teacher_parameters:
            raise ValueError(f"{self.name}: distil needs teacher_parameters")

    @property
    def length(self) -> float:
        """Tokens of a sequence, on average."""
        return self.mean_length or self.sequence_length

    @property
    def trained_parameters(self) -> float:
        shape = self.architecture
        if self.objective == "generate":
            return 0
        if self.method == "lora":
            return shape.lora_parameters(self.lora_rank)
        if self.method == "upper":
            return max(1, round(self.upper * shape.layers)) * shape.block_parameters + shape.width
        return shape.parameters

    @property
    def frozen_parameters(self) -> float:
        """That are held beside the trained ones, in the precision of the products."""
        shape = self.architecture
        return shape.parameters - (0 if self.method == "lora" else self.trained_parameters)

    @property
    def state_bytes(self) -> float:
        """Of the optimiser, all devices together."""
        if self.optimizer_bytes:
            return self.optimizer_bytes * self.trained_parameters
        if self.optimizer == "adamw":
            return 2 * FP32 * self.trained_parameters
        matrices = min(self.trained_parameters, self.architecture.layers * self.architecture.block_parameters)
        return FP32 * matrices + 2 * FP32 * (self.trained_parameters - matrices)

    @property
    def forward_flops(self) -> float:
        """Of one token through the model, forward."""
        return 2.0 * self.architecture.multiplied + self.architecture.attention_flops(self.length)

    @property
    def backward_flops(self) -> float:
        """Of one token back through it: gradients of inputs, and of the weights that are tuned."""
        shape = self.architecture
        attention = 2 * shape.attention_flops(self.length)
        if self.objective == "generate":
            return 0.0
        if self.method == "lora":
            return 2.0 * shape.multiplied + attention + 4.0 * self.trained_parameters
        if self.method == "upper":
            head = 2.0 * shape.vocabulary_size * shape.width
            return 4.0 * self.trained_parameters + self.upper * attention + head
        return 4.0 * shape.multiplied + attention

    @property
    def other_flops(self) -> float:
        """Of one token through other models, forward only: a reference model, a teacher."""
        if self.objective == "preference":
            return self.forward_flops / max(1.0, self.epochs)
        if self.objective == "reward":
            return self.forward_passes * self.forward_flops / self.reuse
        if self.objective == "distil":
            return 2.0 * self.teacher_parameters
        return 0.0

    @property
    def held_parameters(self) -> float:
        """Of other models that are held while training; a reference model whose answers are kept is not."""
        if self.objective == "reward":
            return self.architecture.parameters if self.reference else 0.0
        return self.teacher_parameters if self.objective == "distil" else 0.0

    @property
    def token_flops(self) -> float:
        """Of one trained token, everything; what a good count of the task needs, nothing made twice."""
        return self.forward_flops + self.backward_flops + self.other_flops

    @property
    def optimizer_flops(self) -> float:
        """Of one optimiser step. Muon: five rounds of Newton-Schulz, each about six products of the smaller side."""
        if self.optimizer != "muon":
            return 12.0 * self.trained_parameters
        matrices = min(self.trained_parameters, self.architecture.layers * self.architecture.block_parameters)
        return 5 * 6.0 * self.architecture.width * matrices

    @property
    def checkpoint_bytes(self) -> float:
        """Of one training state: the trained weights in fp32 and the optimiser's."""
        return FP32 * self.trained_parameters + self.state_bytes

    @property
    def model_bytes(self) -> float:
        """Of the finished model on disk, in fp32."""
        if self.objective == "generate":
            return 0.0
        return FP32 * self.architecture.parameters
