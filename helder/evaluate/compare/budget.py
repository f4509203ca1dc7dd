"""Money and requests: what was agreed before, and never more.

Before each try the most that it can cost is set aside: as many tokens as the request has bytes (a tokenizer of bytes
makes no more of them) and the longest answer. When the answer is there, what it cost by the service's own count takes
its place. Where nothing is said, where an answer was cut off, or where the process was killed meanwhile, the most
stays counted: a service may have charged it. So the sum here is never below the bill, as far as the prices are right.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from helder.errors import ExitCode, HelderError
from helder.evaluate.compare.protocols import Reply
from helder.evaluate.compare.services import Service


class Spent(HelderError):
    """The budget does not allow another request."""


@dataclass(frozen=True)
class Limits:
    """What was agreed.

    Attributes:
        requests: at most so many are sent, tries after faults included.
        money: at most so much is spent, in `currency`.
    """

    requests: int
    money: float
    currency: str


class Budget:
    """What is left of it; may be asked by several threads at once."""

    def __init__(self, limits: Limits, requests: int = 0, money: float = 0.0) -> None:
        self.limits, self.requests, self.money = limits, requests, money
        self._lock = threading.Lock()

    def set_aside(self, service: Service, size: int) -> float:
        """Set the most that a request of `size` bytes can cost aside; returns that.

        Raises:
            Spent: it would be beyond the budget; nothing is set aside.
        """
        most = most_money(service, size)
        with self._lock:
            if self.requests + 1 > self.limits.requests:
                raise _spent(f"{self.requests:,} of {self.limits.requests:,} requests are used.", "--most-requests")
            if self.money + most > self.limits.money * (1 + 1e-12):
                raise _spent(
                    f"{self.money:.4f} of {self.limits.money:g} {self.limits.currency} are used or set aside, and the "
                    f"next request to {service.name} may cost {most:.4f}.",
                    "--most-money",
                )
            self.requests, self.money = self.requests + 1, self.money + most
        return most

    def settle(self, aside: float, cost: float) -> None:
        """Put what a request cost in the place of what was set aside."""
        with self._lock:
            self.money += cost - aside


def most_money(service: Service, size: int) -> float:
    """The most that one request of `size` bytes can cost."""
    return service.price.of(size, service.max_tokens) if service.price else 0.0


def cost(service: Service, reply: Reply, most: float) -> float:
    """What an answer cost by the service's own count; the most where it does not count."""
    if reply.input_tokens is None or reply.output_tokens is None or service.price is None:
        return most
    return service.price.of(reply.input_tokens, reply.output_tokens)


def _spent(why: str, option: str) -> Spent:
    return Spent(
        "The budget is used up before every item was asked.",
        why,
        f"What was answered is kept. With a higher {option}, the same command goes on from there.",
        ExitCode.REFUSED,
    )
