"""The queue before the engine: one request at a time, the others wait in line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """Who may use the engine now. Made and used in one event loop."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def taken(self, who: str) -> AsyncIterator[None]:
        """The engine is the caller's inside this block.

        Args:
            who: name of the one who asks.
        """
        del who
        async with self._lock:
            yield
