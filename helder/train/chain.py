"""The training log as a hash chain: whoever changes, drops or swaps a line changes every line behind it.

Each line of `log.jsonl` ends with `chain`: the SHA-256 over the canonical JSON of the `chain` before it and of the line
itself. Before the first line stands a digest of what the training begins with: its settings and its first weights. The
last `chain`, the head, stands in the signed statement, so that one signature covers every step.

A line names the state of the training in `state_sha256` where it was saved, and at the end. A state is all that the
next step depends on (`helder.train.checkpoint`). Its digest is taken over its tensors, not over a file or over the
shares that processes hold, so that it is the same however the training was shared out, and can be taken of a file.

What the chain shows: the log is whole and in order, as it was when its head was signed. Whether the steps were taken as
it says is shown by taking them again: `helder.train.replay`. Light: no torch.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from helder.errors import HelderError
from helder.ledger import canonical
from helder.model.safetensors_file import TensorInfo, read_header
from helder.train.logs import write_line
from helder.train.settings import SHARED_OUT, TrainSettings

FORMAT = 1
LOG, STATES = "log.jsonl", "states"  # in the artifact of a training
STATE = "state_sha256"  # the field of a line that names the state behind its step
# Settings that change no weight: when to look and to save. How a batch is shared out does, and may change when a
# training is continued: the lines say it.
CHANGE_NO_BITS = {"evaluate_every", "checkpoint_every", "states"}


@dataclass(frozen=True)
class Checked:
    """What a look at a log found.

    Attributes:
        lines: the good ones, up to the first bad one.
        head: the chain's last value among them.
        fault: what is wrong with the line behind them, which is named; empty when the whole log is good.
    """

    lines: Sequence[Mapping[str, Any]]
    head: str
    fault: str = ""


def begin(settings: Mapping[str, Any], weights_sha256: str) -> str:
    """What the chain of a training begins with.

    Args:
        settings: of the training, resolved.
        weights_sha256: `state_digest` of the trained weights before the first step, as "weight.<name>"; the optimizer
            remembers nothing yet.
    """
    resolved = dataclasses.asdict(TrainSettings(**settings))
    deciding = {name: value for name, value in resolved.items() if name not in {*CHANGE_NO_BITS, *SHARED_OUT}}
    return canonical.digest({"helder/training-log": FORMAT, "settings": deciding, "weights_sha256": weights_sha256})


def link(before: str, line: Mapping[str, Any]) -> str:
    """The `chain` of a line.

    Args:
        before: that of the line before it, or `begin`.
        line: its own `chain`, if it has one already, does not count.
    """
    return canonical.digest([before, {name: value for name, value in line.items() if name != "chain"}])


def check(text: Iterable[str], start: str) -> Checked:
    """Follow the chain of a log, line by line, to its end or to the first line that is not as it should be.

    Args:
        text: the lines of the file.
        start: see `begin`.
    """
    lines: list[Mapping[str, Any]] = []
    head = start
    for number, written in enumerate(text, 1):
        try:
            line = canonical.loads(written.encode("utf-8"))
            linked = link(head, line)
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            return Checked(lines, head, f"Line {number} cannot be read: {error!r}.")
        if line.get("step") != number:
            return Checked(lines, head, f"Line {number} is about step {line.get('step')}, not about step {number}.")
        if line.get("chain") != linked:
            what = f"line {number - 1}" if number > 1 else "what the training began with"
            return Checked(lines, head, f"Line {number} is not the one that was written behind {what}.")
        lines.append(line)
        head = linked
    return Checked(lines, head)


def check_file(path: Path, start: str) -> Checked:
    """`check` for a file; one that is not there has no lines."""
    if not path.exists():
        return Checked([], start)
    with path.open(encoding="utf-8", errors="replace") as text:
        return check(text, start)


def read(path: Path) -> list[dict[str, Any]]:
    """The lines of a log; their chain is not followed.

    Raises:
        HelderError: it is not there, or a line is none.
    """
    try:
        lines = [canonical.loads(line) for line in path.read_bytes().splitlines()]
        if not all(isinstance(line, dict) for line in lines):
            raise ValueError("not every line is an object")
    except (ValueError, RecursionError, OSError) as error:
        raise HelderError(
            f"The training log {path.name} cannot be read.", str(error), "Take the artifact from its source again."
        ) from error
    return lines


class Log:
    """The training log while it is written.

    Args:
        file: opened to go on behind the lines that are there.
        head: the chain's value at the last of them.
    """

    def __init__(self, file: IO[str], head: str) -> None:
        self._file, self.head = file, head

    def add(self, line: Mapping[str, Any]) -> None:
        self.head = link(self.head, line)
        write_line(self._file, {**line, "chain": self.head})


def shared_out(lines: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """How batches were shared out, and from how many steps on: a line says so when it is not as before."""
    return [{"from_step": line["step"] - 1, **line["shared_out"]} for line in lines if "shared_out" in line]


# -- states ------------------------------------------------------------------------------------------------------------


def state_digest(tensors: Mapping[str, tuple[str, Sequence[int], str]]) -> str:
    """The digest of a state.

    Args:
        tensors: name → (type as safetensors calls it, shape, SHA-256 of its little-endian bytes).
    """
    listed: list[canonical.Json] = [
        [name, dtype, list(shape), sha256] for name, (dtype, shape, sha256) in sorted(tensors.items())
    ]
    return canonical.digest({"helder/state": FORMAT, "tensors": listed})


def state_file(step: int) -> str:
    """The name of the state behind a step, in the artifact."""
    return f"{STATES}/{step}.safetensors"


def file_digest(path: Path) -> str:
    """The digest of the state in a file, hashed on as many threads as there are usable CPUs.

    Raises:
        HelderError: the file is damaged.
    """
    tensors = read_header(path)

    def sha256(info: TensorInfo) -> str:
        return hashlib.sha256(info.raw()).hexdigest()

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        digests = list(pool.map(sha256, tensors.values()))
    return state_digest(
        {name: (info.dtype, info.shape, one) for (name, info), one in zip(tensors.items(), digests, strict=True)}
    )


def holds(path: Path, sha256: str | None) -> bool:
    """Whether a file holds the state with this digest; one that is damaged or not there does not."""
    try:
        return sha256 is not None and file_digest(path) == sha256
    except (HelderError, OSError):
        return False
