"""Machines by name: "8xh100" → eight devices of a kind whose figures, and their sources, stand in `machines.toml`."""

from __future__ import annotations

import difflib
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal

from helder.errors import HelderError

FORM = re.compile(r"(?:(?:(?P<hosts>[1-9][0-9]{0,5})x)?(?P<devices>[1-9][0-9]{0,5})x)?(?P<machine>[a-z][a-z0-9._-]*)")
EXAMPLES = "8xh100, 2x8xh100 for two hosts of eight, or cpu-16 for one"


@dataclass(frozen=True)
class Machine:
    """One device, as in `machines.toml`, where every field has its sentence and its source."""

    name: str
    title: str
    flops_bf16: float
    flops_fp32: float
    memory: float
    bandwidth: float
    inside: float
    between: float
    per_host: int
    watts: float
    draw: float
    utilisation: float
    source: str
    utilisation_source: str

    @property
    def is_cpu(self) -> bool:
        return self.name.startswith("cpu-")

    def flops(self, precision: Literal["bf16", "fp32"]) -> float:
        """FLOP/s that a training with enough to do reaches."""
        return (self.flops_bf16 if precision == "bf16" else self.flops_fp32) * self.utilisation


@dataclass(frozen=True)
class Fleet:
    """Equal devices in equal hosts.

    Attributes:
        machine: one device.
        devices: how many there are in all.
        hosts: how many hosts they sit in.
    """

    machine: Machine
    devices: int
    hosts: int

    def __str__(self) -> str:
        if self.devices == 1:
            return self.machine.name
        inside, over = divmod(self.devices, self.hosts)
        many = "" if self.hosts == 1 or over else f"{self.hosts}x"
        return f"{many}{inside if many else self.devices}x{self.machine.name}"

    def of(self, devices: int) -> Fleet:
        """As many devices of this kind, in as few hosts as hold them."""
        per_host = self.devices // self.hosts if self.hosts > 1 else self.machine.per_host
        return Fleet(self.machine, devices, max(1, -(-devices // per_host)))

    @property
    def link(self) -> float:
        """Bytes a second that each device gets of what all of them need: of its host's devices, or of other hosts.

        What all devices of a host need comes over the network once, through all its cards (NCCL's rings).
        """
        if self.hosts == 1:
            return self.machine.inside
        return min(self.machine.inside, self.machine.between * (self.devices // self.hosts))


@cache
def machines() -> dict[str, Machine]:
    """Every machine that is known, by name."""
    text = (resources.files("helder.fleet") / "machines.toml").read_text(encoding="utf-8")
    return {name: Machine(name=name, **fields) for name, fields in tomllib.loads(text).items()}


def parse(text: str) -> Fleet:
    """ "8xh100" → eight H100 in one host; "2x8xh100" → sixteen in two; "16xh100" too, as a host holds eight.

    Raises:
        HelderError: another form, or a machine that is not known; the message lists those that are.
    """
    known = machines()
    match = FORM.fullmatch(text.strip().lower())
    if match is None:
        raise HelderError(
            f"{text!r} names no machines.",
            f"Machines are named as {EXAMPLES}.",
            f"Known are {', '.join(sorted(known))}.",
        )
    if match["machine"] not in known:
        close = difflib.get_close_matches(match["machine"], known, n=1, cutoff=0.4)
        meant = f" Did you mean {close[0]}?" if close else ""
        raise HelderError(
            f"There is no machine {match['machine']!r}.{meant}",
            "Nothing is known of what it can do.",
            f"Known are {', '.join(sorted(known))}.",
        )
    machine = known[match["machine"]]
    devices = int(match["devices"] or 1)
    if match["hosts"] is None:
        return Fleet(machine, devices, 1).of(devices)
    if devices > machine.per_host:
        raise HelderError(
            f"No host holds {devices} of {machine.title}.",
            f"It holds at most {machine.per_host}.",
            f"Name them as {Fleet(machine, 1, 1).of(devices * int(match['hosts']))}.",
        )
    return Fleet(machine, devices * int(match["hosts"]), int(match["hosts"]))
