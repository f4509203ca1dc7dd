"""The queue before the engine: bounded, fair, and nothing in it is lost or waits for ever."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from fastapi import Request
from hypothesis import given, settings
from hypothesis import strategies as st

from helder.serve import answering
from helder.serve.refusals import Refused
from helder.serve.turns import RESERVE, Turn, Turnaway, Turns


def run(work: Coroutine[Any, Any, Any]) -> Any:
    async def bounded() -> Any:
        return await asyncio.wait_for(work, 20)

    return asyncio.run(bounded())


def turns(places: int = 1, waiting: int | None = 2, **more: Any) -> Turns:
    return Turns(places, waiting=waiting, **({"free": lambda: None} | more))


async def hold(turn: Turn, order: list[str], end: asyncio.Event) -> None:
    async with turn:
        order.append(turn.who)
        await end.wait()


def outcomes(queue: Turns, outcome: str) -> float:
    return queue.metrics.value("helder_requests_total", outcome=outcome)


def test_a_defect_is_told_to_the_client_in_general_and_to_whoever_runs_the_server_in_full(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def work(piece: answering.Piece) -> str:
        piece("so far")
        raise ZeroDivisionError("of ours")

    async def go() -> list[Any]:
        return [item async for item in answering.pieces(turns().enter("anna"), work)]

    *said, refused = run(go())
    assert said == ["so far"]
    assert refused.status == 500 and "of ours" not in refused.message.replace("a defect of ours", "")
    assert caplog.records[-1].exc_info is not None and "ZeroDivisionError" in caplog.text


def test_more_than_the_queue_holds_are_refused_at_once_with_the_seconds_to_wait() -> None:
    async def go() -> None:
        queue = turns(waiting=2)
        queue._seconds = 3.0  # as if answers took so long
        async with queue.enter("anna"):
            waiting = [queue.enter("anna") for _ in range(2)]
            with pytest.raises(Turnaway) as refused:
                queue.enter("anna")  # not awaited: there is nothing to wait for
            assert refused.value.status == 429
            assert refused.value.response().headers["Retry-After"] == "9"  # two wait, and its own turn after them
            assert queue.length == len(waiting) == 2
        assert outcomes(queue, "queue_full") == 1

    run(go())


def test_a_token_with_nothing_in_the_queue_finds_a_place_there() -> None:
    async def go() -> None:
        queue = turns(waiting=1)
        async with queue.enter("anna"):
            kept = [queue.enter("anna"), queue.enter("ben")]
            for who in ("anna", "ben"):
                with pytest.raises(Turnaway):
                    queue.enter(who)
            assert queue.length == len(kept)

    run(go())


def test_tokens_come_in_turn_however_many_requests_one_of_them_has() -> None:
    async def go() -> list[str]:
        queue, order, end = turns(waiting=9), list[str](), asyncio.Event()
        end.set()
        async with queue.enter("anna"):
            asked = ["anna"] * 4 + ["ben"] * 2 + ["cleo"]
            tasks = [asyncio.create_task(hold(queue.enter(who), order, end)) for who in asked]
            await asyncio.sleep(0)
        await asyncio.gather(*tasks)
        assert (queue.running, queue.length) == (0, 0)
        return order

    assert run(go()) == ["anna", "ben", "cleo", "anna", "ben", "anna", "anna"]


def test_with_several_places_a_token_that_has_none_comes_first() -> None:
    async def go() -> list[str]:
        queue, order = turns(places=2, waiting=9), list[str]()
        ends = [asyncio.Event() for _ in range(5)]
        tasks = [
            asyncio.create_task(hold(queue.enter(who), order, end))
            for who, end in zip(["anna", "anna", "anna", "anna", "ben"], ends, strict=True)
        ]
        await asyncio.sleep(0)
        ends[0].set()  # a place is free; anna still has the other
        await asyncio.sleep(0.01)
        seen = list(order)
        for end in ends:
            end.set()
        await asyncio.gather(*tasks)
        return seen

    assert run(go()) == ["anna", "anna", "ben"]


def test_who_leaves_while_waiting_frees_the_place_and_is_not_answered() -> None:
    async def go() -> None:
        queue, order, end = turns(), list[str](), asyncio.Event()
        end.set()
        async with queue.enter("anna"):
            gone = asyncio.create_task(hold(queue.enter("ben"), order, end))
            stays = asyncio.create_task(hold(queue.enter("cleo"), order, end))
            await asyncio.sleep(0)
            gone.cancel()
            await asyncio.gather(gone, return_exceptions=True)
            assert queue.length == 1
        await stays
        assert order == ["cleo"]
        assert outcomes(queue, "left") == 1

    run(go())


def test_a_client_that_closes_the_connection_stops_its_answer_at_the_next_token() -> None:
    async def go() -> None:
        queue, closed = turns(), asyncio.Event()

        async def receive() -> dict[str, Any]:
            await closed.wait()
            return {"type": "http.disconnect"}

        request = Request({"type": "http", "headers": []}, receive)
        async with queue.enter("anna").watched(request) as turn:
            assert turn.keep_on()
            closed.set()
            await asyncio.sleep(0.01)
            assert not turn.keep_on()
        with pytest.raises(Refused) as ended:
            turn.check()
        assert ended.value.code == "client_left"
        waiting = queue.enter("ben")  # the place is free again
        assert waiting.begun is not None

    run(go())


def test_a_turn_that_was_never_entered_does_not_keep_its_place() -> None:
    async def go() -> None:
        queue = turns()
        held, waits = queue.enter("anna"), queue.enter("anna")
        assert (queue.running, queue.length) == (1, 1)
        del held, waits
        gc.collect()
        await asyncio.sleep(0)
        assert (queue.running, queue.length) == (0, 0)

    run(go())


def test_time_that_runs_out_in_the_queue_is_told_apart_from_time_that_runs_out_in_the_answer() -> None:
    async def go() -> None:
        queue = turns()
        async with queue.enter("anna", seconds=0.05) as turn:
            with pytest.raises(Turnaway) as waited:
                async with queue.enter("ben", seconds=0.02):
                    raise AssertionError("it is not ben's turn")
            assert (waited.value.status, waited.value.code) == (503, "deadline_exceeded")
            assert "Retry-After" in waited.value.response().headers
            while turn.keep_on():
                await asyncio.sleep(0.005)
        with pytest.raises(Turnaway) as answered:
            turn.check()
        assert (answered.value.status, answered.value.code) == (504, "deadline_exceeded")
        assert answered.value.response().headers["X-Should-Retry"] == "false"
        assert outcomes(queue, "late") == 2

    run(go())


def test_draining_takes_nothing_new_lets_others_end_and_cuts_what_does_not() -> None:
    async def go() -> None:
        queue, order, end = turns(), list[str](), asyncio.Event()
        end.set()
        async with queue.enter("anna") as turn:
            waits = asyncio.create_task(hold(queue.enter("ben"), order, end))
            await asyncio.sleep(0)
            queue.drain(30)
            with pytest.raises(Turnaway) as refused:
                queue.enter("cleo")
            assert (refused.value.status, refused.value.code) == (503, "draining")
            assert turn.keep_on()
        await waits
        assert order == ["ben"]
        queue.drain(0)
        slow = Turn(queue, "anna", 60)
        assert not slow.keep_on()
        assert slow.refusal() is not None
        slow.over = True  # it was never in a place

    run(go())


@pytest.mark.parametrize(("free", "taken"), [(RESERVE, False), (1 << 40, True), (None, True)])
def test_nothing_is_admitted_when_memory_is_short(free: int | None, taken: bool) -> None:
    async def go() -> bool:
        queue = turns(free=lambda: free)
        try:
            async with queue.enter("anna"):
                return True
        except Turnaway as refused:
            assert (refused.status, refused.code) == (503, "memory_short")
            return False

    assert run(go()) is taken


def test_the_queue_is_as_long_as_answers_are_fast() -> None:
    queue = turns(places=2, waiting=None, patience=10)
    guess = queue.limit
    queue._seconds = 1.0
    assert queue.limit == 20
    queue._seconds = 60.0
    assert queue.limit == 2
    assert guess == 8


Step = tuple[str, str]
STEPS = st.lists(st.tuples(st.sampled_from(["enter", "end", "cancel", "fail"]), st.sampled_from("abc")), max_size=40)


@settings(max_examples=60, deadline=None)
@given(steps=STEPS, places=st.integers(1, 3), waiting=st.integers(0, 4))
def test_whatever_comes_and_goes_places_are_neither_lost_nor_given_twice(
    steps: list[Step], places: int, waiting: int
) -> None:
    async def go() -> None:
        queue = turns(places=places, waiting=waiting)
        open_: list[tuple[str, asyncio.Task[None], asyncio.Event]] = []

        async def one(turn: Turn, end: asyncio.Event, fails: Callable[[], bool]) -> None:
            async with turn:
                await end.wait()
                if fails():
                    raise ZeroDivisionError

        failing: set[asyncio.Event] = set()
        for what, who in steps:
            mine = [held for held in open_ if held[0] == who]
            if what == "enter":
                end = asyncio.Event()
                try:
                    turn = queue.enter(who)
                except Turnaway:
                    assert queue.running == places
                    continue
                fails = lambda end=end: end in failing  # noqa: E731
                open_.append((who, asyncio.create_task(one(turn, end, fails)), end))
                del turn
            elif mine:
                open_.remove(mine[0])
                if what == "cancel":
                    mine[0][1].cancel()
                if what == "fail":
                    failing.add(mine[0][2])
                mine[0][2].set()
            for _ in range(5):
                await asyncio.sleep(0)
            assert queue.running <= places
            assert queue.length <= waiting + 3
            assert queue.length == 0 or queue.running == places
        for _, _, end in open_:
            end.set()
        await asyncio.gather(*(task for _, task, _ in open_), return_exceptions=True)
        for _ in range(5):
            await asyncio.sleep(0)
        assert (queue.running, queue.length) == (0, 0)

    run(go())


def test_time_of_refused_requests_does_not_make_the_queue_longer() -> None:
    async def go() -> None:
        queue = turns(waiting=None)
        with pytest.raises(ZeroDivisionError):
            async with queue.enter("anna"):
                raise ZeroDivisionError
        assert queue._seconds is None
        assert outcomes(queue, "failed") == 1
        async with queue.enter("anna") as turn:
            turn.keep_on()
        assert queue._seconds is not None
        assert outcomes(queue, "answered") == 1

    run(go())
