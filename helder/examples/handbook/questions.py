"""Questions about the handbook and their answers, in Dutch and English, split by what they are about."""

from __future__ import annotations

from typing import Any

from helder.examples.dice import number
from helder.examples.handbook.facts import ACTIVITIES, DAYS, ROOMS


def of(name: str) -> list[dict[str, Any]]:
    """The questions of "train", "dev" or "test"; none is in two of them."""
    return [
        {"id": f"{name}-{place}", "input": question, "output": answer}
        for place, (question, answer) in enumerate(_all())
        if _part(question) == name
    ]


def _part(question: str) -> str:
    drawn = number("handbook", question)
    return "test" if drawn < 0.15 else "dev" if drawn < 0.25 else "train"


def _all() -> list[tuple[str, str]]:
    found = []
    for room, (english, seats, price, floor) in ROOMS.items():
        found += [
            (f"Hoeveel mensen passen er in {room}?", f"{seats}"),
            (f"How many people fit into {english}?", f"{seats}"),
            (f"Wat kost {room} per uur?", f"{price} euro"),
            (f"What does {english} cost an hour?", f"{price} euros"),
            (f"Op welke verdieping is {room}?", f"{floor}"),
            (f"On which floor is {english}?", f"{floor}"),
        ]
    for day, (english, opens, closes) in DAYS.items():
        found += [
            (f"Hoe laat gaat De Brug op {day} open?", opens),
            (f"When does De Brug open on {english}?", opens),
            (f"Hoe laat sluit De Brug op {day}?", closes),
            (f"When does De Brug close on {english}?", closes),
        ]
    for activity, (english, day, time, room) in ACTIVITIES.items():
        found += [
            (f"Op welke dag is {activity}?", day),
            (f"On which day is {english}?", DAYS[day][0]),
            (f"Hoe laat begint {activity}?", time),
            (f"When does {english} begin?", time),
            (f"In welke zaal is {activity}?", room),
            (f"In which room is {english}?", ROOMS[room][0]),
        ]
    return found
