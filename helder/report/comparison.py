"""The report of a comparison: one HTML file that shows what `comparison.json` and its plan say, and adds nothing.

Like the report of a run it opens without a network and without a script, and everything that came from outside is
escaped: a service may answer with anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from helder.commands.talk import size
from helder.report.render import packaged, template_environment

NOT_KNOWN = "not known"


def page(found: Mapping[str, Any], plan: Mapping[str, Any]) -> str:
    """The text of the page.

    Args:
        found: comparison.json.
        plan: plan.json.
    """
    from markupsafe import Markup

    template = template_environment().from_string(packaged("comparison.html"))
    return template.render(
        style=Markup(packaged("style.css")),
        found=found,
        plan=plan,
        shares={
            (one["name"], row["test_set"]): row for one in found["subjects"] for row in one["results"]
        },
        columns=COLUMNS,
        taken=[(one, columns(one)) for one in found["subjects"]],
    )  # fmt: skip


COLUMNS = ("cost", "energy", "seconds an answer", "memory", "licence", "openness", "what left")


def columns(subject: Mapping[str, Any]) -> list[str]:
    """What a subject took, in the order of `COLUMNS`; what nobody here can know says so."""
    service = subject["kind"] == "service"
    money, energy, left = subject["cost"], subject["energy"], subject["left"]
    n = sum(row["n"] for row in subject["results"])
    each = subject["seconds_each"] or (subject["seconds"] / n if subject["seconds"] and n else None)
    uncharged = "no price given" if service else "none charged"
    cost = f"{money['value']:.4f} {money['currency']}" if money else uncharged
    joules = NOT_KNOWN
    if energy:
        joules = f"{energy['joules'] / 3600:.3g} Wh ({energy['how'].partition(':')[0]})"
    return [
        cost,
        joules,
        NOT_KNOWN if each is None else f"{each:.3g}",
        NOT_KNOWN if subject["memory"] is None else size(subject["memory"]),
        subject["licence"],
        subject["openness"],
        "nothing" if not left else f"{left['items']} items, {size(left['bytes'])} to {left['where']}",
    ]


def told_dates(subject: Mapping[str, Any]) -> str:
    """When a service answered."""
    dates = [date[:10] for date in subject["facts"].get("dates", ())]
    return " to ".join(dict.fromkeys(dates))
