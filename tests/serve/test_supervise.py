"""An engine that crashes is started again, its request asked again where the answer is the same, and all is told."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from helder.errors import HelderError
from helder.serve import memory, refusals, supervise
from helder.serve.answer import Answer
from helder.serve.engine import Crashed, Engine, Worker
from helder.serve.metrics import Metrics
from helder.serve.supervise import MOST, WINDOW, Keeper, Standing, Unavailable
from tests.serve.tiny import CONTEXT, TEXT, Tiny

REQUEST = {"prompt": [1, 2]}
ANSWER = Answer("one two", (1, 2), "stop", 2, 2)


class Fake(Worker):
    """A worker that streams two pieces and does what its plan says: "fine", "dies", "dies after the first piece"."""

    def __init__(self, plan: list[str], pieces: tuple[str, str] = ("one ", "two")) -> None:
        self.plan, self.pieces, self.buried = plan, pieces, False

    def ask(self, request: dict[str, Any], stream: Callable[[str], bool] | None = None, lane: int = 0) -> Answer:
        step = self.plan.pop(0)
        if step == "dies":
            raise Crashed("it crashed", "of a test")
        for number, piece in enumerate(self.pieces):
            if number and step == "dies after the first piece":
                raise Crashed("it crashed", "of a test")
            if stream is not None and not stream(piece):
                break
        return ANSWER

    def bury(self) -> None:
        self.buried = True

    def close(self) -> None:
        self.bury()


def standing(*workers: Fake, now: Callable[[], float] = lambda: 0.0) -> tuple[Standing, list[float], Metrics]:
    waits, metrics, coming = list[float](), Metrics(), iter(workers)
    return Standing(lambda: next(coming), metrics, now, waits.append), waits, metrics


def heard(kept: list[str]) -> Callable[[str], bool]:
    def stream(text: str) -> bool:
        kept.append(text)
        return True

    return stream


def test_a_request_whose_engine_dies_is_asked_again_and_says_so() -> None:
    dead = Fake(["dies"])
    one, waits, metrics = standing(dead, Fake(["fine"]))
    answer = one.ask(0, REQUEST, None)
    assert answer == ANSWER
    assert answer.restarts == 1
    assert dead.buried
    assert waits == [0.0]
    assert metrics.value("helder_engine_restarts_total") == metrics.value("helder_engine_repeats_total") == 1


def test_a_reader_of_a_broken_stream_reads_on_where_it_was() -> None:
    one, _, _ = standing(Fake(["dies after the first piece"]), Fake(["fine"], ("on", "e two")))
    kept: list[str] = []
    assert one.ask(0, REQUEST, heard(kept)).restarts == 1
    assert "".join(kept) == "one two"


def test_an_answer_that_begins_otherwise_the_second_time_is_an_error_and_not_a_mixture() -> None:
    one, _, _ = standing(Fake(["dies after the first piece"]), Fake(["fine"], ("other ", "words")))
    kept: list[str] = []
    with pytest.raises(Unavailable, match="not the same"):
        one.ask(0, REQUEST, heard(kept))
    assert "".join(kept) == "one "


def test_nothing_is_asked_again_when_nobody_reads() -> None:
    one, _, metrics = standing(Fake(["dies"]), Fake([]))
    with pytest.raises(Crashed):
        one.ask(0, REQUEST, lambda text: False)
    assert metrics.value("helder_engine_repeats_total") == 0


def test_a_request_that_crashes_two_engines_is_not_given_a_third() -> None:
    one, _, _ = standing(Fake(["dies"]), Fake(["dies"]), Fake(["fine"]))
    with pytest.raises(Unavailable, match="twice"):
        one.ask(0, REQUEST, None)
    with pytest.raises(Unavailable, match="not tried again") as caught:
        one.ask(0, REQUEST, None)
    assert refusals.of_error(caught.value).status == 503
    assert one.ask(0, {"prompt": [3]}, None) == ANSWER


def test_an_engine_that_crashes_too_often_is_given_up_and_the_starts_came_ever_later() -> None:
    one, waits, metrics = standing(*(Fake(["dies"]) for _ in range(MOST)))
    for number in range(MOST):
        with pytest.raises(HelderError):
            one.ask(0, {"prompt": [number]}, None)
    assert one.broken is not None
    assert "it crashed" in one.broken.why
    assert waits == list(supervise.DELAYS)
    assert metrics.value("helder_engine_restarts_total") == MOST - 1


def test_crashes_long_ago_do_not_count() -> None:
    clock = iter(range(0, 10**6, int(WINDOW) + 1))
    one, waits, _ = standing(*(Fake(["dies"]) for _ in range(9)), Fake(["fine"]), now=lambda: float(next(clock)))
    for number in range(4):
        with pytest.raises(Unavailable):
            one.ask(0, {"prompt": [number]}, None)
    assert one.ask(0, {"prompt": [9]}, None) == ANSWER
    assert set(waits) == {0.0}


# -- true processes --


@pytest.fixture(scope="module")
def keepers(model: Tiny) -> Iterator[dict[str, Keeper]]:
    made = {
        "exact": Keeper(model.gguf, threads=2, context=CONTEXT, places=2),
        "fast": Keeper(model.gguf, threads=1, context=CONTEXT, places=3, mode="fast"),
    }
    yield made
    for one in made.values():
        one.close()


@pytest.mark.parametrize("mode", ["exact", "fast"])
def test_several_questions_at_a_time_get_the_answers_that_each_gets_alone(
    keepers: dict[str, Keeper], model: Tiny, mode: str
) -> None:
    keeper = keepers[mode]
    assert len(keeper.processes) == (2 if mode == "exact" else 1)
    with Engine.open(model.gguf, threads=1, context=CONTEXT) as engine:
        alone = [engine.complete(model.encode(text), max_tokens=24, logprobs=True) for text in TEXT]

    def ask(text: str) -> Answer:
        return keeper.complete(model.encode(text), max_tokens=24, logprobs=True, stream=lambda piece: True)

    def ask_whole(text: str) -> Answer:
        return keeper.complete(model.encode(text), max_tokens=24, logprobs=True)

    with ThreadPoolExecutor(6) as pool:
        together, streamed = list(pool.map(ask_whole, TEXT)), list(pool.map(ask, TEXT))
    if mode == "exact":
        assert together == alone
    # A character that is not whole at the end is no piece of a stream.
    assert [one.text.rstrip("\ufffd") for one in together] == [one.text.rstrip("\ufffd") for one in streamed]


def test_a_killed_process_costs_neither_this_answer_nor_the_next(keepers: dict[str, Keeper], model: Tiny) -> None:
    for keeper in keepers.values():
        prompt = model.encode("1 puff")
        whole = keeper.complete(prompt, max_tokens=40)
        kept: list[str] = []

        def kill(text: str, keeper: Keeper = keeper, kept: list[str] = kept) -> bool:
            if text and not kept:
                for process in keeper.processes:
                    os.kill(process, signal.SIGKILL)
            kept.append(text)
            return True

        answer = keeper.complete(prompt, max_tokens=40, stream=kill)
        assert answer.restarts == 1
        assert "".join(kept) == answer.text == whole.text
        assert all(keeper.complete(prompt, max_tokens=40).text == whole.text for _ in range(3))
        assert not keeper.broken


def test_what_was_answered_is_counted(keepers: dict[str, Keeper], model: Tiny) -> None:
    keeper = keepers["exact"]
    before = keeper.metrics.value("helder_completion_tokens_total")
    answer = keeper.complete(model.encode("1 puff"), max_tokens=7, stream=lambda piece: True)
    assert keeper.metrics.value("helder_completion_tokens_total") == before + answer.completion_tokens
    told = keeper.metrics.text()
    assert "helder_engine_broken 0\n" in told
    assert 'helder_first_token_seconds_bucket{le="+Inf"}' in told
    assert 'helder_resident_bytes{process="engine-1"} ' in told


def test_more_places_than_memory_holds_are_refused_before_anything_is_loaded(model: Tiny) -> None:
    need = memory.needed(model.gguf, CONTEXT, 4)
    # 2 layers, 2 heads of 16 for keys and as many for values, 4 bytes each
    assert need == model.gguf.stat().st_size + 4 * (CONTEXT * 2 * 2 * 16 * 2 * 4 + memory.WORKING)
    with pytest.raises(HelderError, match="4 places") as caught:
        Keeper(model.gguf, context=CONTEXT, places=4, free=lambda: need - 1, start=lambda *given: pytest.fail("loaded"))
    assert "--parallel" in caught.value.fix


@pytest.mark.parametrize(
    ("meminfo", "limit", "expected"),
    [("MemAvailable: 100 kB", "max", 102400), ("MemAvailable: 100 kB", "9000", 9000 - 4000 + 500), ("", "max", None)],
)
def test_free_memory_is_what_the_machine_or_the_group_leaves(
    tmp_path: Path, meminfo: str, limit: str, expected: int | None
) -> None:
    group = tmp_path / "sys/fs/cgroup/helder.service"
    group.mkdir(parents=True)
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/meminfo").write_text(f"MemTotal: 200 kB\n{meminfo}\n")
    (tmp_path / "proc/self/cgroup").write_text("4:memory:/other\n0::/helder.service\n")
    (group / "memory.max").write_text(f"{limit}\n")
    (group / "memory.current").write_text("4000\n")
    (group / "memory.stat").write_text("anon 3500\ninactive_file 500\n")
    assert memory.available(tmp_path) == expected
