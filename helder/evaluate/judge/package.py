"""Reads problems in the Problem Package Format of ICPC and Kattis: version 2025-09 here, legacy in `legacy`.

    problem = read(Path("problems/hello"))

Source of the format: https://www.kattis.com/problem-package-format/spec/2025-09 (and /legacy). What Helder does not
judge is refused when it is read, not skipped: problems of several passes, answers that are handed in without a program,
static validators, graders that are programs, submissions that write files, validators that are built by scripts.
The types are in `helder.evaluate.judge.problem`.
"""

from __future__ import annotations

import datetime
import math
import re
from pathlib import Path
from typing import Any

from helder.errors import HelderError
from helder.evaluate.judge import expected, legacy, settings
from helder.evaluate.judge.default_validator import Comparison
from helder.evaluate.judge.folder import Constants, Package
from helder.evaluate.judge.problem import (
    SAMPLE,
    SECRET,
    Group,
    Limits,
    Problem,
    Rules,
    Test,
    Validator,
)

VERSION = "2025-09"
TYPES = ("pass-fail", "scoring", "multi-pass", "interactive", "submit-answer")
GROUP_FILE = "test_group.yaml"
# Endings of a test's files; what stands beside .in and .ans is for people, except .yaml and .files.
SHOWN = (".in.statement", ".ans.statement", ".in.download", ".ans.download", ".png", ".jpg", ".jpeg", ".svg")
ENDINGS = (".in", ".ans", ".yaml", ".files", ".out", ".interaction", *SHOWN)


def read(folder: Path) -> Problem:
    """Read a problem package.

    Args:
        folder: the package, with its problem.yaml.

    Raises:
        HelderError: it is no package, breaks the format, or asks for something that is not judged here.
    """
    path = folder / "problem.yaml"
    if not path.is_file():
        raise HelderError(
            f"{folder} is no problem package.",
            f"There is no {path}." + (" A zipped package must be unpacked first." if folder.is_file() else ""),
            "Name the folder that holds problem.yaml.",
        )
    try:
        return _read_version(folder, path)
    except RecursionError as error:
        raise HelderError(f"The folders of {folder} lie too deep in one another.", fix="Flatten them.") from error


def _read_version(folder: Path, path: Path) -> Problem:
    record = settings.load(path)
    version = record.get("problem_format_version", legacy.VERSION)
    if version in legacy.VERSIONS:
        return legacy.read(folder, record)
    if version != VERSION:
        raise HelderError(
            f"{path}: the format version {version!r} is not read here.",
            f"Known are {VERSION}, {' and '.join(legacy.VERSIONS)}.",
            f"Move the package to {VERSION}.",
        )
    return _read(folder, settings.Keys(record, str(path)))


def _read(folder: Path, keys: settings.Keys) -> Problem:
    keys.take("problem_format_version", settings.text)
    types = keys.take("type", _types, ("pass-fail",))
    names = keys.take("name", _names)
    uuid = keys.take("uuid", settings.text)
    keys.take("version", settings.text, "")
    keys.take("credits", settings.anything, None)
    source = keys.take("source", _source, "")
    license_ = keys.take("license", settings.one_of(*settings.LICENSES), "unknown")
    owner = keys.take("rights_owner", settings.text, "")
    if license_ == "public domain" and owner:
        raise HelderError(
            f"{keys.where}: 'rights_owner' is set for the license 'public domain'.", "Nobody owns it.", "Leave it out."
        )
    keys.take("embargo_until", _date, None)
    limits = keys.take("limits", _limits, Limits())
    keys.take("keywords", settings.texts, ())
    languages = keys.take("languages", _languages, ())
    writes = keys.take("allow_file_writing", settings.flag, False)
    constants = keys.take("constants", _constants, {})
    keys.done()
    for kind in ("multi-pass", "submit-answer"):
        if kind in types:
            raise settings.unsupported(keys.where, f"the type {kind}")
    if writes:
        raise settings.unsupported(keys.where, "allow_file_writing: submissions run where nothing can be written; this")
    if (folder / "static_validator").exists():
        raise settings.unsupported(str(folder), "a static validator")

    package = Package(folder, constants)
    scoring, interactive = "scoring" in types, "interactive" in types
    validator = _validator(package)
    if interactive and validator is None:
        raise HelderError(
            f"{folder} is interactive and has no output validator.",
            "An interactive problem's validator speaks with the submission.",
            "Add output_validator/.",
        )
    data = _data(package, scoring, default=validator is None)
    return Problem(
        name=package.root.name,
        version=VERSION,
        scoring=scoring,
        interactive=interactive,
        statements=package.statements("statement", names),
        data=data,
        limits=limits,
        validator=validator,
        validator_scores="may" if scoring and validator else "no",
        include=package.include(),
        languages=languages,
        submissions=expected.read(package, scoring, data),
        input_validators=tuple(package.program(path) for path in package.entries(package.root / "input_validators")),
        license=license_,
        source=source,
        uuid=uuid,
    )


