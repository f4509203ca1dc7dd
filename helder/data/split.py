"""Which items are trained on, watched and tested: duplicates out, leaks out, held-out items by the hash of
their input.

Every item that is left out is listed with its reason, and the counts add up. The split depends on the inputs
alone: the same input lies on the same side however many other items there are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from helder.data.items import Item
from helder.errors import HelderError


@dataclass
class Ledger:
    """What happened to the items of one split; those that came in are the sum of all that follow."""

    read: int = 0
    from_train: int = 0
    over_limit: int = 0
    duplicates: list[dict[str, Any]] = field(default_factory=list)
    leaked: list[dict[str, Any]] = field(default_factory=list)
    held_out: dict[str, int] = field(default_factory=dict)
    kept: int = 0

    def to_json(self) -> dict[str, Any]:
        left = self.over_limit + len(self.duplicates) + len(self.leaked) + sum(self.held_out.values()) + self.kept
        if left != self.read + self.from_train:
            raise AssertionError(f"items do not add up: {self.read} + {self.from_train} came in, {left} accounted for")
        return {
            "read": self.read,
            "from_train": self.from_train,
            "over_limit": self.over_limit,
            "duplicates": len(self.duplicates),
            "leaked": len(self.leaked),
            "held_out": dict(sorted(self.held_out.items())),
            "kept": self.kept,
        }


def drop_duplicates(items: Sequence[Item], ledger: Ledger) -> list[Item]:
    """The items without exact repetitions (same input, output and scored fields); the first one stays."""
    seen: dict[tuple[str, str, tuple[str, ...] | None], Item] = {}
    kept: list[Item] = []
    for item in items:
        identity = (item.input, item.encoded, item.scored)
        if identity in seen:
            first = seen[identity]
            ledger.duplicates.append({"id": item.id, "at": item.place, "same_as": first.place})
        else:
            seen[identity] = item
            kept.append(item)
    return kept


def drop_leaks(items: Sequence[Item], others: Iterable[tuple[str, Sequence[Item]]], ledger: Ledger) -> list[Item]:
    """The items whose input stands in none of the other splits (compared by `Item.key`)."""
    place: dict[str, tuple[str, Item]] = {}
    for name, members in others:
        for item in members:
            place.setdefault(item.key, (name, item))
    kept: list[Item] = []
    for item in items:
        if item.key in place:
            name, other = place[item.key]
            ledger.leaked.append({"id": item.id, "at": item.place, "also_in": name, "as": other.id})
        else:
            kept.append(item)
    return kept


def contradictions(items: Sequence[Item]) -> list[dict[str, Any]]:
    """Inputs that stand with more than one output, with their places; kept, for either may be right."""
    by_key: dict[str, list[Item]] = {}
    for item in items:
        by_key.setdefault(item.key, []).append(item)
    return [
        {
            "input": group[0].input,
            "outputs": [{"output": item.output, "id": item.id, "at": item.place} for item in group],
        }
        for group in by_key.values()
        if len({item.encoded for item in group}) > 1
    ]


def choose(items: Sequence[Item], count: int, seed: int) -> list[Item]:
    """`count` of the items, those whose input hashes lowest under the seed, in their order."""
    ranked = sorted(range(len(items)), key=lambda place: (_position(items[place].key, "limit", seed), place))
    return [items[place] for place in sorted(ranked[:count])]


def hold_out(
    items: Sequence[Item], share: float, salt: str, seed: int, keep_labels: bool
) -> tuple[list[Item], list[Item]]:
    """(kept, held out): the items whose input hashes below `share`; at least one input of either side.

    Args:
        share: 0 < share < 1, of the different inputs.
        salt: names the split, so that two splits of the same items are independent.
        seed: other seeds give other splits.
        keep_labels: the last items of a label are never all held out.

    Raises:
        HelderError: fewer than two different inputs.
    """
    position = {item.key: _position(item.key, salt, seed) for item in items}
    if len(position) < 2:
        raise HelderError(
            f"There is nothing to hold out for the {salt} set.",
            f"The training data have {len(position)} different input(s).",
            f"Give a {salt} file, or more examples.",
        )
    ordered = sorted(position, key=lambda key: (position[key], key))
    held = {key for key in ordered if position[key] < share} or {ordered[0]}
    if len(held) == len(ordered):
        held.discard(ordered[-1])
    if keep_labels:
        held = _give_back_last(items, held, position)
    return [item for item in items if item.key not in held], [item for item in items if item.key in held]


def _position(key: str, salt: str, seed: int) -> float:
    """A number in 0..1 that only the input, the split's name and the seed decide."""
    digest = hashlib.sha256(f"helder {salt} {seed}\n{key}".encode()).digest()
    return int.from_bytes(digest[:7], "big") / 2**56


def _give_back_last(items: Sequence[Item], held: set[str], position: dict[str, float]) -> set[str]:
    held = set(held)
    by_label: dict[str, list[str]] = {}
    for item in items:
        by_label.setdefault(item.encoded, []).append(item.key)
    for keys in by_label.values():
        if all(key in held for key in keys):
            held.discard(max(keys, key=lambda key: (position[key], key)))
    return held


def give_unique_ids(splits: dict[str, list[Item]]) -> dict[str, list[Item]]:
    """Check that no id stands twice in one split.

    Items whose id was computed differ by their content; the same content with other scored fields gets a
    suffix.

    Raises:
        HelderError: an id that was given twice, with both places.
    """
    result: dict[str, list[Item]] = {}
    for name, items in splits.items():
        seen: dict[str, Item] = {}
        members: list[Item] = []
        for item in items:
            if item.id in seen:
                first = seen[item.id]
                if (first.input, first.encoded) == (item.input, item.encoded):
                    count = sum(key.split("~")[0] == item.id for key in seen)
                    item = replace(item, id=f"{item.id}~{count}")
                else:
                    raise HelderError(
                        f"{item.place}: the id {item.id!r} stands there already.",
                        f"It was given at {first.place} to another example.",
                        "Make the ids different, or drop the column: ids are then computed.",
                    )
            seen[item.id] = item
            members.append(item)
        result[name] = members
    return result
