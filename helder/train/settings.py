"""The settings of a training, every one resolved: what the statement records is what the loop used.

Light: no torch, so that the pipeline can resolve a recipe before any training process exists.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from helder.errors import HelderError
from helder.evaluate import verifiers
from helder.ledger.environment import flags

# Defaults by method, for answers. Measured on SmolLM2-135M and the dose-instructions example, see docs/log.md.
LEARNING_RATE = {"full": 5e-4, "upper": 8e-4, "lora": 1e-3}
# Defaults by objective where they differ. Text: OLMo 2's decay, schedule and z-loss. Preference: OLMo 2's 2.5e-6 for
# 1 B parameters, higher for smaller models (assumption); reward likewise (OLMo 2: 5e-7).
BY_OBJECTIVE: dict[str, dict[str, Any]] = {
    "answers": {},
    "text": {
        "learning_rate": 3e-3, "weight_decay": 0.1, "schedule": "cosine", "floor": 0.1, "z_loss": 1e-5, "context": 256,
        "batch_tokens": 4096, "warmup": 0.05,
    },
    "preference": {"learning_rate": 1e-5, "weight_decay": 0.0, "batch_tokens": 2048, "warmup": 0.1},
    "reward": {"learning_rate": 1e-5, "weight_decay": 0.0, "batch_size": 8, "warmup": 0.0, "schedule": "constant"},
    "distil": {},
}  # fmt: skip
CLOSEST = 10  # steps between two looks, unless the recipe says otherwise
BATCH_TOKENS = {"full": 512, "upper": 512, "lora": 768}
RENDEZVOUS = "HELDER_RENDEZVOUS"  # HOST:PORT where the hosts of a training meet
INTERFACES = ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME")  # the network that hosts speak over, in torch's words
# How a batch is shared out. Changing it changes in which order sums are made, not what is learnt: an interrupted
# training continues under another one, and says so.
SHARED_OUT = ("data_parallel", "hosts", "processes", "shard")
PAIRS_HELD_OUT = 26  # of 256 pairs of answers, by the hash of their question, when a preference is learnt
BF16_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}  # as Linux calls them: Intel and AMD, Intel's tiles, Arm


ObjectiveName = Literal["answers", "text", "preference", "reward", "distil"]


@dataclass(frozen=True)
class TrainSettings:
    """Everything that the loop needs to know and that the data and the base model do not say.

    Attributes:
        objective: what is learnt from and how wrong the model is: "answers" to questions; "text"; "preference" between
            two answers; "reward" by a verifier for its own answers; "distil" from a larger model.
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
        optimizer: "adamw" for all weights, or "muon" for the matrices of the blocks and AdamW for the rest.
        muon_learning_rate: the highest for the matrices that Muon changes.
        schedule: how the rate falls after warm-up.
        floor: part of the highest rate that is left at the end.
        z_loss: pull of each position's log-sum-exp towards zero.
        packing: answers and text of several examples share a row, none seeing another; text is always packed.
        beta: "preference": how much the difference of the answers counts; with log-probabilities for each token, as in
            Tülu 3, 5; with sums, as in the first paper, 0.1.
        length_normalised: "preference": log-probabilities of an answer are divided by its tokens.
        group: "reward": answers to each question.
        answer_tokens: "reward": longest answer.
        temperature: "reward": of drawing answers.
        kl: "reward": pull towards the model that the training begins with.
        clip: "reward": how far an answer's probability may move before it no longer counts.
        reuse: "reward": steps that learn from the same answers.
        verifier: "reward": who judges, name and version, see `helder.evaluate.verifiers`: with another version it is
            another training.
        teacher_share: "distil": 1 learns from the teacher alone, 0 from the right tokens alone.
        teacher_temperature: "distil": flattens both distributions.
        device: "cpu" or "cuda".
        processes: training processes of each host; they share the threads, or have a GPU each.
        hosts: machines that train together.
        shard: "ddp": every process holds the whole model, gradients are summed; "fsdp": each holds a share of weights,
            gradients and what the optimizer remembers (FSDP2).
        compile: the blocks are compiled by torch before training; needs a C++ compiler, gives other bits.
        seed: decides, together with the data, the order of the examples, the first LoRA weights and the answers drawn
            for a reward, see `helder.train.order`.
        evaluate_every: steps between two looks at the dev set; 0: five looks in all.
        checkpoint_every: steps between two saved states; 0: as `helder.train.saving` says.
        states: how many of the saved states stay in the artifact, at most, so that slices of the training can be taken
            again; -1: as many as take little time and disk, see `helder.train.saving`.
        steps, epochs, tokens: how long; exactly one is not zero.
    """

    objective: ObjectiveName = "answers"
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
    optimizer: Literal["adamw", "muon"] = "adamw"
    muon_learning_rate: float = 0.02
    schedule: Literal["linear", "cosine", "constant"] = "linear"
    floor: float = 0.0
    z_loss: float = 0.0
    packing: bool = False
    beta: float = 5.0
    length_normalised: bool = True
    group: int = 8
    answer_tokens: int = 64
    temperature: float = 1.0
    kl: float = 0.01
    clip: float = 0.2
    reuse: int = 1
    verifier: str = "right@1"
    teacher_share: float = 0.5
    teacher_temperature: float = 1.0
    device: Literal["cpu", "cuda"] = "cpu"
    processes: int = 1
    hosts: int = 1
    shard: Literal["ddp", "fsdp"] = "ddp"
    compile: bool = False
    precision: Literal["bf16", "fp32"] = "fp32"
    numerics: Literal["fast", "portable"] = "fast"
    seed: int = 0
    evaluate_every: int = 0
    checkpoint_every: int = 0
    states: int = -1
    steps: int = 0
    epochs: float = 0.0
    tokens: int = 0

    @property
    def world(self) -> int:
        """Processes of all hosts."""
        return self.processes * self.hosts

    @property
    def sharded(self) -> bool:
        """Whether each process holds a share of the model only."""
        return self.shard == "fsdp" and self.world > 1

    @property
    def shared_out(self) -> dict[str, int | str]:
        """How a batch is shared out, as it is recorded."""
        return {"processes": self.world, "shard": self.shard, "data_parallel": self.data_parallel}

    def evaluations(self, steps: int) -> int:
        """Steps between two looks at the dev set, in a training of `steps` steps."""
        return self.evaluate_every or max(CLOSEST, math.ceil(steps / 5))


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
    objective, method = given.get("objective", "answers"), given.get("method", "full")
    portable = given.get("numerics") == "portable"
    if portable and given.get("precision") == "bf16":
        raise HelderError(
            "There are no portable bits in bf16.",
            "Processors round its sums differently.",
            'Leave out `precision`, or use numerics = "fast".',
        )
    if portable and given.get("compile"):
        raise HelderError(
            "There are no portable bits in compiled blocks.",
            "They are compiled for the instructions of one processor.",
            'Leave out `compile`, or use numerics = "fast".',
        )
    if portable and given.get("device") == "cuda":
        raise HelderError("There are no portable bits on a GPU.", fix='Use device = "cpu", or numerics = "fast".')
    device = "cpu" if portable else given.get("device") or usual_device()
    world = given.get("processes", 1) * given.get("hosts", 1)
    if given.get("shard") == "fsdp":
        check_shares(given, world)
    defaults: dict[str, Any] = {
        "learning_rate": LEARNING_RATE[method],
        "precision": "fp32" if portable else faster_precision(device),
        "device": device,
        "data_parallel": 1 if device == "cuda" or world > 1 else TrainSettings.data_parallel,
        "batch_tokens": BATCH_TOKENS[method],
        **BY_OBJECTIVE[objective],
    }
    if "batch_size" in given or ("batch_size" in defaults and "batch_tokens" not in given):
        defaults["batch_tokens"] = 0
    else:
        defaults["batch_size"] = 0
    if "verifier" in given:
        defaults["verifier"] = verifiers.find(given.pop("verifier")).identity
    return dataclasses.asdict(TrainSettings(**{**defaults, **given}))


def check_shares(given: Mapping[str, Any], world: int) -> None:
    """Refuse what cannot be done with shares of weights.

    Raises:
        HelderError: one process, LoRA, Muon, or answers that are written while training.
    """
    why = ""
    if world == 1:
        why = "It shares the weights out among several processes, and there is one."
    elif given.get("method") == "lora":
        why = 'With method = "lora" most weights are not trained and need no share of an optimizer.'
    elif given.get("optimizer") == "muon":
        why = 'optimizer = "muon" makes whole matrices orthogonal; a share of one is not enough.'
    elif given.get("objective") == "reward":
        why = 'With objective = "reward" every process writes answers, and needs the whole model for it.'
    if why:
        fix = "Give `processes`, or leave out `shard`." if world == 1 else 'Use shard = "ddp", or change the other key.'
        raise HelderError('shard = "fsdp" does not fit this training.', why, f"{fix} Both are in [train].")


def usual_device() -> Literal["cpu", "cuda"]:
    """A GPU of NVIDIA when its driver is there, else the processor. Light: torch is not asked."""
    gpus = Path("/proc/driver/nvidia/gpus")
    return "cuda" if gpus.is_dir() and any(gpus.iterdir()) else "cpu"


def faster_precision(device: str = "cpu") -> Literal["bf16", "fp32"]:
    """What trains faster on this machine: bf16 where the processor multiplies it, else fp32.

    Without such instructions bf16 is emulated: 35 GFLOP/s a core against 150 in fp32 (Intel Ice Lake, docs/log.md).
    """
    return "bf16" if device == "cuda" or flags() & BF16_FLAGS else "fp32"


def environment(numerics: str, device: str = "cpu") -> dict[str, str]:
    """Variables that the training process must be started with.

    The allocator's settings change no number: they keep freed memory instead of handing it back to the kernel after
    each operation, which made training 1.3 times faster, in one heap for all threads, so that what one of them freed
    serves the others too: 0.3 GB less with two parts (docs/log.md). The rest decides the bits of the portable
    profile and must stand before torch is imported.
    """
    variables = {
        "MALLOC_MMAP_MAX_": "0",
        "MALLOC_TRIM_THRESHOLD_": str(1 << 40),
        "MALLOC_TOP_PAD_": str(256 << 20),
        "MALLOC_ARENA_MAX": "1",
    }
    if numerics == "portable":
        variables |= {
            "ATEN_CPU_CAPABILITY": "avx2",
            "MKL_CBWR": "COMPATIBLE",
            "ONEDNN_MAX_CPU_ISA": "AVX2",
        }
    if device == "cuda":
        variables["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"  # without it cuBLAS may give other bits each time (NVIDIA)
        variables["NCCL_ALGO"] = "Ring"  # else the order of sums is chosen by what is fastest at the moment
    return variables
