"""Random record schemas, and random values that fit them, for the property tests of this folder."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from helder.data.schema import conform, resolve

TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
NUMBER = st.one_of(
    st.integers(-(10**15) + 1, 10**15 - 1),
    st.decimals(-1000, 1000, places=3).map(float),
)
SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "string": TEXT,
    "number": NUMBER,
    "integer": st.integers(-(10**15) + 1, 10**15 - 1),
    "boolean": st.booleans(),
    "null": st.none(),
}


@st.composite
def scalar_rules(draw: st.DrawFn) -> dict[str, Any]:
    """A rule for a scalar: an enum, or one type or more, perhaps with a default."""
    if draw(st.booleans()):
        values = draw(st.lists(st.one_of(TEXT, st.integers(-5, 5), st.none()), min_size=1, max_size=4, unique=True))
        rule: dict[str, Any] = {"enum": values}
    else:
        kinds = draw(st.lists(st.sampled_from(sorted(SCALARS)), min_size=1, max_size=2, unique=True))
        rule = {"type": kinds if len(kinds) > 1 else kinds[0]}
        if "string" in kinds and draw(st.booleans()):
            rule["maxLength"] = 12
    return with_default(draw, rule)


def with_default(draw: st.DrawFn, rule: dict[str, Any]) -> dict[str, Any]:
    if draw(st.booleans()):
        rule["default"] = conform(draw(values_of(rule)), resolve(rule))
    return rule


@st.composite
def object_rules(draw: st.DrawFn, deep: bool = True) -> dict[str, Any]:
    """A rule for an object with one to four properties, some of them lists or objects."""
    properties: dict[str, Any] = {}
    for name in draw(st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=4), min_size=1, max_size=4,
                              unique=True)):  # fmt: skip
        kind = draw(st.sampled_from(["scalar", "scalar", "scalar", "list", "object"])) if deep else "scalar"
        if kind == "scalar":
            properties[name] = draw(scalar_rules())
        elif kind == "list":
            properties[name] = {"type": "array", "items": draw(scalar_rules()), "maxItems": 3}
            if draw(st.booleans()):
                properties[name]["default"] = []
        else:
            properties[name] = draw(object_rules(deep=False))
    required = draw(st.lists(st.sampled_from(sorted(properties)), unique=True))
    return {"type": "object", "properties": properties, "required": required}


def values_of(rule: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values that fit a rule."""
    if "enum" in rule:
        return st.sampled_from(rule["enum"])
    kinds = rule["type"] if isinstance(rule["type"], list) else [rule["type"]]
    return st.one_of([_of_kind(rule, kind) for kind in kinds])


def _of_kind(rule: dict[str, Any], kind: str) -> st.SearchStrategy[Any]:
    if kind == "array":
        return st.lists(values_of(rule["items"]), max_size=rule["maxItems"])
    if kind != "object":
        return SCALARS[kind]
    required = {name: values_of(part) for name, part in rule["properties"].items() if name in rule["required"]}
    others = {name: values_of(part) for name, part in rule["properties"].items() if name not in rule["required"]}
    return st.fixed_dictionaries(required, optional=others)


@st.composite
def schemas_with_records(draw: st.DrawFn) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A record schema and a list of records that fit it."""
    schema = draw(object_rules())
    return schema, draw(st.lists(values_of(schema), max_size=3))
