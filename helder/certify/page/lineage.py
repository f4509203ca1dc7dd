"""How a release came about, as a drawing: a row for each source, stage and file, beside them the lines that join them.

The rows are text, so that they wrap on a telephone and can be read aloud; what is drawn is a rail of fixed width at
their left, whose vertical parts stretch with the row. The order puts each thing as close as can be before what was made
of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from markupsafe import Markup

from helder.certify.evidence import Evidence
from helder.certify.page import texts
from helder.certify.page.texts import Said, say

LANE, LEFT, NODE = 15, 10, 21  # pixels: between two lines, before the first, from the top of a row to its mark
COLOURS = 6
HANDED_OUT = (".gguf", ".safetensors")
# A stage's function → what it does; trainings are told apart by their objective.
DOES = {
    "helder.model.importer:run": "importer",
    "helder.data.extract.stage:run": "extract",
    "helder.data.clean.stage:run": "clean",
    "helder.trace.index:run": "index",
    "helder.data.stage:run": "data",
    "helder.tokens.bpe:run": "bpe",
    "helder.model.scratch:run": "scratch",
    "helder.tokens.stage:run": "tokens",
    "helder.train.average:run": "average",
    "helder.train.teach:run": "teach",
    "helder.train.probe:run": "probe",
    "helder.compress.stage:run": "compress",
    "helder.evaluate.predict:run": "predict",
    "helder.evaluate.baselines:run": "baselines",
    "helder.evaluate.stage:run": "evaluate",
    "helder.certify.commitment:run": "commitment",
}
TRAINING = "helder.train.stage:run"
Kind = Literal["source", "stage", "file"]


@dataclass
class Node:
    """A source, a stage or a file; `inputs` are the ids of what it was made of."""

    id: str
    kind: Kind
    name: str
    digest: str
    does: Said | None = None
    inputs: list[str] = field(default_factory=list)
    withheld: bool = False


@dataclass(frozen=True)
class Row:
    """One row of the drawing, ready to be shown."""

    kind: Kind
    name: str
    digest: str
    does: Said | None
    sources: tuple[str, ...]
    withheld: bool
    rail: Markup


def rows(evidence: Evidence) -> tuple[list[Row], int]:
    """The rows from top to bottom, and the width of the rail in pixels."""
    nodes = graph(evidence)
    order = arranged(nodes)
    drawn, lanes = _rails([nodes[name] for name in order])
    width = LEFT + LANE * (lanes - 1) + 10
    found = []
    for name, inside in zip(order, drawn, strict=True):
        node = nodes[name]
        rail = Markup(f'<svg class="rail" width="{width}" height="100%" aria-hidden="true">{inside}</svg>')
        made_of = tuple(nodes[one].name for one in node.inputs) if node.kind == "stage" else ()
        found.append(Row(node.kind, node.name, node.digest, node.does, made_of, node.withheld, rail))
    return found, width


def graph(evidence: Evidence) -> dict[str, Node]:
    """Every source, stage and handed-out file by its id."""
    makers: dict[str, list[str]] = {}
    for stage, said in evidence.statements.items():
        makers.setdefault(said.digest, []).append(stage)
    withheld = {str(one["path"]) for one in evidence.release.get("withheld", ())}
    given = {one["digest"]: one.get("path") for one in evidence.release.get("sources", ())}
    nodes: dict[str, Node] = {}
    for stage, said in evidence.statements.items():
        predicate, inputs = said.predicate, []
        for _, one in sorted(predicate["inputs"].items()):
            digest = str(one["digest"]["sha256"])
            made = [maker for maker in makers.get(digest, ()) if maker != stage]
            if made:
                name = f"stage {one['name'] if one['name'] in made else made[0]}"
            else:
                name = f"source {digest}"
                hidden = given.get(digest, "") is None
                nodes.setdefault(name, Node(name, "source", called(predicate, one["name"]), digest, None, [], hidden))
            if name not in inputs:
                inputs.append(name)
        gone = evidence.places.get(stage) is None
        nodes[f"stage {stage}"] = Node(f"stage {stage}", "stage", stage, said.digest, does(predicate), inputs, gone)
        if stage in ("files", evidence.model_stage):
            for file in predicate["outputs"]:
                if str(file["path"]).endswith(HANDED_OUT):
                    path = f"artifacts/{stage}/{file['path']}"
                    hidden = gone or path in withheld
                    name = f"file {path}"
                    nodes[name] = Node(
                        name, "file", str(file["path"]), str(file["sha256"]), None, [f"stage {stage}"], hidden
                    )
    return nodes


def called(predicate: Mapping[str, Any], name: Any) -> str:
    """What a source is called; the file of an imported model says only "source" of itself."""
    title = predicate["settings"].get("title") or predicate["settings"].get("name")
    imports = str(predicate["stage"]["function"]) == "helder.model.importer:run"
    return str(title) if imports and name == "source" and title else str(name)


def does(predicate: Mapping[str, Any]) -> Said:
    """What a stage does, in words."""
    function = str(predicate["stage"]["function"])
    key = DOES.get(function)
    if function == TRAINING:
        key = str(predicate["settings"].get("objective"))
    return say(f"lineage.{key}") if texts.known(f"lineage.{key}") else say("lineage.other", function=function)


def arranged(nodes: Mapping[str, Node]) -> list[str]:
    """The ids in an order in which each comes after its inputs, and as close to them as can be."""
    depths: dict[str, int] = {}
    order: list[str] = []
    users: dict[str, list[str]] = {name: [] for name in nodes}
    for name, node in nodes.items():
        for one in node.inputs:
            users[one].append(name)

    def depth(name: str, above: tuple[str, ...] = ()) -> int:
        if name in above:  # a circle, which no honest record has; lineage is refused elsewhere
            return 0
        if name not in depths:
            inputs = nodes[name].inputs
            depths[name] = 1 + max((depth(one, (*above, name)) for one in inputs), default=0)
        return depths[name]

    def visit(name: str) -> None:
        if name in order or name in visiting:
            return
        visiting.add(name)
        for one in sorted(nodes[name].inputs, key=lambda one: (-depth(one), one)):
            visit(one)
        order.append(name)
        for one in users[name]:
            if nodes[one].kind == "file":
                visit(one)

    visiting: set[str] = set()
    for name in sorted(nodes, key=lambda name: (-depth(name), name)):
        visit(name)
    for name in [one for one in order if nodes[one].kind == "stage" and not users[one]]:
        _move_up(name, order, nodes, users)
    return order


def _move_up(name: str, order: list[str], nodes: Mapping[str, Node], users: Mapping[str, list[str]]) -> None:
    """Put a stage that nobody uses right below what it was made of, so that no line runs on for its sake."""
    alone = [one for one in nodes[name].inputs if nodes[one].kind == "source" and users[one] == [name]]
    others = [one for one in nodes[name].inputs if one not in alone]
    if not others:
        return
    block = [one for one in order if one in alone or one == name]
    rest = [one for one in order if one not in block]
    place = 1 + max(rest.index(one) for one in others)
    while place < len(rest) and nodes[rest[place]].kind == "file":
        place += 1
    order[:] = [*rest[:place], *block, *rest[place:]]


def _rails(nodes: Sequence[Node]) -> tuple[list[str], int]:
    """What is drawn in each row, and how many lines there are side by side at most."""
    last: dict[str, int] = {}
    for place, node in enumerate(nodes):
        for one in node.inputs:
            last[one] = max(place, last.get(one, 0))
    lanes: list[str | None] = []  # which node's line runs in each lane at the top of the row
    where: dict[str, int] = {}
    drawn = []
    for place, node in enumerate(nodes):
        inputs = [one for one in node.inputs if one in where]  # all, unless the record goes round in a circle
        ending = [where[one] for one in inputs if last[one] == place]
        passing = [lane for lane, one in enumerate(lanes) if one is not None and lane not in ending]
        free = [lane for lane in range(len(lanes) + 1) if lane >= len(lanes) or lanes[lane] is None]
        lane = min(ending) if ending else free[0]
        parts = [_line(x(other), 0, "100%", other) for other in passing]
        parts += [_bend(x(where[one]), x(lane), where[one]) for one in inputs]
        for other in ending:
            lanes[other] = None
        if lane >= len(lanes):
            lanes.append(None)
        if node.id in last:
            lanes[lane] = node.id
            where[node.id] = lane
            parts.append(_line(x(lane), NODE, "100%", lane))
        parts.append(mark(node.kind, x(lane), NODE, lane))
        drawn.append("".join(parts))
    return drawn, max(1, len(lanes))


def x(lane: int) -> int:
    return LEFT + LANE * lane


def mark(kind: Kind, x: int, y: int, lane: int) -> str:
    """The sign of a row: a ring for what came in, a dot for what was made, a square for what is handed out."""
    colour = lane % COLOURS
    if kind == "source":
        return f'<circle class="ring c{colour}" cx="{x}" cy="{y}" r="5"/>'
    if kind == "file":
        return f'<rect class="dot f{colour}" x="{x - 6}" y="{y - 6}" width="12" height="12" rx="2"/>'
    return f'<circle class="dot f{colour}" cx="{x}" cy="{y}" r="6.5"/>'


def _line(x: int, top: int, bottom: str, lane: int) -> str:
    return f'<line class="c{lane % COLOURS}" x1="{x}" x2="{x}" y1="{top}" y2="{bottom}"/>'


def _bend(start: int, end: int, lane: int) -> str:
    colour = lane % COLOURS
    if start == end:
        return f'<line class="c{colour}" x1="{end}" x2="{end}" y1="0" y2="{NODE}"/>'
    return f'<path class="c{colour}" d="M{start} 0C{start} {NODE - 5} {end} 5 {end} {NODE}"/>'
