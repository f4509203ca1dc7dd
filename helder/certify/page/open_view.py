"""The grades of openness, put into words."""

from __future__ import annotations

from typing import Any

from helder.certify.openness import Component, Openness, Reached
from helder.certify.page import texts
from helder.certify.page.texts import Capital, Joined, Listed, say

DEMANDS = {"data_information": "osaid_data", "code": "osaid_code", "parameters": "osaid_parameters"}
ROMAN = {3: "III", 2: "II", 1: "I", 0: "–"}


def open_view(openness: Openness) -> dict[str, Any]:
    """What the page shows of it: classes, components, the three demands, and the base model apart."""
    return {
        "short": ROMAN[openness.proven.class_],
        "note": say(f"openness.class_{openness.proven.class_}"),
        "proven": _class(openness.proven),
        "declared": _class(openness.declared),
        "whole": _class(openness.whole) if openness.base else None,
        "missing": Listed([called(name) for name in openness.proven.missing]) if openness.proven.missing else None,
        "components": [_component(one) for one in openness.components],
        "reasons": [(called(one.id), one.reason) for one in openness.components],
        "demands": [
            (
                say(f"openness.{DEMANDS[name]}"),
                say("openness.met" if found["met"] else "openness.not_met"),
                found["reason"],
            )
            for name, found in openness.definition.items()
        ],
        "base": _base(openness.base),
    }


def _class(reached: Reached) -> Joined:
    """A class with its number and its name."""
    name = say(f"openness.class_{reached.class_}")
    return Joined(ROMAN[reached.class_], ": ", name) if reached.class_ else Joined(Capital(name))


def called(component: str) -> Any:
    """The name of a component."""
    return say(f"openness.{component}") if texts.known(f"openness.{component}") else component


def _component(one: Component) -> dict[str, Any]:
    grade = one.grade if one.included else None
    return {
        "name": called(one.id),
        "grade": grade,
        "said": say("openness.grade_missing" if grade is None else f"openness.grade_{grade}"),
        "licence": one.licence,
    }


def _base(base: dict[str, Any] | None) -> dict[str, Any] | None:
    if base is None:
        return None
    return {
        "name": base["name"],
        "licence": base["licence"] or say("page.open"),
        "grade": base["grade"],
        "said": say(f"openness.grade_{base['grade']}"),
        "missing": Listed([called(name) for name in base["missing"]]),
    }
