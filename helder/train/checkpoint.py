"""All state of a training, or none: written aside and renamed, so that a kill leaves the one before.

State is: the trained tensors, what the optimizer remembers of each, and the number of steps done. There is nothing
else: the order is a pure function of the step, the learning rate too, and what is drawn while training (answers that
are rewarded) is drawn from the seed and the step.

A state is one safetensors file with whole tensors, whoever wrote it: all processes write into it together, each the
tensors whose turn it is, and hash them on the way. So any number of processes goes on from what any other left, a slice
can be taken again by anybody, and the digest means the same everywhere (`helder.train.chain`). Shares of weights are
gathered for it, one tensor at a time. torch.distributed.checkpoint would not gather them, but its files and their
digests would depend on how many processes there were.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any

import torch
from safetensors import safe_open
from torch import Tensor, nn

from helder.errors import ExitCode, HelderError
from helder.ledger.artifact import fsync_file
from helder.model import safetensors_file
from helder.train import chain
from helder.train.optimizer import Optimizer
from helder.train.world import World, fill, gathered

NAMES = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16"}  # of types, in safetensors' words
PIECE = 1 << 20  # bytes hashed and written at a time: they are still in the processor's cache for the second
PARTIAL = ".partial"


def weights(parameters: Mapping[str, nn.Parameter]) -> dict[str, Tensor]:
    """The part of a state that is there before the first step, as "weight.<name>"."""
    return {f"weight.{name}": parameter.detach() for name, parameter in parameters.items()}


def state(parameters: Mapping[str, nn.Parameter], optimizer: Optimizer) -> dict[str, Tensor]:
    """Every tensor that the next step depends on, as "<kind>.<name of the weight>"."""
    return {**weights(parameters), **optimizer.state()}


def write(tensors: Mapping[str, Tensor], world: World, path: Path | None = None) -> str:
    """The digest of a state, see `helder.train.chain.state_digest`; all processes call it.

    Args:
        tensors: see `state`.
        path: write them into this file as well. It is not yet forced to the disk.
    """
    layout = {name: (NAMES[tensor.dtype], tuple(tensor.shape)) for name, tensor in sorted(tensors.items())}
    head, places = safetensors_file.header(layout)
    file = -1
    if path is not None:
        if world.first:
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(head)
            os.truncate(path, max((end for _, end in places.values()), default=len(head)))
        world.barrier()
        file = os.open(path, os.O_WRONLY)
    own: dict[str, str] = {}

    def take(name: str, piece: Tensor) -> None:
        own[name] = _hash_and_write(piece, file, places[name][0])

    threads = max(1, torch.get_num_threads())
    pending: deque[Future[None]] = deque()
    try:
        with ThreadPoolExecutor(threads) as pool:
            for place, name in enumerate(layout):
                piece = gathered(tensors[name])
                if place % world.size == world.rank:
                    pending.append(pool.submit(take, name, piece.cpu()))
                if len(pending) > 2 * threads:  # no more pieces are held at once
                    pending.popleft().result()
            for future in pending:
                future.result()
    finally:
        if file >= 0:
            os.close(file)
    found = {name: digest for digests in world.gather(own) for name, digest in digests.items()}
    return chain.state_digest({name: (*layout[name], found[name]) for name in layout})


def _hash_and_write(tensor: Tensor, file: int, start: int) -> str:
    """SHA-256 of a tensor's bytes, which are put at `start` of a file unless that is -1."""
    data = tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data
    digest = hashlib.sha256()
    for done in range(0, len(data), PIECE):
        piece = data[done : done + PIECE]
        digest.update(piece)
        written = 0
        while file >= 0 and written < len(piece):
            written += os.pwrite(file, piece[written:], start + done + written)
    return digest.hexdigest()