def _types(value: Any, where: str) -> tuple[str, ...]:
    found = settings.text_or_texts(value, where)
    unknown = [one for one in found if one not in TYPES]
    if not found or unknown or len(set(found)) != len(found) or {"pass-fail", "scoring"} <= set(found):
        raise settings.wrong(value, where, f"one or more of {', '.join(TYPES)}, and not both pass-fail and scoring")
    return found


def _names(value: Any, where: str) -> dict[str, str]:
    """Language → name."""
    if isinstance(value, str):
        return {"en": value}
    found = settings.table(value, where)
    return {language: settings.text(name, f"{where}, {language!r}") for language, name in found.items()}


def _source(value: Any, where: str) -> str:
    """Names of sources, joined."""
    names = []
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, dict):
            keys = settings.Keys(one, where)
            names.append(keys.take("name", settings.text))
            keys.take("url", settings.text, "")
            keys.done()
        else:
            names.append(settings.text(one, where))
    return ", ".join(names)


def _date(value: Any, where: str) -> str:
    if not isinstance(value, str | datetime.date):
        raise settings.wrong(value, where, "a date")
    return str(value)


def _languages(value: Any, where: str) -> tuple[str, ...]:
    return () if value == "all" else settings.text_or_texts(value, where)


def _limits(value: Any, where: str) -> Limits:
    keys = settings.Keys(settings.table(value, where), where)
    usual = Limits()
    multipliers = settings.Keys(keys.take("time_multipliers", settings.table, {}), f"{where}, 'time_multipliers'")
    found = Limits(
        time=keys.take("time_limit", settings.positive, None),
        time_resolution=keys.take("time_resolution", settings.positive, usual.time_resolution),
        ac_to_time_limit=multipliers.take("ac_to_time_limit", settings.at_least_one, usual.ac_to_time_limit),
        time_limit_to_tle=multipliers.take("time_limit_to_tle", settings.at_least_one, usual.time_limit_to_tle),
        **settings.sizes(keys),
    )
    keys.take("validation_passes", settings.whole, None)  # of problems of several passes, which are refused
    keys.done()
    multipliers.done()
    if found.time is not None:
        times = found.time / found.time_resolution
        if abs(times - round(times)) > 1e-9 * max(1.0, times):
            raise HelderError(
                f"{where}: 'time_limit' {found.time:g} is no multiple of 'time_resolution' {found.time_resolution:g}.",
                "The format requires it.",
                "Change one of them.",
            )
    return found


def _constants(value: Any, where: str) -> Constants:
    found = {}
    for name, one in settings.table(value, where).items():
        if not re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]*", name):
            raise settings.wrong(name, where, "a name of letters, digits and _")
        variants = settings.table(one, f"{where}, {name!r}") if isinstance(one, dict) else {"value": one}
        if "value" not in variants:
            raise HelderError(f"{where}, {name!r} lacks the key 'value'.", "The format requires it.", "Add it.")
        for variant in variants.values():
            if isinstance(variant, bool) or not isinstance(variant, str | int | float):
                raise settings.wrong(variant, f"{where}, {name!r}", "a number or text")
        found[name] = {key: str(variant) for key, variant in variants.items()}
    return found


def _validator(package: Package) -> Validator | None:
    programs = package.entries(package.root / "output_validator")
    if not programs:
        return None
    if len(programs) == 1:
        return Validator(package.validator(programs[0]))
    # Files directly in the folder are one program, as `output_validator` names one.
    return Validator(package.validator(package.root / "output_validator"))


# --- test data -------------------------------------------------------------------------------------------------------


