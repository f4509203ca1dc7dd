"""Pictures are drawn from the numbers they are given."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

from helder.report import charts, render


def test_the_curve_has_a_point_for_every_step_and_every_look() -> None:
    root = ElementTree.fromstring(charts.curve("loss", [(1, 2.0), (2, 1.0), (3, 0.5)], [(3, 0.7)]))
    line = root.find("polyline")
    assert line is not None
    assert len(line.attrib["points"].split()) == 3
    assert len(root.findall("circle")) == 1
    assert "from 2.000 at step 1 to 0.500 at step 3" in root.attrib["aria-label"]


def test_a_curve_of_one_step_can_be_drawn() -> None:
    ElementTree.fromstring(charts.curve("loss", [(1, 0.0)], []))


def test_a_bar_is_as_long_as_its_share() -> None:
    root = ElementTree.fromstring(charts.interval_bar(0.25, 0.1, 0.5))
    value, interval = root.findall("rect")[1], root.find("line")
    assert float(value.attrib["width"]) == 50.0
    assert interval is not None
    assert (float(interval.attrib["x1"]), float(interval.attrib["x2"])) == (20.0, 100.0)


def test_a_share_of_nothing_is_a_dash_and_no_bar() -> None:
    nothing = {"right": 0, "n": 0, "value": None, "low": None, "high": None}
    assert (render.percent(nothing), render.interval(nothing), render.bar(nothing)) == ("–", "–", "")
    assert render.percent(None) == "–"


def test_fields_that_say_nothing_are_left_out_of_examples() -> None:
    assert render.stated([{"dose": 0, "to": None, "prn": False}]) == [{"dose": 0}]