def load(path: Path, parameters: Mapping[str, nn.Parameter], optimizer: Optimizer) -> None:
    """Put the state in a file into parameters and optimizer; each process its share.

    Raises:
        HelderError: code 3, it is the state of another training.
    """
    places = state(parameters, optimizer)
    with safe_open(path, framework="pt") as file, torch.no_grad():
        there = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118 - no mapping
        wanted = {name: tuple(place.shape) for name, place in places.items()}
        if other := sorted(set(there.items()) ^ set(wanted.items())):
            raise HelderError(
                f"{path.name} is not a state of this training.",
                f"Only one of the two has {other[0][0]} with the sizes {list(other[0][1])}.",
                "Give the state that its own artifact holds.",
                ExitCode.FAILED,
            )
        for name, place in sorted(places.items()):
            fill(place, file.get_tensor(name))


class States:
    """The saved states of a training while it runs: the newest, to continue from, and those that are to stay.

    Forcing a state to the disk, which a processor has nothing to do with, goes on beside the next steps.

    Args:
        root: the folder that theirs lies in, the same for all processes.
        kept: the steps whose states are to stay.
        world: the processes; all of them save.
    """

    def __init__(self, root: Path, kept: Iterable[int], world: World) -> None:
        self.root, self.folder, self.kept, self.world = root, root / chain.STATES, set(kept), world
        self._beside = ThreadPoolExecutor(1, "states")
        self._settling: Future[None] | None = None

    def __enter__(self) -> States:
        return self

    def __exit__(self, *error: object) -> None:
        self._beside.shutdown()

    def path(self, step: int) -> Path:
        """The file of the state behind a step."""
        return self.root / chain.state_file(step)

    def steps(self) -> list[int]:
        """The steps whose states are there, in order."""
        return sorted(int(path.stem) for path in self.folder.glob("*.safetensors"))

    def save(self, step: int, tensors: Mapping[str, Tensor]) -> str:
        """Write the state behind a step aside, for `settle` to put into its place; its digest."""
        self.wait()
        return write(tensors, self.world, self._aside(step))

    def settle(self, step: int, logs: Sequence[IO[str]]) -> None:
        """Put the state that was saved last into its place, when it and the logs are on the disk.

        Args:
            logs: tell of the step already.
        """
        for log in logs:
            log.flush()
        if self.world.size == 1:
            self._settling = self._beside.submit(self._settle, step, logs)
            return
        fsync_file(self._aside(step))
        self.world.barrier()
        if self.world.first:
            self._settle(step, logs)

    def _settle(self, step: int, logs: Sequence[IO[str]]) -> None:
        for log in logs:
            os.fsync(log.fileno())
        fsync_file(self._aside(step))
        self._aside(step).replace(self.path(step))
        fsync_file(self.folder)
        for other in self.steps():
            if other > step or (other < step and other not in self.kept):
                self.path(other).unlink()

    def wait(self) -> None:
        """Wait until what was saved is in its place.

        Raises:
            OSError: the disk did not take it.
        """
        if self._settling is not None:
            self._settling.result()
            self._settling = None

    def newest(self, lines: Sequence[Mapping[str, Any]]) -> int:
        """The step of the newest whole state, 0 when there is none.

        Args:
            lines: of the training log; a state counts when it is the one that they name.
        """
        for left in self.folder.glob(f"*{PARTIAL}"):
            left.unlink()  # half of one that a kill left
        for step in reversed(self.steps()):
            if step <= len(lines) and chain.holds(self.path(step), lines[step - 1].get(chain.STATE)):
                return step
        return 0

    def keep(self, output: Path) -> list[dict[str, Any]]:
        """Put those that stay into the artifact; for each its step and its digest.

        They stay here too, without taking room twice where the file system can do that: when the artifact is not
        finished after all, the training continues from here.
        """
        lines = chain.read(self.root / chain.LOG)
        kept = [step for step in self.steps() if step in self.kept]
        for step in kept:
            target = output / chain.state_file(step)
            target.parent.mkdir(exist_ok=True)
            try:
                os.link(self.path(step), target)
            except OSError:
                shutil.copyfile(self.path(step), target)
        return [{"step": step, chain.STATE: lines[step - 1][chain.STATE]} for step in kept]

    def _aside(self, step: int) -> Path:
        return self.path(step).with_name(self.path(step).name + PARTIAL)