def _data(package: Package, scoring: bool, default: bool) -> Group:
    root = package.root / "data"
    if not (root / SECRET).is_dir():
        raise HelderError(f"{package.root} has no secret tests.", f"{root / SECRET} is not there.", "Add them.")
    items = []
    if (root / SAMPLE).is_dir():
        sample, _ = _group(package, root / SAMPLE, SAMPLE, {}, scoring, default)
        if any(isinstance(item, Group) for item in sample.items):
            raise HelderError(f"{root / SAMPLE} holds groups.", "Samples have none.", f"Remove {GROUP_FILE} in it.")
        items.append(sample)
    secret, _ = _group(package, root / SECRET, SECRET, {}, scoring, default)
    if not any(True for _ in secret.tests()):
        raise HelderError(f"{root / SECRET} holds no tests.", "At least one is required.", "Add NAME.in and NAME.ans.")
    items.append(secret)
    if scoring:
        _check_scores(secret, str(root))
    _check_order(items, str(root))
    return Group("", tuple(items), Rules("pass-fail"))


INHERITED = ("args", "output_validator_args")


def _group(
    package: Package, folder: Path, name: str, inherited: dict[str, tuple[str, ...]], scoring: bool, default: bool
) -> tuple[Group, bool]:
    """A folder of tests, and whether it is a group (the two below the root are, others when they say so)."""
    path = folder / GROUP_FILE
    record: dict[str, Any] = settings.load(path) if path.is_file() else {}
    keys = settings.Keys(_filled(package, record), str(path))
    top = name in (SAMPLE, SECRET)
    rules = _rules(keys, name, scoring)
    for key in ("static_validation_score", "static_validator_args"):
        if keys.take(key, settings.anything, None) is not None:
            raise settings.unsupported(str(path), f"the key {key!r}")
    given = dict(inherited)
    for key in INHERITED:
        given[key] = keys.take(key, settings.texts, inherited.get(key, ()))
    _for_people(keys)
    keys.done()
    return Group(name, tuple(_items(package, folder, name, given, scoring, default)), rules), top or path.is_file()


def _items(
    package: Package, folder: Path, name: str, inherited: dict[str, tuple[str, ...]], scoring: bool, default: bool
) -> list[Group | Test]:
    """Groups and tests of a folder, in the order of their names; folders that are no groups are looked into."""
    entries = package.entries(folder)
    inputs = {path.name.removesuffix(".in") for path in entries if path.name.endswith(".in") and path.is_file()}
    found: list[tuple[str, Group | Test]] = []
    for path in entries:
        base, ending = _parts(path.name)
        if path.is_dir() and ending != ".files":
            if path.name in inputs:
                raise HelderError(f"{path} is a folder and a test.", "Their names must differ.", "Rename one.")
            inner, own = _group(package, path, f"{name}/{path.name}", inherited, scoring, default)
            if own and name != SECRET:
                raise HelderError(
                    f"{path / GROUP_FILE} makes a group in a group.", "Groups hold no groups.", "Remove it."
                )
            if own and not inner.items:
                raise HelderError(f"{path} is a group without tests.", "Each has at least one.", "Add one.")
            found += [(path.name, inner)] if own else [(item.name, item) for item in inner.items]
        elif ending and base not in inputs:
            raise HelderError(
                f"{path} belongs to no test.", f"There is no {base}.in beside it.", "Add it, or remove the file."
            )
        elif ending == ".in":
            found.append((base, _test(package, folder, name, base, inherited, default)))
    groups = [item for _, item in found if isinstance(item, Group)]
    if groups and len(groups) != len(found):
        raise HelderError(
            f"{folder} holds both groups and tests.",
            "It may hold one kind only: either every folder in it has a test_group.yaml, or none.",
            "Move the tests into a group.",
        )
    return [item for _, item in sorted(found, key=lambda one: one[1].name)]


def _parts(name: str) -> tuple[str, str]:
    """Base and ending of a test's file; no ending for other files."""
    if name == GROUP_FILE:
        return name, ""
    for ending in sorted(ENDINGS, key=len, reverse=True):
        if name.endswith(ending):
            return name.removesuffix(ending), ending
    return name, ""


def _test(
    package: Package, folder: Path, group: str, base: str, inherited: dict[str, tuple[str, ...]], default: bool
) -> Test:
    answer = folder / f"{base}.ans"
    if not answer.is_file():
        raise HelderError(f"{folder / base}.in has no answer.", f"There is no {answer}.", "Add it; it may be empty.")
    path = folder / f"{base}.yaml"
    keys = settings.Keys(settings.load(path) if path.is_file() else {}, str(path))
    given = {key: keys.take(key, settings.texts, inherited.get(key, ())) for key in INHERITED}
    _for_people(keys)
    for key in ("hint", "description"):
        keys.take(key, settings.text, "")
    keys.done()
    if default:
        Comparison.of(given["output_validator_args"], str(path), strict=True)
    return Test(
        name=f"{group}/{base}",
        input=folder / f"{base}.in",
        answer=answer,
        arguments=given["args"],
        validator_arguments=given["output_validator_args"],
        files=package.files(folder / f"{base}.files"),
    )


