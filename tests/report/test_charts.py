"""Pictures are drawn from the numbers they are given."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest

from helder.evaluate.trust import calibration
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


def test_the_reliability_diagram_has_a_bar_with_its_limits_for_each_bin_that_is_not_empty() -> None:
    found = [one.__dict__ for one in calibration.bins([0.05, 0.95, 0.95, 0.92], [False, True, True, False])]
    root = ElementTree.fromstring(charts.reliability(found, "what <it> shows"))
    bars = root.findall("rect")
    assert len(bars) == len([line for line in root.findall("line") if line.get("class") == "limits"]) == 2
    assert root.attrib["aria-label"] == "what <it> shows"
    side = charts.SIDE - charts.LEFT - charts.RIGHT
    assert [float(bar.attrib["height"]) for bar in bars] == pytest.approx([0, side * 2 / 3], abs=0.1)
    titles = [bar.findtext("title") for bar in bars]
    assert titles[1] == "confidence 0.9 to 1.0: 0.667 of 3 right"


def test_the_risk_coverage_curve_shows_the_promise_and_the_threshold() -> None:
    points = [(0.25, 0.0), (0.5, 0.1), (1.0, 0.3)]
    root = ElementTree.fromstring(charts.risk_coverage(points, 0.05, (0.5, 0.1), "risk"))
    line = root.find("polyline")
    assert line is not None
    assert len(line.attrib["points"].split()) == 3
    assert len(root.findall("circle")) == 1
    assert len([one for one in root.findall("line") if one.get("class") == "promised"]) == 1
    assert not ElementTree.fromstring(charts.risk_coverage(points, 0.05, None, "risk")).findall("circle")
