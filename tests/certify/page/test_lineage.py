"""The drawing: everything stands in it once, each after what it was made of."""

from __future__ import annotations

import re
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from helder.certify.page import lineage
from helder.certify.page.lineage import Node
from tests.certify.page.releases import Maker


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, Node]:
    """Up to 30 stages, each made of some that stand before it."""
    names = [f"s{place}" for place in range(draw(st.integers(1, 30)))]
    nodes = {}
    for place, name in enumerate(names):
        inputs = draw(st.lists(st.sampled_from(names[:place]), max_size=5, unique=True)) if place else []
        nodes[name] = Node(name, "stage", name, "0" * 64, None, inputs)
    return nodes


@given(graphs())
@settings(max_examples=40)
def test_each_comes_once_and_after_all_its_inputs(nodes: dict[str, Node]) -> None:
    order = lineage.arranged(nodes)
    assert sorted(order) == sorted(nodes)
    places = {name: place for place, name in enumerate(order)}
    assert all(places[one] < places[name] for name, node in nodes.items() for one in node.inputs)


@given(graphs())
@settings(max_examples=40)
def test_every_line_that_begins_reaches_the_stages_that_use_it(nodes: dict[str, Node]) -> None:
    order = [nodes[name] for name in lineage.arranged(nodes)]
    drawn, lanes = lineage._rails(order)
    running: set[str] = set()  # x of the lines that run at the lower edge of the row before
    for node, row in zip(order, drawn, strict=True):
        begins = set(re.findall(r'<line class="c\d" x1="(\d+)" x2="\1" y1="0"', row))
        begins |= set(re.findall(r'd="M(\d+) 0C', row))
        assert begins == running
        assert row.count('y2="21"') + row.count("<path") == len(node.inputs)
        assert row.count("<circle") == 1
        running = set(re.findall(r'<line class="c\d" x1="(\d+)" x2="\1" y1="\d+" y2="100%"', row))
    assert not running
    assert lanes <= len(order)


def test_a_record_that_goes_round_in_a_circle_is_drawn_and_does_not_hang() -> None:
    nodes = {
        "a": Node("a", "stage", "a", "0", None, ["b"]),
        "b": Node("b", "stage", "b", "1", None, ["a"]),
    }
    order = lineage.arranged(nodes)
    assert sorted(order) == ["a", "b"]
    assert len(lineage._rails([nodes[name] for name in order])[0]) == 2


def test_sources_stages_and_files_are_told_apart(tmp_path: Path) -> None:
    maker = Maker(tmp_path)
    maker.stage("base", "helder.model.importer:run", {"m": "x"}, {"source": "model.gguf"}, {"title": "Tiny"})
    maker.stage(
        "data", "helder.data.stage:run", {"train.jsonl": "{}"}, {"train": "train.jsonl", "again": "train.jsonl"}
    )
    maker.stage(
        "train",
        "helder.train.stage:run",
        {"model.safetensors": "w"},
        {"base": "base", "data": "data"},
        {"objective": "answers"},
    )
    maker.stage("files", "helder.compress.stage:run", {"model-q8_0.gguf": "q", "files.json": {}}, {"train": "train"})
    maker.stage("own", "somebody.elses:work", {"x": "y"}, {"data": "data"})
    evidence = maker.evidence({"artifacts/files/model-q8_0.gguf": "secret"})
    rows, _ = lineage.rows(evidence)
    told = {(row.kind, row.name): row for row in rows}
    assert len(told) == len(rows) == 9
    assert ("source", "model.gguf") in told and ("source", "train.jsonl") in told
    assert told["stage", "train"].sources == ("base", "data")
    assert told["file", "model-q8_0.gguf"].withheld and not told["file", "model.safetensors"].withheld
    said = told["stage", "own"].does
    assert said is not None and "somebody.elses:work" in said.in_("de")
    names = [row.name for row in rows]
    assert names.index("model-q8_0.gguf") == names.index("files") + 1


def test_the_file_of_an_imported_model_is_called_by_the_models_title(tmp_path: Path) -> None:
    maker = Maker(tmp_path)
    maker.stage("base", "helder.model.importer:run", {"m": "x"}, {"source": "source"}, {"title": "Tiny", "name": "t"})
    assert [row.name for row in lineage.rows(maker.evidence())[0]] == ["Tiny", "base"]
