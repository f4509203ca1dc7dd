"""Submissions that come with a problem, and what must become of them: folders and submissions.yaml (format 2025-09)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from helder.errors import HelderError
from helder.evaluate.judge import settings
from helder.evaluate.judge.folder import Package
from helder.evaluate.judge.problem import Expectation, Group, Source, Submission

FILE = "submissions.yaml"
BRACES = re.compile(r"\{([^{}]*)\}")
MOST_CHOICES = 1000  # patterns that one with braces may stand for (assumption)
# The format's names of verdicts → ours. It has none for memory and output beyond the limit: they count as RTE.
NAMES = {"AC": "AC", "WA": "WA", "TLE": "TLE", "RTE": "RE"}
ALL = ("AC", "WA", "TLE", "RE")
# What the format expects of submissions in its usual folders ("Default directories").
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "accepted": {"permitted": ["AC"]},
    "rejected": {"required": ["RTE", "TLE", "WA"]},
    "wrong_answer": {"permitted": ["AC", "WA"], "required": ["WA"]},
    "time_limit_exceeded": {"permitted": ["AC", "TLE"], "required": ["TLE"]},
    "run_time_error": {"permitted": ["AC", "RTE"], "required": ["RTE"]},
    "brute_force": {"permitted": ["AC", "RTE", "TLE"], "required": ["RTE", "TLE"]},
}


def read(package: Package, scoring: bool, data: Group) -> tuple[Submission, ...]:
    """All submissions of a package, by path.

    Raises:
        HelderError: submissions.yaml breaks the format, or one of its patterns matches nothing.
    """
    sources = {name: source for name, source in programs(package)}
    path = package.root / "submissions" / FILE
    given = settings.load(path) if path.is_file() else {}
    table = {**{key: dict(value) for key, value in DEFAULTS.items()}}
    for pattern, value in settings.table(given, str(path)).items():
        table[pattern] = {**table.get(pattern, {}), **settings.table(value or {}, f"{path}, {pattern!r}")}
    places = [group.name for group in data.groups() if group.name] + [test.name for test in data.tests()]
    expectations: dict[str, list[Expectation]] = {name: [] for name in sources}
    about: dict[str, dict[str, Any]] = {name: {} for name in sources}
    for pattern, value in table.items():
        where = f"{path}, {pattern!r}"
        found = [name for name in sources if matches(pattern, name)]
        if not found and pattern not in DEFAULTS:
            raise HelderError(
                f"{where} matches no submission.",
                "Patterns are compared with paths below submissions/, and * does not go beyond a folder.",
                "Correct the pattern.",
            )
        made, facts = _entry(settings.Keys(value, where), scoring, places)
        for name in found:
            expectations[name] += made
            about[name] |= facts
    return tuple(
        Submission(
            path=name,
            source=Source(source.name, source.files, about[name].get("language", ""), about[name].get("main", "")),
            expectations=tuple(expectations[name]),
            model_solution=about[name].get("model", False),
        )
        for name, source in sorted(sources.items())
    )


def programs(package: Package) -> Iterable[tuple[str, Source]]:
    """Path below "submissions" and source of every submission."""
    for folder in package.entries(package.root / "submissions"):
        if folder.is_dir():
            for path in package.entries(folder):
                yield f"{folder.name}/{path.name}", package.program(path, constants=True)


def _entry(keys: settings.Keys, scoring: bool, places: list[str]) -> tuple[list[Expectation], dict[str, Any]]:
    """What a pattern of submissions.yaml says: expectations, and facts about the submissions."""
    facts = {
        "language": keys.take("language", settings.text, None),
        "main": keys.take("entrypoint", settings.text, None),
        "model": keys.take("model_solution", settings.flag, None),
    }
    keys.take("authors", settings.anything, None)
    made = _expectations(keys, "", scoring)
    for pattern in [key for key, value in keys.record.items() if isinstance(value, dict)]:
        where = f"{keys.where}, {pattern!r}"
        if not any(matches(str(pattern), place) for place in places) and pattern != "sample":
            raise HelderError(
                f"{where} matches no test and no group.", f"There are {_some(places)}.", "Correct the pattern."
            )
        inner = settings.Keys(keys.take(pattern, settings.table), where)
        made += _expectations(inner, pattern, scoring)
        inner.done()
    keys.done()
    return made, {key: value for key, value in facts.items() if value is not None}


def _expectations(keys: settings.Keys, where: str, scoring: bool) -> list[Expectation]:
    permitted = keys.take("permitted", _verdicts, None)
    required = keys.take("required", _verdicts, None)
    score = keys.take("score", _range, None)
    message = keys.take("message", settings.text, "")
    used = keys.take("use_for_time_limit", _used, True)
    if score is not None and not scoring:
        raise HelderError(
            f"{keys.where}: 'score' is not allowed here.", "Only scoring problems have scores.", "Leave it out."
        )
    bound = ""
    if used is not False:
        if required == ("TLE",):
            bound = "upper"
        elif permitted is not None and "TLE" not in permitted:
            bound = "lower"
    found = []
    if permitted or required or score or message:
        found.append(Expectation(where, permitted or (), required or (), score, message, bound=bound))
    # Written out, a bound is a requirement as well.
    if used == "lower":
        found.append(Expectation(where, permitted=("AC", "WA", "RE"), bound="lower"))
    if used == "upper":
        found.append(Expectation(where, required=("TLE",), bound="upper"))
    return found


def _verdicts(value: Any, where: str) -> tuple[str, ...]:
    found = settings.texts(value, where)
    if not found or any(one not in NAMES for one in found):
        raise settings.wrong(value, where, f"a list of {', '.join(NAMES)}")
    return tuple(NAMES[one] for one in found)


def _range(value: Any, where: str) -> tuple[float, float]:
    if isinstance(value, list):
        if len(value) != 2:
            raise settings.wrong(value, where, "a number, or a list of two")
        return settings.number(value[0], where), settings.number(value[1], where)
    return settings.number(value, where), settings.number(value, where)


def _used(value: Any, where: str) -> bool | str:
    if value in ("lower", "upper") or isinstance(value, bool):
        found: bool | str = value
        return found
    raise settings.wrong(value, where, "true, false, lower or upper")


def matches(pattern: str, path: str) -> bool:
    """Whether a pattern matches a path or a folder above it: * within a name, {a,b} for one of them."""
    parts = path.split("/")
    above = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
    return any(_fits(one.split("/"), place.split("/")) for one in braces(pattern) for place in above)


def _fits(pattern: list[str], path: list[str]) -> bool:
    return len(pattern) == len(path) and all(map(_fits_name, pattern, path))


def _fits_name(pattern: str, name: str) -> bool:
    """Whether * in a pattern can stand for parts of a name; linear, which a regular expression is not."""
    first, *inner = pattern.split("*")
    if not inner:
        return pattern == name
    last = inner.pop()
    if not name.startswith(first) or not name.endswith(last) or len(name) < len(first) + len(last):
        return False
    at, end = len(first), len(name) - len(last)
    for part in inner:
        found = name.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


def braces(pattern: str) -> list[str]:
    """All patterns that one with {a,b} stands for; the innermost braces first.

    Raises:
        HelderError: they are more than anyone means: each pair of braces multiplies them.
    """
    found = [pattern]
    while any(BRACES.search(one) for one in found):
        found = [
            one[: match.start()] + choice + one[match.end() :] if match else one
            for one in found
            for match in (BRACES.search(one),)
            for choice in (match[1].split(",") if match else ("",))
        ]
        if len(found) > MOST_CHOICES:
            raise HelderError(
                f"The pattern {pattern[:60]!r} stands for more than {MOST_CHOICES:,} others.",
                "Each pair of braces multiplies them.",
                "Write fewer braces.",
            )
    return found


def _some(names: list[str]) -> str:
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
