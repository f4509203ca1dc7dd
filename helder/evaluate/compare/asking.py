"""Many questions to one service: so many at a time, tried again after faults, every byte kept.

An answer that does not come is an error, never a wrong answer. A fault that every request would meet (a refused
key, a model that is not there) stops at once; one that only an item meets is kept with its reason, and the rest goes
on.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from helder.errors import ExitCode, HelderError
from helder.evaluate.compare import patience, protocols
from helder.evaluate.compare.budget import Budget, cost
from helder.evaluate.compare.gate import Gate
from helder.evaluate.compare.leaving import Request
from helder.evaluate.compare.protocols import Fault, Reply
from helder.evaluate.compare.record import Known, Record
from helder.evaluate.compare.services import Service
from helder.evaluate.compare.wire import Line

AT_ONCE = 8
HOPELESS = 3  # questions refused before any was answered, after which the fault lies with the request, not the item


@dataclass
class Answered:
    """What came of the questions to one service.

    Attributes:
        replies: item → answer.
        refused: item → why it has none; another try would not change that.
    """

    replies: dict[str, Reply] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)


def key_of(service: Service) -> str | None:
    """The key, from the environment.

    Raises:
        HelderError: the variable is not set; its value is never shown.
    """
    if service.key is None:
        return None
    value = os.environ.get(service.key, "").strip()
    if not value:
        raise HelderError(
            f"{service.name} needs a key, and the environment variable {service.key} is not set.",
            "Keys are read from the environment only: a file or a command line would keep them.",
            f"export {service.key}=…",
        )
    if not value.isprintable() or not value.isascii():
        raise HelderError(
            f"The key in {service.key} cannot be sent.",
            "It holds characters that no header may have.",
            "Copy it again.",
        )
    return value


def ask_all(
    requests: Sequence[Request],
    gate: Gate,
    budget: Budget,
    record: Record,
    known: Known,
    *,
    seed: int,
    at_once: int = AT_ONCE,
    tries: int = patience.TRIES,
    sleep: Callable[[float], object] | None = None,
    progress: Callable[[int], None] = lambda count: None,
) -> Answered:
    """Ask one service all its questions.

    Args:
        requests: all to the same service.
        known: what was answered before; it is not asked again.
        at_once: how many questions are open at a time, each on a connection of its own.
        sleep: what waits; without it, a wait that ends when the work is stopped.
        progress: called with 1 after each question, from any thread.

    Raises:
        HelderError: code 5, the host is not allowed or the budget is used up; code 4, the service cannot be asked, or
            some questions stayed without an answer. What was answered is in the record.
    """
    answered = Answered()
    waiting: list[Request] = []
    for request in requests:
        reply = known.replies.get((request.service.name, request.item.key, request.sha256))
        if reply is None:
            waiting.append(request)
        else:
            answered.replies[request.item.key] = reply
            progress(1)
    if not waiting:
        return answered
    service = waiting[0].service
    gate.check(service.host, service.name)
    work = _Work(service, key_of(service), gate, budget, record, seed, tries, sleep, progress, answered)
    work.run(waiting, at_once)
    return answered


class _Work:
    """The threads that ask one service."""

    def __init__(
        self,
        service: Service,
        key: str | None,
        gate: Gate,
        budget: Budget,
        record: Record,
        seed: int,
        tries: int,
        sleep: Callable[[float], object] | None,
        progress: Callable[[int], None],
        answered: Answered,
    ) -> None:
        self.service, self.key, self.gate, self.budget, self.record = service, key, gate, budget, record
        self.seed, self.tries, self.progress, self.answered = seed, tries, progress, answered
        self.stop = threading.Event()
        self.sleep = sleep or self.stop.wait
        self.pause = patience.Pause(self.sleep)
        self.lock = threading.Lock()
        self.failure: BaseException | None = None
        self.lost: dict[str, str] = {}

    def run(self, requests: Sequence[Request], at_once: int) -> None:
        queue = iter(requests)
        lines = max(1, min(at_once, len(requests)))
        with ThreadPoolExecutor(lines) as threads:
            try:
                for future in [threads.submit(self._one_line, queue) for _ in range(lines)]:
                    future.result()
            except BaseException:
                self.stop.set()  # the others end after the answer they wait for
                raise
        if self.failure is not None:
            raise self.failure
        if self.lost:
            item, reason = next(iter(sorted(self.lost.items())))
            raise HelderError(
                f"{self.service.name} left {len(self.lost)} of {len(requests)} questions without an answer.",
                f"{item}, for example: {reason}. An answer that did not come is not a wrong one: nothing is compared.",
                "What was answered is kept: the same command goes on from there.",
                ExitCode.UNCHECKED,
            )

    def _one_line(self, queue: Iterator[Request]) -> None:
        """One thread: a connection, and questions until there are none."""
        one = self.service
        line = Line(one.url, self.gate, one.name, one.timeout, one.longest, self.key)
        try:
            while not self.stop.is_set():
                with self.lock:
                    request = next(queue, None)
                if request is None:
                    return
                self._ask(line, request)
        except Exception as error:  # noqa: BLE001  told by the caller, after the other threads have ended
            with self.lock:
                self.failure = self.failure or error
            self.stop.set()
        finally:
            line.close()

    def _ask(self, line: Line, request: Request) -> None:
        """One question, until it is answered or given up."""
        item = request.item.key
        for tries in range(1, self.tries + 1):
            self.pause.keep()
            if self.stop.is_set():
                return
            try:
                reply = self._try(line, request, tries)
            except Fault as fault:
                if fault.everything:
                    raise _unusable(self.service, fault) from fault
                if not fault.again:
                    with self.lock:
                        self.answered.refused[item] = fault.reason
                        hopeless = len(self.answered.refused) >= HOPELESS and not self.answered.replies
                    if hopeless:
                        raise _unusable(self.service, fault) from fault
                    self.progress(1)
                    return
                if fault.after is not None and fault.after > patience.ASKED:
                    fault.reason += f"; it asks to wait {fault.after:,.0f} s"
                    raise _unusable(self.service, fault) from fault
                if tries == self.tries:
                    with self.lock:
                        self.lost[item] = f"after {tries} tries, {fault.reason}"
                    return
                if fault.after is not None:
                    self.pause.ask_for(fault.after)
                self.sleep(max(patience.wait(self.seed, self.service.name, item, tries), fault.after or 0.0))
            else:
                with self.lock:
                    self.answered.replies[item] = reply
                self.progress(1)
                return

    def _try(self, line: Line, request: Request, tries: int) -> Reply:
        """One request: set aside, sent, kept, settled.

        Raises:
            Fault: no answer came of it.
        """
        service, size = self.service, len(request.body)
        aside = self.budget.set_aside(service, size)
        number = self.record.sent(service.name, request.item.key, tries, service.host, request.sha256, aside, size)
        exchange = line.post(protocols.path(service), protocols.headers(service, self.key), request.body)
        reply, fault = None, None
        try:
            if exchange.broken is not None:
                raise Fault(exchange.broken, charged=bool(exchange.sent))
            assert exchange.status is not None
            reply = protocols.read(service, exchange.status, exchange.headers, exchange.body)
        except Fault as found:
            fault = found
        money = cost(service, reply, aside) if reply else aside if fault and fault.charged else 0.0
        self.record.received(number, exchange, money, reply, fault.reason if fault else None)
        self.budget.settle(aside, money)
        if reply is None:
            assert fault is not None
            raise fault
        return reply


def _unusable(service: Service, fault: Fault) -> HelderError:
    return HelderError(
        f"{service.name} at {service.host} cannot be asked.",
        f"{fault.reason[0].upper()}{fault.reason[1:]}.",
        "Check the model's name, the address and the key; what was answered before is kept.",
        ExitCode.UNCHECKED,
    )
