"""Villages, roads and events. `large` makes cases that are not shipped; large.sha256 has their digests."""

from random import Random

Roads = list[tuple[int, int, int]]


def _line(rng: Random, count: int) -> Roads:
    return [(place, place + 1, 1 + int(rng.random() * 1000)) for place in range(1, count)]


def _star(rng: Random, count: int) -> Roads:
    return [(1, place, 1 + int(rng.random() * 1000)) for place in range(2, count + 1)]


def _tree(rng: Random, count: int, back: int) -> Roads:
    """Each village but the first is joined to one of the `back` before it; names and order are mixed."""
    name = [0, *sorted(range(1, count + 1), key=lambda _: rng.random())]
    roads = []
    for place in range(2, count + 1):
        other = place - 1 - int(rng.random() * min(back, place - 1))
        ends = (name[place], name[other]) if rng.random() < 0.5 else (name[other], name[place])
        roads.append((*ends, 1 + int(rng.random() * 1000)))
    return sorted(roads, key=lambda _: rng.random())


def _events(rng: Random, villages: int, count: int, opening: float, closing: float) -> list[str]:
    """Posts open and close with these chances; the rest are questions."""
    found: list[str] = []
    places: list[int] = []  # of the open posts
    where: dict[int, int] = {}  # village: its index in places
    while len(found) < count:
        chance, village = rng.random(), 1 + int(rng.random() * villages)
        if chance < opening:
            if village in where:
                continue
            where[village] = len(places)
            places.append(village)
            found.append(f"+ {village}")
        elif chance < opening + closing:
            if not places:
                continue
            index = int(rng.random() * len(places))
            village, last = places[index], places.pop()
            if index < len(places):
                places[index], where[last] = last, index
            del where[village]
            found.append(f"- {village}")
        else:
            found.append(f"? {village}")
    return found


def _text(count: int, roads: Roads, events: list[str]) -> str:
    rows = [f"{count} {len(events)}", *(f"{a} {b} {d}" for a, b, d in roads), *events]
    return "".join(f"{row}\n" for row in rows)


def _case(seed: int, shape: str, villages: int, events: int, opening: float, closing: float) -> str:
    rng = Random(seed)
    if shape == "line":
        roads = _line(rng, villages)
    elif shape == "star":
        roads = _star(rng, villages)
    else:
        roads = _tree(rng, villages, {"bushy": villages, "long": 3}[shape])
    return _text(villages, roads, _events(rng, villages, events, opening, closing))


def files() -> dict[str, str]:
    sample = [(1, 2, 5), (3, 2, 4), (4, 2, 9), (4, 5, 1)]
    found = {
        "sample/1": _text(5, sample, ["? 1", "+ 3", "+ 5", "? 4", "? 1", "- 3", "? 3", "? 5"]),
        "sample/2": _text(3, [(1, 2, 10), (2, 3, 7)], ["+ 1", "? 2", "+ 3", "? 2"]),
        "secret/group1/01-one-village": _text(1, [], ["? 1", "+ 1", "? 1", "- 1", "? 1"]),
        "secret/group1/02-open-again": _text(2, [(2, 1, 3)], ["+ 1", "- 1", "? 2", "+ 1", "? 2", "+ 2", "- 1", "? 1"]),
        "secret/group1/03-bushy": _case(3, "bushy", 200, 200, 0.2, 0.2),
        "secret/group1/04-long": _case(4, "long", 200, 200, 0.3, 0.25),
        "secret/group1/05-star": _case(5, "star", 200, 200, 0.3, 0.25),
        "secret/group1/06-all-close": _text(
            3, [(1, 2, 1), (2, 3, 1)], ["+ 1", "+ 2", "+ 3", "- 2", "? 2", "- 1", "? 1", "- 3", "? 3"]
        ),
        "secret/group2/01-some": _case(21, "line", 500, 500, 0.2, 0.15),
        "secret/group2/02-few-posts": _case(22, "line", 1500, 1500, 0.02, 0.015),
        "secret/group3/01-some": _case(31, "bushy", 500, 500, 0.2, 0),
        "secret/group3/02-few-posts": _case(32, "long", 2500, 1000, 0.005, 0),
        "secret/group4/01-some": _case(41, "bushy", 1000, 1000, 0.2, 0.15),
        "secret/group4/02-few-posts": _case(42, "long", 5000, 12_000, 0.02, 0.02),
    }
    found = {f"{case}.in": text for case, text in found.items()}
    found["invalid_input/a-way-round.in"] = "3 1\n1 2 1\n2 1 1\n? 1\n"
    found["invalid_input/opens-twice.in"] = "2 2\n1 2 1\n+ 1\n+ 1\n"
    found["invalid_input/closes-unopened.in"] = "2 1\n1 2 1\n- 1\n"
    return found


def large() -> dict[str, str]:
    cases = {
        "secret/group2/03-large": _case(23, "line", 50_000, 50_000, 0.3, 0.25),
        "secret/group2/04-large-few-posts": _case(24, "line", 50_000, 50_000, 0.001, 0.001),
        "secret/group3/03-large": _case(33, "bushy", 50_000, 50_000, 0.3, 0),
        "secret/group3/04-large-few-posts": _case(34, "long", 50_000, 50_000, 0.0005, 0),
        "secret/group4/03-large": _case(43, "bushy", 50_000, 50_000, 0.3, 0.25),
        "secret/group4/04-large-few-posts": _case(44, "long", 50_000, 50_000, 0.01, 0.01),
        "secret/group4/05-large-star": _case(45, "star", 50_000, 50_000, 0.3, 0.25),
        "secret/group4/06-large-many-posts": _case(46, "long", 50_000, 50_000, 0.5, 0.2),
    }
    return {f"{case}.in": text for case, text in cases.items()}
