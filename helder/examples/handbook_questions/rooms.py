"""Houses, rooms, facts, leaflets and questions; all made up, all drawn from their names."""

from __future__ import annotations

from typing import Any

from helder.examples.dice import Dice, number

HOUSES = (
    *("Alder House", "Birch House", "Cedar House", "Damson House", "Elm House", "Fern House"),
    *("Gorse House", "Hazel House", "Ivy House", "Juniper House", "Larch House", "Maple House"),
)
BIRDS = (
    *("Avocet", "Bittern", "Curlew", "Dunnock", "Egret", "Fulmar", "Gannet", "Heron"),
    *("Jackdaw", "Kestrel", "Lapwing", "Martin", "Osprey", "Plover", "Wren"),
)
KINDS = ("Room", "Hall", "Studio", "Loft")
NAMES = (
    *("Mr Aalders", "Mrs Bakr", "Mr Coenen", "Mrs Demir", "Mr Evers", "Mrs Fonseca", "Mr Geels", "Mrs Hoang"),
    *("Mr Ibrahim", "Mrs Jansma", "Mr Kowal", "Mrs Lind", "Mr Moreau", "Mrs Nagy", "Mr Okafor", "Mrs Postma"),
)
FLOORS = ("ground floor", "first floor", "second floor", "third floor")
UNKNOWN = "The leaflets do not say."
TOLD = 3  # facts of a room that stand in its leaflet

# fact → (ways to say it in a leaflet, ways to ask for it, what is answered)
FACTS: dict[str, tuple[tuple[str, ...], tuple[str, ...], str]] = {
    "seats": (
        (
            "{room} seats {value} people.",
            "Up to {value} people fit into {room}.",
            "There are {value} chairs in {room}.",
        ),
        ("How many people fit into {room}?", "For how many people is {room}?"),
        "{value}",
    ),
    "price": (
        ("An hour in {room} costs {value} euros.", "{room} is let for {value} euros an hour."),
        ("What does {room} cost an hour?", "How much is an hour in {room}?"),
        "{value} euros",
    ),
    "floor": (
        ("{room} is on the {value}.", "You find {room} on the {value}."),
        ("On which floor is {room}?", "Where in the house is {room}?"),
        "{value}",
    ),
    "key": (
        (
            "The key of {room} is with {value}.",
            "{value} keeps the key of {room}.",
            "Ask {value} for the key of {room}.",
        ),
        ("Who has the key of {room}?", "Whom do I ask for the key of {room}?"),
        "{value}",
    ),
    "closes": (
        ("{room} closes at {value}.", "Everybody has to be out of {room} by {value}."),
        ("When does {room} close?", "Until when can I stay in {room}?"),
        "{value}",
    ),
}
OPENINGS = (
    "{house} stands at the old harbour and has five rooms to let.",
    "Since the spring {house} is open to everybody, with five rooms to let.",
    "{house} was a school once; its five rooms can be hired by the hour.",
)
CLOSINGS = (
    "Leave a room as you found it.",
    "Dogs are welcome, loud music is not.",
    "Write to the desk when something is broken.",
)


def rooms() -> dict[str, list[str]]:
    """House → its rooms. Rooms that are called alike are in different houses."""
    names = [f"the {bird} {kind}" for bird in BIRDS for kind in KINDS]
    drawn = sorted(names, key=lambda name: number("rooms", name))
    return {house: drawn[place * 5 : place * 5 + 5] for place, house in enumerate(HOUSES)}


def value(room: str, fact: str) -> str:
    """What is true of a room, whether its leaflet tells it or not."""
    dice = Dice("value", room, fact)
    if fact == "seats":
        return str(dice.between(6, 90))
    if fact == "price":
        return str(dice.between(8, 60))
    if fact == "floor":
        return dice.of(FLOORS)
    return dice.of(NAMES) if fact == "key" else f"{dice.between(16, 23)}:{dice.of(('00', '15', '30', '45'))}"


def told(room: str) -> list[str]:
    """The facts that the leaflet tells of a room."""
    drawn = sorted(FACTS, key=lambda fact: number("told", room, fact))[:TOLD]
    return [fact for fact in FACTS if fact in drawn]


def leaflets() -> dict[str, str]:
    """Name of a file → its text."""
    found = {}
    for house, inside in rooms().items():
        lines = [f"# {house}", "", Dice("opening", house).of(OPENINGS).format(house=house), ""]
        for room in inside:
            said = [
                Dice("said", room, fact).of(FACTS[fact][0]).format(room=room, value=value(room, fact))
                for fact in told(room)
            ]
            lines += [" ".join(one[0].upper() + one[1:] for one in said), ""]
        lines.append(Dice("closing", house).of(CLOSINGS))
        found[f"{house.split()[0].lower()}.md"] = "\n".join(lines) + "\n"
    return found


def questions(name: str) -> list[dict[str, Any]]:
    """The questions of "train", "dev" or "test", each about other rooms."""
    found: list[dict[str, Any]] = []
    for inside in rooms().values():
        for room in inside:
            if part(room) != name:
                continue
            for fact, (_, ways, answer) in FACTS.items():
                known = fact in told(room)
                asked = Dice("asked", room, fact).of(ways).format(room=room)
                said = answer.format(value=value(room, fact)) if known else UNKNOWN
                tag = "answerable" if known else "unanswerable"
                found.append({"id": f"{name}-{len(found)}", "input": asked, "output": said, "tags": [tag]})
    return found


def part(room: str) -> str:
    """Where a room is asked about."""
    drawn = number("part", room)
    return "test" if drawn < 0.25 else "dev" if drawn < 0.5 else "train"
