"""A form: fields from a dated data file, answered from evidence, as JSON and as Markdown.

Which fields there are, where they come from and what was not verified stands in `helder/certify/data/<name>.toml`. An
answer always says what shows it and how well; a field without one says who has to fill it in.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import resources
from typing import Any

from helder.certify import markdown
from helder.certify.evidence import Evidence
from helder.certify.reading import AUDIENCES, BOUND, DECLARED, Audience, Fact

GRADES = ("declared", "present", "bound", "exercised")
Answers = Mapping[str, Callable[[Evidence], Fact]]


@dataclass(frozen=True)
class Field:
    """One field of a form.

    Attributes:
        id: stable, by which others name it.
        section, title, asks: what is asked, in short.
        owed_to: whom the rules have it given.
        machine_fillable: whether evidence can answer it.
        people: else the key of [release] in the recipe under which a person does.
    """

    id: str
    section: str
    title: str
    asks: str
    owed_to: tuple[str, ...]
    machine_fillable: bool
    people: str | None = None


@dataclass(frozen=True)
class Form:
    """A form as its data file has it.

    Attributes:
        name: what it is called.
        act: its entry in law.toml.
        source, read, verified: where its fields come from, when they were read, and what of them was not verified.
    """

    name: str
    act: str
    source: str
    read: str
    verified: str
    fields: tuple[Field, ...]


@lru_cache
def load(name: str) -> Form:
    """The form of the data file with this name."""
    table = read_data(name)
    fields = tuple(Field(**{**one, "owed_to": tuple(one["owed_to"])}) for one in table["field"])
    return Form(table["name"], table["act"], table["source"], table["read"].isoformat(), table["verified"], fields)


@lru_cache
def read_data(name: str) -> dict[str, Any]:
    """A data file of the certificate."""
    text = (resources.files("helder.certify") / "data" / f"{name}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def duties(act: str) -> dict[str, Any]:
    """What the data file of the law says of an act: {name, date, source, verified, note, duties: [{…, dates}]}."""
    law = read_data("law")
    about = next(one for one in law["act"] if one["id"] == act)
    wanted = {"gpai-code": "gpai-documentation", "training-summary": "training-summary", "ai-act": "annex-iv"}[act]
    dates = [
        {"from": one["from"].isoformat(), "act": one["act"], "verified": one["verified"], "note": one["note"]}
        for one in law["date"]
        if one["duty"] == wanted
    ]
    duty = next(one for one in law["duty"] if one["id"] == wanted)
    return {
        **about,
        "date": about["date"].isoformat(),
        "duty": {"text": duty["text"], "who": duty["who"], "dates": dates},
        "read": law["read"].isoformat(),
    }


def answer(form: Form, answers: Answers, evidence: Evidence) -> list[dict[str, Any]]:
    """Every field of the form with its answer: {id, section, title, asks, owed_to, machine_fillable, status, value,
    source, evidence, grade, audience}.

    `status` is "filled"; "open", when nobody said it; or "withheld", when it is for others than those whom the release
    is made for. An open or withheld field has the value None.
    """
    reader = str(evidence.release.get("audience", "public"))
    found = []
    for field in form.fields:
        fact = answers[field.id](evidence) if field.machine_fillable else evidence.person(str(field.people))
        status = "open" if not fact.known else "filled" if fact.for_(reader) else "withheld"
        found.append(
            {
                "id": field.id,
                "section": field.section,
                "title": field.title,
                "asks": field.asks,
                "owed_to": list(field.owed_to),
                "machine_fillable": field.machine_fillable,
                "status": status,
                **(fact if status == "filled" else replace(fact, value=None)).to_json(),
            }
        )
    return found


def to_json(name: str, answers: Answers, evidence: Evidence) -> dict[str, Any]:
    """A form filled in: {form, source, read, verified, law, model, version, audience, fields, coverage}."""
    form = load(name)
    fields = answer(form, answers, evidence)
    return {
        "form": form.name,
        "source": form.source,
        "read": form.read,
        "verified": form.verified,
        "law": duties(form.act),
        "model": evidence.release.get("name"),
        "version": evidence.release.get("version"),
        "audience": evidence.release.get("audience", "public"),
        "fields": fields,
        "coverage": coverage(fields),
    }


def coverage(fields: list[dict[str, Any]]) -> dict[str, int]:
    """{fields, machine_fillable, filled_with_evidence, for_people, filled_by_people, without_grade}."""
    machine = [field for field in fields if field["machine_fillable"]]
    people = [field for field in fields if not field["machine_fillable"]]
    return {
        "fields": len(fields),
        "machine_fillable": len(machine),
        "filled_with_evidence": sum(field["status"] == "filled" and field["evidence"] is not None for field in machine),
        "for_people": len(people),
        "filled_by_people": sum(field["status"] == "filled" for field in people),
        "without_grade": sum(field["grade"] not in range(len(GRADES)) for field in fields),
    }


def to_markdown(filled: Mapping[str, Any]) -> str:
    """A filled form for people to read."""
    law, counted = filled["law"], filled["coverage"]
    lines = [
        f"# {markdown.text(filled['form'])}: {markdown.text(filled['model'])}",
        "",
        f"{counted['filled_with_evidence']} of the {counted['machine_fillable']} fields that evidence can answer are "
        f"answered; {counted['filled_by_people']} of the {counted['for_people']} that only people can answer.",
        "A grade says how well an answer is shown: 0 declared, 1 present, 2 bound in the signed ledger, 3 exercised.",
        "",
        f"Source: {markdown.text(filled['source'])}, read {filled['read']}. {markdown.text(filled['verified'])}",
        "",
        f"{markdown.text(law['duty']['text'])} {markdown.text(law['duty']['who'])}",
        *(
            f"- from {date['from']}: {markdown.text(date['note'])}" + ("" if date["verified"] else " Not verified.")
            for date in law["duty"]["dates"]
        ),
    ]
    section = None
    for field in filled["fields"]:
        if field["section"] != section:
            section = field["section"]
            lines += ["", f"## {markdown.text(section)}"]
        lines += ["", f"### {markdown.text(field['title'])}", *_answered(field)]
    return "\n".join(lines) + "\n"


def _answered(field: Mapping[str, Any]) -> list[str]:
    if field["status"] == "open":
        asked = "not known" if field["machine_fillable"] else "to be filled by a person"
        return [f"**Open: {asked}.** {markdown.text(field['asks'])} ({markdown.text(field['source'])})"]
    shown = f"evidence {field['evidence'][:16]}…" if field["evidence"] else "what people declare"
    foot = f"*Grade {field['grade']}, {GRADES[field['grade']]}; {shown}; {markdown.text(field['source'])}*"
    if field["status"] == "withheld":
        return [f"**Withheld: for a {field['audience']} only.**", "", foot]
    return [*markdown.value(field["value"]), "", foot]


def together(source: str, **facts: Fact) -> Fact:
    """Several facts as the parts of one answer: as well shown as the worst of them, for whom all may be shown.

    Parts that are not known stay in it as None. The evidence is that of the first part that has some.
    """
    known = [fact for fact in facts.values() if fact.known]
    if not known:
        return Fact(None, source)
    return Fact(
        {name: fact.value for name, fact in facts.items()},
        source,
        next((fact.evidence for fact in known if fact.evidence), None),
        min(fact.grade for fact in known),
        _strictest(known),
    )


def all_of(source: str, facts: list[Fact], keys: tuple[str, ...] = (), when_none: Any = None) -> Fact:
    """Facts of a list as one answer, of each only these keys.

    Args:
        when_none: the value when there are none and that is an answer; else the answer is not known.
    """
    if not facts:
        return Fact(when_none, source, None, DECLARED if when_none is None else BOUND)
    values = [{key: fact.value.get(key) for key in keys} if keys else fact.value for fact in facts]
    return Fact(values, source, facts[0].evidence, min(fact.grade for fact in facts), _strictest(facts))


def derived(value: Any, fact: Fact, source: str = "") -> Fact:
    """What follows from a fact, with its evidence; not known when that is not known."""
    return replace(fact, value=value if fact.known else None, source=source or fact.source)


def _strictest(facts: list[Fact]) -> Audience:
    return max((fact.audience for fact in facts), key=AUDIENCES.index)