def _for_people(keys: settings.Keys) -> None:
    """Keys that say nothing to the judge."""
    keys.take("input_validator_args", settings.anything, None)
    keys.take("input_visualizer_args", settings.texts, ())
    keys.take("output_visualizer_args", settings.texts, ())
    keys.take("full_feedback", settings.flag, False)


def _filled(package: Package, value: Any) -> Any:
    """Constants put into the texts of a YAML file."""
    if isinstance(value, str):
        return package.filled(value)
    if isinstance(value, list):
        return [_filled(package, one) for one in value]
    if isinstance(value, dict):
        return {key: _filled(package, one) for key, one in value.items()}
    return value


def _rules(keys: settings.Keys, name: str, scoring: bool) -> Rules:
    """A group's rules of scores."""
    secret = name == SECRET
    most = keys.take("max_score", _score, None)
    aggregation = keys.take("score_aggregation", settings.one_of("pass-fail", "sum", "min"), None)
    require = keys.take("require_pass", settings.text_or_texts, None)
    if name == SAMPLE or not scoring:
        for key, value in (("max_score", most), ("score_aggregation", aggregation), ("require_pass", require)):
            if value is not None:
                why = "Samples have no score." if name == SAMPLE else "Only scoring problems have scores."
                raise HelderError(f"{keys.where}: {key!r} is not allowed here.", why, "Leave it out.")
        return Rules("pass-fail")
    found = Rules(
        aggregation=aggregation or ("sum" if secret else "pass-fail"),
        max_score=(100.0 if secret else None) if most is None else None if math.isinf(most) else most,
        require_pass=require or (),
    )
    return found


def _score(value: Any, where: str) -> float:
    if value == "unbounded":
        return math.inf
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise settings.wrong(value, where, 'a whole number of at least 0, or "unbounded"')
    return float(value)


def _check_scores(secret: Group, where: str) -> None:
    """Raises: HelderError: rules of groups that contradict each other."""
    assert isinstance(secret.rules, Rules)
    groups = [item for item in secret.items if isinstance(item, Group)]
    for group in (secret, *groups):
        rules = group.rules
        assert isinstance(rules, Rules)
        place = f"{where}/{group.name}"
        if rules.aggregation == "pass-fail" and rules.max_score is None:
            raise HelderError(
                f"{place} has no greatest score.",
                "A group that is passed or failed needs one.",
                f"Set max_score in its {GROUP_FILE}, or score_aggregation to sum or min.",
            )
        if group is not secret and rules.max_score is None and secret.rules.max_score is not None:
            raise HelderError(
                f"{place} has no greatest score, but {where}/{SECRET} has.",
                "A group may be unbounded only if all of it is.",
                f"Set max_score in its {GROUP_FILE}, or `max_score: unbounded` in that of {SECRET}.",
            )
        if secret.rules.aggregation == "pass-fail" and rules.aggregation != "pass-fail":
            raise HelderError(
                f"{place} is aggregated by {rules.aggregation}, {SECRET} by pass-fail.",
                "Then all of its groups must be pass-fail as well.",
                "Change one of them.",
            )


def _check_order(items: list[Group], where: str) -> None:
    """Raises: HelderError: a group requires one that does not come before it, or that has no plain pass or fail."""
    known = {group.name: group for item in items for group in item.groups()}
    for name, group in known.items():
        assert isinstance(group.rules, Rules)
        for needed in group.rules.require_pass:
            before = known.get(needed)
            right = before is not None and needed < name and (name != SECRET or needed == SAMPLE)
            if before is None or not right:
                raise HelderError(
                    f"{where}/{name} requires {needed!r}, which is no group before it.",
                    f"Groups are {', '.join(sorted(known))}; {SECRET} may require only {SAMPLE}.",
                    "Correct require_pass.",
                )
            assert isinstance(before.rules, Rules)
            if before.rules.aggregation != "pass-fail":
                raise HelderError(
                    f"{where}/{name} requires {needed!r}, which is aggregated by {before.rules.aggregation}.",
                    "Only groups that are passed or failed can be required.",
                    "Correct require_pass.",
                )
