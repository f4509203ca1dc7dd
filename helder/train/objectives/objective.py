"""What the loop asks of a method, whichever it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor

from helder.model.transformer import Transformer
from helder.train.examples import Batch
from helder.train.order import WINDOW, Order, data_root, seed_for
from helder.train.settings import TrainSettings
from helder.train.world import World

Loss = Callable[[], Tensor]
MOST_STEPS = 2000  # looked at for the average step: more would change it by less than a percent (assumption)


@dataclass(frozen=True)
class Work:
    """What one step has to do.

    Attributes:
        losses: each makes the loss of one part of the batch; their sum is the loss of the step. They may be called side
            by side.
        tokens: tokens of the batch without padding.
        padded_tokens: tokens that are computed.
        batch_sha256: digest of what the step sees.
        facts: further values for the training log, known once the losses were made, the same in every process.
        sums: the same, for values that are sums over the parts; given the places of the parts that this process made.
            Those of all processes are added up.
    """

    losses: Sequence[Loss]
    tokens: int
    padded_tokens: int
    batch_sha256: str
    facts: Callable[[], dict[str, float]] = field(default=dict)
    sums: Callable[[Sequence[int]], dict[str, float]] = lambda places: {}


class Objective(ABC):
    """A method: what each step sees, and the loss of a model on it.

    Attributes:
        root: of the tree over what is learnt from, see `helder.train.order.data_root`.
        seed: what is drawn while training is drawn from it, see `helder.train.order.seed_for`.
        order: which examples each step sees.
        longest: the longest sequence in tokens.
        looks: whether there is anything held out to look at.
        counted: what `order` orders, in one word or a few.
        world: the processes that train; all of them are asked for the same steps in the same order.
    """

    root: str
    seed: str
    order: Order
    longest: int
    looks: bool
    model: Transformer
    counted: str = "examples"
    world: World = World()

    def begin(self, model: Transformer, scratch: Path) -> None:
        """Get ready to train `model`, which still has the weights that the training begins with.

        Args:
            scratch: what was worked out before an interruption may lie there, and is kept there.
        """
        self.model = model

    def place(self, batch: Batch) -> Batch:
        """A batch where the model is."""
        return batch.to(self.model.model.embed_tokens.weight.device)

    def steps(self, settings: TrainSettings) -> int:
        """Steps of the whole training; epochs and tokens are turned into steps here."""
        if settings.steps:
            return settings.steps
        return self.order.steps_of(settings.epochs) if settings.epochs else self.order.steps_for(settings.tokens)

    def arrange(
        self, settings: TrainSettings, learnt: Iterable[bytes], lengths: Sequence[int], window: int = WINDOW
    ) -> None:
        """Find the root of what is learnt from, the seed and the order that follow from it.

        Args:
            learnt: see `helder.train.order.data_root`.
            lengths: tokens of each of what the order orders.
            window: see `helder.train.order.Order`.
        """
        self.root = data_root(learnt)
        self.seed = seed_for(settings.seed, self.root)
        size, tokens = settings.batch_size, settings.batch_tokens
        self.order = Order(lengths, batch_size=size, batch_tokens=tokens, seed=self.seed, window=window)

    @abstractmethod
    def work(self, step: int, parts: int) -> Work:
        """What step `step` (from 0) has to do, in at most `parts` parts."""

    @abstractmethod
    def padded_tokens(self, step: int) -> int:
        """Tokens that a step computes, without preparing it; what a step costs follows from it."""

    def usual_tokens(self) -> float:
        """Tokens that the average step of the first epoch, or of its beginning, computes."""
        steps = min(MOST_STEPS, self.order.steps_of(1))
        return sum(self.padded_tokens(step) for step in range(steps)) / steps

    @abstractmethod
    def look(self) -> dict[str, float]:
        """How the model does on what is held out; the first value is the one to watch."""

    def facts(self, steps: int) -> dict[str, Any]:
        """What is known of the examples after a training of `steps` steps, beside the measurements of the loop."""
        return {"examples": len(self.order.lengths), "data_root": self.root}

    def keep(self, output: Path, scratch: Path, steps: int) -> None:  # noqa: B027 - most methods keep none
        """Write evidence of the method into the artifact."""


class Reader(Protocol):
    """`read` of an objective's module."""

    def __call__(self, settings: TrainSettings, inputs: dict[str, Path], report: Callable[..., None]) -> Objective: ...
