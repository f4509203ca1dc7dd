"""What would leave this machine: every request to every service, listed before any is sent.

The list is the agreement: what is sent is what stands in it, byte for byte, and nothing else (`asking.py` asks with
these bodies). Whoever runs the comparison agrees to its digest. Items of a project are private unless its recipe
names their test set in `[compare] leave`; the examples in a conversation are training data and need "train" there. What
looks like personal data keeps an item from leaving unless the recipe says otherwise; patterns do not find all of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helder.data import personal
from helder.errors import ExitCode, HelderError
from helder.evaluate.compare import protocols
from helder.evaluate.compare.budget import most_money
from helder.evaluate.compare.items import Asked, Item
from helder.evaluate.compare.services import Service
from helder.recipe import FILE_NAME

SHOWN = 3  # items of one kind that an error names


@dataclass(frozen=True)
class Request:
    """One request that would be sent.

    Attributes:
        sha256: of its body.
        personal: kind → how many places in the question look like personal data.
    """

    service: Service
    item: Item
    body: bytes
    sha256: str
    personal: dict[str, int]

    def to_json(self) -> dict[str, Any]:
        return {
            "service": self.service.name,
            "host": self.service.host,
            "item": self.item.key,
            "sha256": self.sha256,
            "bytes": len(self.body),
            "personal_data": self.personal,
            "body": self.body.decode("utf-8"),
        }


@dataclass(frozen=True)
class Leaving:
    """All that would be sent."""

    requests: tuple[Request, ...]
    shots: tuple[str, ...]

    @property
    def lines(self) -> bytes:
        """The list as a file: JSON lines."""
        return b"".join(
            json.dumps(one.to_json(), ensure_ascii=False, separators=(",", ":")).encode("utf-8") + b"\n"
            for one in self.requests
        )

    @property
    def digest(self) -> str:
        """SHA-256 of the list, to which whoever compares agrees."""
        return hashlib.sha256(self.lines).hexdigest()

    def of(self, service: Service) -> list[Request]:
        return [one for one in self.requests if one.service.name == service.name]

    def money(self) -> float:
        """The most that it can cost when every request is answered at the first try."""
        return sum(most_money(one.service, len(one.body)) for one in self.requests)


def leaving(services: Sequence[Service], asked: Asked) -> Leaving:
    """The requests to all services for all items."""
    found = {item.key: _personal(item) for item in asked.items} if services else {}
    requests = []
    for service in services:
        for item in asked.items:
            body = protocols.body(service, item.messages)
            requests.append(Request(service, item, body, hashlib.sha256(body).hexdigest(), found[item.key]))
    return Leaving(tuple(requests), tuple(example.id for example in asked.shots))


def check(asked: Asked, leaving: Leaving) -> None:
    """Refuse what may not leave.

    Raises:
        HelderError: code 5; the test sets or the items are named.
    """
    if not leaving.requests:
        return
    hosts = ", ".join(sorted({one.service.host for one in leaving.requests}))
    if asked.project is not None:
        named = asked.project.recipe.compare.leave
        wanted = [*(["train"] if asked.shots else []), *asked.sets]
        missing = [name for name in wanted if name not in named]
        if missing:
            what = "the examples in each question are training data" if missing[0] == "train" else "it is a test set"
            raise HelderError(
                f"Items of {missing[0]!r} would be sent to {hosts}, and the recipe does not name it ({what}).",
                "The data of a project are private unless its recipe says that they may leave.",
                f"If they may, write in {asked.project.path.name}:  [compare]  leave = {json.dumps(wanted)}"
                + ("; or ask without examples: --examples 0" if missing == ["train"] else ""),
                ExitCode.REFUSED,
            )
    else:
        _check_alone(asked.sources["items"].path, hosts)
    private = [one.item.key for one in leaving.requests if one.item.private]
    if private:
        raise HelderError(
            f"{_names(private)} would be sent to {hosts}, and the file calls it private.",
            "What is called private never leaves.",
            "Take these items out of the file.",
            ExitCode.REFUSED,
        )
    allowed = asked.project is not None and asked.project.recipe.compare.personal_data
    marked = [one for one in leaving.requests if one.personal]
    if marked and not allowed:
        kinds = ", ".join(sorted({kind for one in marked for kind in one.personal}))
        fix = "Take them out, or ask fewer items" + (
            "; if they may leave, write personal_data = true in [compare]."
            if asked.project
            else "; a file has no recipe that could name them."
        )
        raise HelderError(
            f"{_names([one.item.key for one in marked])}: something looks like personal data ({kinds}) "
            f"and would be sent to {hosts}.",
            personal.WARNING,
            fix,
            ExitCode.REFUSED,
        )


def _check_alone(path: Path, hosts: str) -> None:
    """Refuse a file that lies in a project: what its recipe does not name does not leave by another door."""
    for folder in path.resolve().parents:
        if (folder / FILE_NAME).is_file():
            raise HelderError(
                f"{path.name} lies in the project {folder} and would be sent to {hosts}.",
                "The data of a project are private unless its recipe says that they may leave.",
                f"Compare its test sets: --project {folder}, with the sets that may leave in [compare] leave.",
                ExitCode.REFUSED,
            )


def _personal(item: Item) -> dict[str, int]:
    text = "\n".join(message["content"] for message in item.messages)
    return personal.count(personal.find(text))


def _names(keys: Sequence[str]) -> str:
    keys = list(dict.fromkeys(keys))
    more = f" and {len(keys) - SHOWN} more" if len(keys) > SHOWN else ""
    return f"{', '.join(keys[:SHOWN])}{more}"
