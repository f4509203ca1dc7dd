"""One answer between the event loop and the engine's thread: whole, or piece by piece, and ended when its turn is.

The engine works in a thread. What it writes comes back through the event loop; whether it goes on is asked at each
token (`Turn.keep_on`). A place in the engine is given back when the thread has ended, never before, so that no more
answers are written at a time than there are places.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from typing import TypeVar

from fastapi import Request
from fastapi.concurrency import run_in_threadpool

from helder.errors import HelderError
from helder.serve import refusals
from helder.serve.refusals import Refused
from helder.serve.turns import Turn

LOG = logging.getLogger("uvicorn.error")  # where what is not caught elsewhere goes, too
T = TypeVar("T")
Piece = Callable[[str], bool]  # takes a piece of text; False: stop there


async def prepared(turn: Turn, look: Callable[[], object]) -> None:
    """Look at a request in a thread before its answer begins; an error gives the place back.

    Raises:
        HelderError, Refused: of `look`.
    """
    try:
        await run_in_threadpool(look)
    except BaseException as error:
        turn.close(error)
        raise


async def whole(turn: Turn, request: Request, work: Callable[[Piece], T]) -> T:
    """Do `work` when it is the turn's turn, and return what it made.

    Args:
        turn: the place, not entered yet.
        request: whose client may leave.
        work: runs in a thread; gets the function to call with each piece of text.

    Raises:
        Refused: the turn was ended: its client left, its time was over, the server stopped.
    """
    async with turn.watched(request):
        made = await _to_its_end(work, turn, lambda text: None)
        turn.check()
    return made


async def pieces(turn: Turn, work: Callable[[Piece], T]) -> AsyncGenerator[str | T | Refused, None]:
    """The pieces of text as they come, then what `work` made, or why there is nothing.

    A client that leaves ends the generator, and with it the work.
    """
    loop, queue = asyncio.get_running_loop(), asyncio.Queue[str | T | Refused]()

    def put(item: str | T | Refused) -> None:
        loop.call_soon_threadsafe(queue.put_nowait, item)

    def said(text: str) -> None:
        if text:  # without text, the question is only whether to go on
            put(text)

    async def fill() -> None:
        try:
            made = await _to_its_end(work, turn, said)
            queue.put_nowait(turn.refusal() or made)
        except Refused as refused:
            queue.put_nowait(refused)
        except HelderError as error:
            queue.put_nowait(refusals.of_error(error))
        except Exception as error:
            LOG.error("An answer failed: a defect of ours.", exc_info=error)
            queue.put_nowait(Refused(500, "The answer failed: a defect of ours."))

    try:
        async with turn:
            filling = asyncio.ensure_future(fill())
            try:
                while isinstance(item := await queue.get(), str):
                    yield item
                await filling
            finally:
                if not filling.done():
                    turn.leave()
                    await asyncio.shield(filling)
            if isinstance(item, Refused):
                raise item  # through the turn, which counts what became of it
            made = item
    except Refused as refused:
        yield refused
    else:
        yield made


async def _to_its_end(work: Callable[[Piece], T], turn: Turn, said: Callable[[str], None]) -> T:
    """Do `work` in a thread; a caller that is cancelled waits until the thread has noticed."""

    def piece(text: str) -> bool:
        said(text)
        return turn.keep_on()

    running = asyncio.ensure_future(run_in_threadpool(work, piece))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        turn.leave()
        await asyncio.wait([running])
        raise
