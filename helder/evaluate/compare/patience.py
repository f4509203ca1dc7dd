"""When to try again: later after each fault, spread by a seed, and never before the service says.

The waits are 1, 2, 4 … seconds, each shortened by up to a half. Which part is a hash of the seed, the item and the
try, so that many questions that fail at once do not come back at once, and a run waits as long every time. When a
service asks to wait, everything that goes to it waits.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable

FIRST = 1.0  # seconds; doubled with each try (assumption)
LONGEST = 60.0  # seconds that a wait is never longer than, unless the service asks for more (assumption)
ASKED = 300.0  # seconds that a service may ask for; beyond, it counts as unreachable (assumption)
TRIES = 7  # of one question: a little over a minute of waiting (assumption)


def wait(seed: int, service: str, item: str, tries: int) -> float:
    """Seconds before the next try, after `tries` faults."""
    drawn = hashlib.sha256(f"helder wait {seed}\n{service}\n{item}\n{tries}".encode()).digest()
    share = int.from_bytes(drawn[:8], "big") / 2**64
    return float(min(LONGEST, FIRST * 2 ** (tries - 1)) * (1 - share / 2))


class Pause:
    """Until when nothing is sent to a service."""

    def __init__(self, sleep: Callable[[float], object], now: Callable[[], float] = time.monotonic) -> None:
        self._sleep, self._now = sleep, now
        self._until = 0.0
        self._lock = threading.Lock()

    def ask_for(self, seconds: float) -> None:
        """The service asks everybody to wait so long from now."""
        with self._lock:
            self._until = max(self._until, self._now() + seconds)

    def keep(self) -> None:
        """Wait until requests may go out again."""
        left = self._until - self._now()
        if left > 0:
            self._sleep(left)
