"""Reads problems in the Problem Package Format "legacy", which Kattis and ICPC used before 2023.

Source: https://www.kattis.com/problem-package-format/spec/legacy; where it is silent, problemtools decides: keys of
`grading` that are older than the format, verdicts of submissions by folder, and flags of the default grader.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from helder.errors import HelderError
from helder.evaluate.judge import settings
from helder.evaluate.judge.default_validator import Comparison
from helder.evaluate.judge.expected import programs
from helder.evaluate.judge.folder import Package
from helder.evaluate.judge.problem import (
    SECRET,
    Expectation,
    Group,
    LegacyRules,
    Limits,
    Problem,
    Submission,
    Test,
    Validator,
)

VERSION = "legacy"
VERSIONS = (VERSION, "legacy-icpc")
GROUP_FILE = "testdata.yaml"
VERDICT_MODES = {"worst_error": "worst_error", "no_errors": "worst_error"} | {
    name: name for name in ("first_error", "always_accept")
}
SCORE_MODES = ("sum", "avg", "min", "max")
DEFAULTS: dict[str, Any] = {
    "on_reject": "break",
    "grading": "default",
    "grader_flags": "",
    "input_validator_flags": "",
    "output_validator_flags": "",
    "accept_score": 1.0,
    "reject_score": 0.0,
    "range": "-inf +inf",
}


def read(folder: Path, record: dict[Any, Any]) -> Problem:
    """Read a legacy package.

    Args:
        record: its problem.yaml.

    Raises:
        HelderError: it breaks the format, or asks for something that is not judged here.
    """
    keys = settings.Keys(record, str(folder / "problem.yaml"))
    keys.take("problem_format_version", settings.one_of(*VERSIONS), VERSION)
    scoring = keys.take("type", settings.one_of("pass-fail", "scoring"), "pass-fail") == "scoring"
    name = keys.take("name", settings.text, "")
    uuid = keys.take("uuid", settings.text, "")
    keys.take("author", settings.text, "")
    source = keys.take("source", settings.text, "")
    keys.take("source_url", settings.text, "")
    license_ = keys.take("license", settings.one_of(*settings.LICENSES), "unknown")
    keys.take("rights_owner", settings.text, "")
    limits = keys.take("limits", _limits, Limits(ac_to_time_limit=5.0, time_limit_to_tle=2.0))
    custom, interactive, scores = _validation(keys.take("validation", settings.text, "default"), keys.where, scoring)
    flags = keys.take("validator_flags", settings.text, "")
    minimise, older = _grading(keys)
    keys.take("keywords", settings.anything, "")
    keys.done()

    package = Package(folder)
    if package.entries(package.root / "graders"):
        raise settings.unsupported(str(package.root / "graders"), "a grader that is a program")
    found = [package.validator(path) for path in package.entries(package.root / "output_validators")] if custom else []
    if custom and len(found) != 1:
        raise HelderError(
            f"{keys.where}: 'validation' is custom, and output_validators holds {len(found)} programs.",
            "One is needed.",
            "Leave one there.",
        )
    statements = package.statements("problem_statement", None)
    if name:
        statements = {
            language: statement if statement.title else type(statement)(language, name, *_rest(statement))
            for language, statement in statements.items()
        }
    data = _group(package, package.root / "data", "", dict(DEFAULTS), older, flags.split(), not custom, scoring)
    if not any(group.name == SECRET for group in data.groups()) or not any(not test.sample for test in data.tests()):
        raise HelderError(
            f"{package.root} has no secret tests.", "data/secret holds none.", "Add NAME.in and NAME.ans."
        )
    return Problem(
        name=package.root.name,
        version=VERSION,
        scoring=scoring,
        interactive=interactive,
        statements=statements,
        data=data,
        limits=limits,
        validator=Validator(found[0]) if found else None,
        validator_scores="must" if scores else "no",
        include=package.include(),
        submissions=tuple(_submissions(package, scoring, scores)),
        input_validators=tuple(
            package.program(path)
            for folder_name in ("input_validators", "input_format_validators")
            for path in package.entries(package.root / folder_name)
        ),
        minimise=minimise,
        license=license_,
        source=source,
        uuid=uuid,
    )


def _rest(statement: Any) -> tuple[Any, ...]:
    return statement.kind, statement.text, statement.path


def _limits(value: Any, where: str) -> Limits:
    keys = settings.Keys(settings.table(value, where), where)
    found = Limits(
        ac_to_time_limit=keys.take("time_multiplier", settings.at_least_one, 5.0),
        time_limit_to_tle=keys.take("time_safety_margin", settings.at_least_one, 2.0),
        **settings.sizes(keys),
    )
    keys.done()
    return found


def _validation(value: str, where: str, scoring: bool) -> tuple[bool, bool, bool]:
    """Whether the validator is one of the package, speaks with the submission, gives scores."""
    words = value.split()
    if not words or words[0] not in ("default", "custom") or (words[0] == "default" and len(words) > 1):
        raise settings.wrong(value, f"{where}, 'validation'", "default, or custom with score or interactive behind it")
    for word in words[1:]:
        if word not in ("score", "interactive"):
            raise settings.wrong(value, f"{where}, 'validation'", "custom with score or interactive behind it")
    if "score" in words and not scoring:
        raise HelderError(f"{where}: 'validation' gives scores, and the type is pass-fail.", "", "Set `type: scoring`.")
    return words[0] == "custom", "interactive" in words, "score" in words


def _grading(keys: settings.Keys) -> tuple[bool, dict[str, Any]]:
    """Whether the smallest score is best; and keys that are older than testdata.yaml, which hold for every group."""
    inner = settings.Keys(keys.take("grading", settings.table, {}), f"{keys.where}, 'grading'")
    minimise = inner.take("objective", settings.one_of("min", "max"), "max") == "min"
    inner.take("show_test_data_groups", settings.flag, False)
    older: dict[str, Any] = {}
    for key, convert in (
        ("accept_score", settings.number),
        ("reject_score", settings.number),
        ("range", settings.text),
    ):
        value: Any = inner.take(key, convert, None)
        if value is not None:
            older[key] = value
    reject = inner.take("on_reject", settings.one_of("first_error", "worst_error", "grade"), None)
    if reject in ("first_error", "grade"):
        older["on_reject"] = "break" if reject == "first_error" else "continue"
    inner.done()
    return minimise, older


def _group(
    package: Package,
    folder: Path,
    name: str,
    inherited: dict[str, Any],
    older: dict[str, Any],
    flags: list[str],
    default: bool,
    scoring: bool,
) -> Group:
    """A folder of tests: properties come from its testdata.yaml, or else from the folder above."""
    path = folder / GROUP_FILE
    keys = settings.Keys(settings.load(path) if path.is_file() else {}, str(path))
    merged = {key: keys.take(key, settings.anything, None) for key in DEFAULTS}
    keys.done()
    if not scoring:
        for key in ("accept_score", "reject_score", "range"):
            if merged[key] is not None:
                raise HelderError(
                    f"{path}: {key!r} is not allowed here.", "Only scoring problems have scores.", "Leave it out."
                )
    merged = {key: inherited[key] if value is None else value for key, value in merged.items()} | older
    rules = _rules(merged, str(path))
    given = (*flags, *_flags(merged["output_validator_flags"], f"{path}, 'output_validator_flags'"))
    if default:
        Comparison.of(given, str(path))
    items: list[Group | Test] = []
    entries = package.entries(folder)
    inputs = {entry.stem for entry in entries if entry.suffix == ".in" and entry.is_file()}
    answers = {entry.stem for entry in entries if entry.suffix == ".ans" and entry.is_file()}
    for base in sorted(inputs ^ answers):
        raise HelderError(
            f"{folder / base} is half a test.", "A test is NAME.in with NAME.ans.", "Add the other one, or remove it."
        )
    for entry in entries:
        inner = f"{name}/{entry.name}".lstrip("/")
        if entry.is_dir():
            items.append(_group(package, entry, inner, merged, older, flags, default, scoring))
        elif entry.suffix == ".ans":
            base = inner.removesuffix(".ans")
            items.append(Test(base, entry.with_suffix(".in"), entry, validator_arguments=given))
    if not name and any(isinstance(item, Test) or item.name not in ("sample", SECRET) for item in items):
        raise HelderError(f"{folder} holds more than sample and secret.", "The format allows these two.", "Move it.")
    return Group(name, tuple(items), rules)


def _flags(value: Any, where: str) -> list[str]:
    if isinstance(value, dict):
        inner = settings.Keys(settings.table(value, where), where)
        inner.take("name", settings.text, "")
        found = inner.take("flags", settings.text, "")
        inner.done()
        return found.split()
    return settings.text(value, where).split()


def _rules(merged: dict[str, Any], where: str) -> LegacyRules:
    if settings.one_of("default", "custom")(merged["grading"], f"{where}, 'grading'") == "custom":
        raise settings.unsupported(where, "a grader that is a program")
    on_reject = settings.one_of("break", "continue")(merged["on_reject"], f"{where}, 'on_reject'")
    verdict, score, flags = "worst_error", "sum", set()
    for flag in settings.text(merged["grader_flags"], f"{where}, 'grader_flags'").split():
        # Of several modes the last one counts.
        if flag in VERDICT_MODES:
            verdict = VERDICT_MODES[flag]
        elif flag in SCORE_MODES:
            score = flag
        elif flag in ("ignore_sample", "accept_if_any_accepted"):
            flags.add(flag)
        else:
            raise HelderError(
                f"{where}: the grader flag {flag!r} is unknown.",
                f"Known are {', '.join((*VERDICT_MODES, *SCORE_MODES))}, ignore_sample, accept_if_any_accepted.",
                "Correct it.",
            )
    words = settings.text(merged["range"], f"{where}, 'range'").split()
    try:
        least, most = (float(word) for word in words)
    except ValueError as error:
        raise settings.wrong(merged["range"], f"{where}, 'range'", "two numbers") from error
    if not least <= most:  # nor when one is no number
        raise settings.wrong(merged["range"], f"{where}, 'range'", "two numbers, the smaller one first")
    return LegacyRules(
        on_reject=on_reject,
        verdict=verdict,
        score=score,
        ignore_sample="ignore_sample" in flags,
        accept_if_any_accepted="accept_if_any_accepted" in flags,
        accept_score=settings.number(merged["accept_score"], f"{where}, 'accept_score'"),
        reject_score=settings.number(merged["reject_score"], f"{where}, 'reject_score'"),
        least=least,
        most=most,
    )


def _submissions(package: Package, scoring: bool, scores: bool) -> list[Submission]:
    """Submissions; their folders say what must become of them."""
    # A solution that a validator gives points may be right without being best.
    accepted = ("AC", "PA") if scores else ("AC",)
    verdicts = {
        "accepted": Expectation(verdict=accepted, bound="lower"),
        "wrong_answer": Expectation(verdict=("WA",)),
        "time_limit_exceeded": Expectation(verdict=("TLE",), bound="upper"),
        "run_time_error": Expectation(verdict=("RE", "MLE")),  # the format has no name for memory
    }
    if scoring:
        verdicts["partially_accepted"] = Expectation(verdict=("PA",))
    return [
        Submission(path, source, (verdicts[folder],) if (folder := path.split("/")[0]) in verdicts else ())
        for path, source in programs(package)
    ]
