"""The suite `olympiad`: programs for problems, drawn, judged in rooms, and scored as at the IOI.

    helder eval MODEL --suite olympiad                        the problems that come with Helder
    helder eval MODEL --suite olympiad --set problems=FOLDER  packages in a folder, or one package
    helder eval MODEL --suite olympiad --set problems=ioi.jsonl --samples 50    rows as open-r1/ioi has them

A problem with subtasks is asked once for each of them, as OlympicCoder was: the same statement, and which subtask is
aimed at. From all programs for a problem 50 are chosen, in two ways that are both shown
(`helder.evaluate.judge.choose`); its score is the sum over subtasks of the best of the chosen. pass@k is over all
programs of a problem, where right means accepted on every test; its interval is by problems.

A program that was not there, did not compile, or was stopped at a limit counts as wrong, with its verdict. A judge
error says nothing about a program: then there is no score at all, and what was drawn is kept.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from helder.errors import HelderError
from helder.evaluate.judge import choose, ioi, package
from helder.evaluate.judge.choose import Candidate, Subtask
from helder.evaluate.judge.groups import greatest
from helder.evaluate.judge.judge import Judge, Judged, JudgeError
from helder.evaluate.judge.languages import languages
from helder.evaluate.judge.passk import pass_at_k
from helder.evaluate.judge.problem import MEBIBYTE, SAMPLE, SECRET, Group, Problem
from helder.evaluate.judge.texts import program_in
from helder.evaluate.statistics import wilson
from helder.evaluate.suites import OnEvent, Options, Subject, sampling
from helder.evaluate.suites.sampling import Drawn, Generation, Prompt
from helder.ledger.artifact import Artifact

INSTANCES, CHOICES = "instances.jsonl", "choices.jsonl"
SAMPLES = 10  # texts for each prompt, unless told otherwise; OlympicCoder: 50
TEMPERATURE, TOP_P = 0.7, 0.8  # OlympicCoder's (huggingface/ioi, generate/evaluate.py)
MAX_TOKENS = 2048  # assumption; models that think first need many times as many
PASSES = (1, 5, 10, 50, 100)
SETTINGS = ("problems", "language", "statement", "aim", "temperature", "top_p", "max_tokens", "most", "includes")
NAMES = {"cpp": "main.cpp", "c": "main.c", "python3": "main.py"}
WORDS = {"cpp": "C++17", "c": "C17", "python3": "Python 3"}
TICKS = {"cpp": "cpp", "c": "c", "python3": "python"}
NO_PROGRAM = "none"  # the verdict of a text without a program


@dataclass(frozen=True)
class Setting:
    """How the suite is run.

    Attributes:
        problems: where they lie.
        language: of programs.
        statement: the language of statements, where a problem has several.
        aim: ask once for each subtask, not once for a problem.
        most: submissions that are chosen for a problem.
        includes: put includes that are often forgotten in front of C++ programs, as OlympicCoder's evaluation could.
    """

    problems: Path
    language: str
    statement: str
    aim: bool
    most: int
    includes: bool


@dataclass(frozen=True)
class Asked:
    """A problem and what is asked for it.

    Attributes:
        subtasks: with their points, the easiest first; one without points where a program passes or fails.
        prompts: subtask (or "" for all of the problem) → prompt.
    """

    problem: Problem
    subtasks: tuple[Subtask, ...]
    prompts: Mapping[str, Prompt]
    scored: bool


@dataclass(frozen=True)
class Program:
    """A program that was judged; `judged` is None where there was none in the text."""

    generation: Generation
    aim: str
    code: str
    judged: Judged | None

    @property
    def id(self) -> str:
        return f"{self.generation.prompt}#{self.generation.number}"

    @property
    def verdict(self) -> str:
        return NO_PROGRAM if self.judged is None else self.judged.verdict


def run(model: Subject, options: Options, folder: Path, on_event: OnEvent) -> dict[str, Any]:
    """Draw programs, judge them, choose, and score; see `helder.evaluate.suites`.

    Settings: problems (a folder of packages, a package, or a .jsonl file), language (cpp), statement (en), aim
    (subtasks or whole), temperature (0.7), top_p (0.8), max_tokens (2048), most (50), includes (no).

    Raises:
        HelderError: problems, model or settings are wrong; rooms cannot be made here.
        JudgeError: a judge error.
    """
    setting, drawn = _settings(options)
    # Rooms are needed after hours of drawing: what is missing is told before.
    from helder.sealed.untrusted import proved

    proved()
    source = Artifact.of(setting.problems, setting.problems.resolve().name)
    asked = [_asked(problem, prompts, setting) for problem, prompts in _problems(setting, options)]
    prompts = [prompt for one in asked for prompt in one.prompts.values()]
    generations = sampling.sample(model, prompts, drawn, options, folder, source, on_event)
    programs = _judge(asked, generations, setting, folder, on_event)
    found = _result(asked, programs, setting, drawn, folder)
    return {
        **found,
        "settings": {**vars(drawn), **{**vars(setting), "problems": source.name}},
        "inputs": {"problems": {"name": source.name, "sha256": source.digest}},
        "files": [CHOICES, sampling.LEAVING, sampling.RECORD],
    }


def _settings(options: Options) -> tuple[Setting, Drawn]:
    options.only(*SETTINGS)
    given = options.settings
    language = given.get("language", "cpp")
    if language not in NAMES:
        raise _wrong("language", language, f"one of {', '.join(NAMES)}")
    aim, includes = given.get("aim", "subtasks"), given.get("includes", "no")
    if aim not in ("subtasks", "whole"):
        raise _wrong("aim", aim, "subtasks or whole")
    if includes not in ("yes", "no"):
        raise _wrong("includes", includes, "yes or no")
    temperature = _number(given, "temperature", TEMPERATURE, 0, 2)
    samples = options.samples or SAMPLES
    if temperature == 0 and samples > 1:
        raise HelderError(
            f"{samples} texts at temperature 0 would all be the same.", "", "Raise --set temperature=…, or --samples 1"
        )
    problems = given.get("problems")
    place = Path(problems) if problems else Path(__file__).parents[2] / "examples" / "problems"
    if not place.exists():
        raise HelderError(f"There are no problems at {place}.", "", "Name a folder or a file: --set problems=…")
    setting = Setting(
        place,
        language,
        given.get("statement", "en"),
        aim == "subtasks",
        int(_number(given, "most", choose.MOST, 1, 10_000)),
        includes == "yes",
    )
    max_tokens = int(_number(given, "max_tokens", MAX_TOKENS, 1, 1 << 20))
    top_p = _number(given, "top_p", TOP_P, 0.01, 1)
    return setting, Drawn(samples, temperature, top_p, max_tokens, options.seed)


def _number(given: Mapping[str, str], name: str, usual: float, least: float, most: float) -> float:
    text = given.get(name)
    if text is None:
        return usual
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not least <= value <= most:
        raise _wrong(name, text, f"a number from {least:g} to {most:g}")
    return value


def _wrong(name: str, value: str, wanted: str) -> HelderError:
    return HelderError(f"--set {name}={value} cannot be followed.", f"It is {wanted}.", "Correct it.")


# --- problems and prompts ----------------------------------------------------------------------------------------


def _problems(setting: Setting, options: Options) -> list[tuple[Problem, Mapping[str, str]]]:
    """The problems, each with the prompts that came with it: subtask → text.

    Raises:
        HelderError: there is none, one cannot be judged, or one that was asked for is not there.
    """
    place = setting.problems
    found: list[tuple[Problem, Mapping[str, str]]] = []
    if place.is_file() or (place.is_dir() and list(place.glob("*.jsonl"))):
        found = [(task.problem, task.prompts) for task in ioi.tasks(place)]
    else:
        folders = [place] if (place / "problem.yaml").is_file() else sorted(place.iterdir())
        found = [(package.read(one), {}) for one in folders if (one / "problem.yaml").is_file()]
    if not found:
        raise HelderError(
            f"There are no problems in {place}.",
            "A problem is a folder with problem.yaml, or rows in a .jsonl file.",
            "Name another place: --set problems=…",
        )
    names = [problem.name for problem, _ in found]
    if missing := sorted(set(options.tasks) - set(names)):
        raise HelderError(f"There is no problem {missing[0]!r}.", f"There are: {', '.join(names)}.", "Correct --task.")
    if options.tasks:
        found = [one for one in found if one[0].name in options.tasks]
    if options.limit is not None and len(found) > options.limit:
        order = sorted(found, key=lambda one: sha256(f"{options.seed}/{one[0].name}".encode()).hexdigest())
        kept = {problem.name for problem, _ in order[: options.limit]}
        found = [one for one in found if one[0].name in kept]
    for problem, _ in found:
        if problem.languages and setting.language not in problem.languages:
            raise HelderError(
                f"{problem.name} takes no {WORDS[setting.language]}.",
                f"It takes: {', '.join(problem.languages)}.",
                "Choose another language: --set language=…",
            )
    return found


def _asked(problem: Problem, given: Mapping[str, str], setting: Setting) -> Asked:
    subtasks = subtasks_of(problem)
    scored = bool(subtasks)
    aims = [one.name for one in subtasks] if setting.aim and len(subtasks) > 1 else [""]
    prompts = {}
    for aim in aims:
        text = given.get(aim) or _prompt(problem, given, aim, subtasks, setting)
        key = f"{problem.name}/{aim}" if aim else problem.name
        prompts[aim] = Prompt(key, ({"role": "user", "content": text},))
    return Asked(problem, subtasks or (Subtask(SECRET, 1.0),), prompts, scored)


def subtasks_of(problem: Problem) -> tuple[Subtask, ...]:
    """The groups below the secret tests, with their points; none where a program passes or fails, or where there is no
    greatest score, so that shares of it mean nothing.
    """
    secret = next((one for one in problem.data.items if one.name == SECRET), None)
    if not problem.scoring or not isinstance(secret, Group) or problem.minimise:
        return ()
    groups = [one for one in secret.items if isinstance(one, Group)]
    chosen = groups if groups and len(groups) == len(secret.items) else [secret]
    if secret not in chosen and getattr(secret.rules, "aggregation", "") != "sum":
        chosen = [secret]
    most = [greatest(one) for one in chosen]
    if any(one is None for one in most):
        return ()
    return tuple(
        Subtask(group.name.removeprefix(f"{SECRET}/"), float(points or 0.0))
        for group, points in zip(chosen, most, strict=True)
    )


def _prompt(problem: Problem, given: Mapping[str, str], aim: str, subtasks: Sequence[Subtask], setting: Setting) -> str:
    """What is asked for a problem whose rows bring no prompt of their own for this aim."""
    if given:  # rows bring prompts for subtasks; the last one is for all of the problem
        return list(given.values())[-1]
    statement = problem.statements.get(setting.statement) or problem.statements.get("en")
    if statement is None:
        statement = problem.statements[min(problem.statements)] if problem.statements else None
    if statement is None or not statement.text:
        raise HelderError(
            f"{problem.name} has no statement that can be shown to a model.",
            "It has none as text (a PDF is none).",
            "Add problem.en.md or problem.en.tex.",
        )
    language = WORDS[setting.language]
    parts = [f"# {statement.title}", statement.text.strip()]
    for number, test in enumerate([] if problem.interactive else problem.samples, 1):
        shown = (
            f"Input:\n```\n{test.read_input().decode().rstrip()}\n```",
            f"Output:\n```\n{test.read_answer().decode().rstrip()}\n```",
        )
        parts += [f"## Example {number}", *shown]
    ask = f"Write a program in {language} that solves it."
    if aim:
        worth = next(one.points for one in subtasks if one.name == aim)
        ask += f" Aim at the subtask {aim}, which gives {worth:g} points."
    if problem.interactive:
        ask += " The program speaks with another one over standard input and output; flush after each line."
    else:
        ask += " It reads from standard input and writes to standard output."
    limits = problem.limits
    if limits.time is not None:
        ask += (
            f" For each input it has {limits.time:g} s of processor time and {limits.memory // MEBIBYTE} MiB of memory."
        )
    ask += f" Put the whole program at the end, in one block that begins with ```{TICKS[setting.language]}."
    return "\n\n".join([*parts, "## What to do", ask])


# --- judging -----------------------------------------------------------------------------------------------------


def _judge(
    asked: Sequence[Asked],
    generations: Sequence[Generation],
    setting: Setting,
    folder: Path,
    on_event: OnEvent,
) -> dict[str, list[Program]]:
    """problem → its programs, judged; every verdict goes to `instances.jsonl`.

    Raises:
        JudgeError: a judge error; the verdicts so far are there.
    """
    of_prompt: dict[str, list[Generation]] = {}
    for generation in generations:
        of_prompt.setdefault(generation.prompt, []).append(generation)
    found: dict[str, list[Program]] = {}
    on_event({"event": "started", "stage": "judge"})
    done, total = 0, len(generations)
    with (folder / INSTANCES).open("w", encoding="utf-8") as lines:
        for one in asked:
            waiting = []
            for aim, prompt in one.prompts.items():
                for generation in of_prompt[prompt.key]:
                    code = program_in(generation.text, setting.language)
                    if code and setting.includes and setting.language == "cpp":
                        code = with_includes(code, one.problem.include.get("cpp", {}))
                    waiting.append(Program(generation, aim, code, None))
            programs = _judged(one.problem, waiting, setting)
            for program in programs:
                lines.write(json.dumps(_line(one.problem, program), ensure_ascii=False, separators=(",", ":")) + "\n")
            lines.flush()
            for program in programs:
                if program.judged is not None and program.judged.verdict == "JE":
                    raise JudgeError(f"{one.problem.name}, {program.id}: {program.judged.told}")
            found[one.problem.name] = programs
            done += len(programs)
            on_event({"event": "progress", "stage": "judge", "done": done, "total": total, "unit": "program"})
    return found


def _judged(problem: Problem, programs: Sequence[Program], setting: Setting) -> list[Program]:
    """Programs with their verdicts; the same program is judged once."""
    name = NAMES[setting.language]
    codes = sorted({one.code for one in programs if one.code})
    with Judge(problem) as judge:
        verdicts = dict(zip(codes, judge.judge_all([{name: code.encode()} for code in codes]), strict=True))
    return [replace(one, judged=verdicts.get(one.code)) for one in programs]


def with_includes(code: str, beside: Mapping[str, bytes]) -> str:
    """A C++ program with the includes in front that models forget: all of the standard library, and the headers that
    lie beside it (huggingface/ioi patches programs so).
    """
    head = "#include <bits/stdc++.h>\n"
    for name in sorted(name for name in beside if name.endswith(".h")):
        if f'#include "{name}"' not in code:
            head += f'#include "{name}"\n'
    if "using namespace std;" not in code and "std::" not in code:
        head += "using namespace std;\n"
    return head + code


def _line(problem: Problem, program: Program) -> dict[str, Any]:
    """A program's line of evidence."""
    one = program.generation
    return {
        "id": program.id,
        "problem": problem.name,
        "aim": program.aim,
        "prompt_sha256": one.prompt_sha256,
        "text_sha256": sha256(one.text.encode()).hexdigest(),
        "code": program.code,
        "code_sha256": sha256(program.code.encode()).hexdigest(),
        "verdict": program.verdict,
        # Times differ from run to run: they are told, and no part of what the verdict is.
        **({} if program.judged is None else {"judged": program.judged.to_json()}),
    }


def candidate(program: Program, subtasks: Sequence[Subtask], scored: bool) -> Candidate:
    """A program as it stands for the choice: what it passes of the public tests, and what it would get."""
    judged = program.judged
    runs = judged is not None and judged.verdict != "CE"
    public, shares = 0.0, {}
    if judged is not None and runs:
        groups = {group.name: group for group in judged.groups}
        public = float(SAMPLE not in groups or groups[SAMPLE].verdict == "AC")
        for subtask in subtasks:
            group = groups.get(f"{SECRET}/{subtask.name}") or groups.get(subtask.name)
            if not scored:
                shares[subtask.name] = float(judged.verdict == "AC")
            elif group is not None and group.points is not None and subtask.points:
                shares[subtask.name] = group.points / subtask.points
    return Candidate(program.id, program.aim, public, program.generation.length, runs, program.code, shares)


# --- the result --------------------------------------------------------------------------------------------------


def _result(
    asked: Sequence[Asked],
    programs: Mapping[str, Sequence[Program]],
    setting: Setting,
    drawn: Drawn,
    folder: Path,
) -> dict[str, Any]:
    """Rows, sentences and choices."""
    problems: list[dict[str, Any]] = []
    with (folder / CHOICES).open("w", encoding="utf-8") as lines:
        for one in asked:
            mine = programs[one.problem.name]
            candidates = [candidate(program, one.subtasks, one.scored) for program in mine]
            points = {"all submissions": choose.points(candidates, one.subtasks)}
            for name, way in choose.CHOICES.items():
                chosen = way(candidates, one.subtasks, setting.most)
                points[name] = choose.points(chosen, one.subtasks)
                line = {"problem": one.problem.name, "choice": name, "submissions": [other.id for other in chosen]}
                lines.write(json.dumps({**line, "points": points[name]}, ensure_ascii=False) + "\n")
            problems.append(
                {
                    "problem": one.problem.name,
                    "scored": one.scored,
                    "n": len(mine),
                    "right": sum(program.verdict == "AC" for program in mine),
                    "verdicts": dict(sorted(Counter(program.verdict for program in mine).items())),
                    "most": sum(subtask.points for subtask in one.subtasks),
                    "points": points,
                }
            )
    counts = [(one["n"], one["right"]) for one in problems]
    rows = []
    for k in sorted({k for k in PASSES if k <= min(n for n, _ in counts)}):
        found = pass_at_k(counts, k)
        rows.append(_row("all", len(problems), f"pass@{k}", found.value, found.low, found.high))
    rows += _points(problems, setting)
    for about in problems:
        found = wilson(about["right"], about["n"])
        verdicts = ", ".join(f"{name} {count}" for name, count in about["verdicts"].items())
        row = _row(about["problem"], about["n"], "right", found.value, found.low, found.high)
        rows.append({**row, "verdicts": verdicts, "points": _best(about) if about["scored"] else None})
    return {
        "rows": rows,
        "columns": [["points", "points"], ["verdicts", "verdicts"]],
        "problems": problems,
        "sentences": _sentences(problems, setting, drawn),
        "warnings": _warnings(problems, drawn),
    }


def _points(problems: Sequence[Mapping[str, Any]], setting: Setting) -> list[dict[str, Any]]:
    """Rows of points with so many submissions, and of problems solved where there are no points."""
    rows = []
    scored = [one for one in problems if one["scored"]]
    others = [one for one in problems if not one["scored"]]
    for name in (*choose.CHOICES, "all submissions"):
        how = f"{setting.most} by {name}" if name in choose.CHOICES else name
        if scored:
            got, most = sum(one["points"][name] for one in scored), sum(one["most"] for one in scored)
            row = _row("all with points", len(scored), f"points, {how}", got / most, None, None)
            rows.append({**row, "points": f"{got:.2f} of {most:g}"})
        if others:
            solved = sum(one["points"][name] == 1.0 for one in others)
            found = wilson(solved, len(others))
            rows.append(_row("all passed or failed", len(others), f"solved, {how}", found.value, found.low, found.high))
    return rows


def _best(one: Mapping[str, Any]) -> str:
    named = ", ".join(f"{one['points'][name]:.2f}" for name in choose.CHOICES)
    return f"{named} of {one['most']:g}"


def _row(task: str, n: int, metric: str, value: float | None, low: float | None, high: float | None) -> dict[str, Any]:
    return {"task": task, "n": n, "metric": metric, "value": value, "low": low, "high": high}


def _sentences(problems: Sequence[Mapping[str, Any]], setting: Setting, drawn: Drawn) -> list[str]:
    total = sum(one["n"] for one in problems)
    language = languages()[setting.language].title
    return [
        f"{total:,} programs in {language} for {len(problems)} problems, {drawn.samples} for each prompt at "
        f"temperature {drawn.temperature:g} and top-p {drawn.top_p:g}, at most {drawn.max_tokens:,} tokens, "
        f"seed {drawn.seed}. Right is accepted on every test; pass@k is the unbiased estimate, its interval by "
        "problems.",
        f"Points: the sum over subtasks of the best of {setting.most} submissions that were chosen by what a "
        'contestant sees; "round robin" is OlympicCoder\'s way, "gain" ours, and "all submissions" is the most that '
        "any choice could get.",
    ]


def _warnings(problems: Sequence[Mapping[str, Any]], drawn: Drawn) -> list[str]:
    found = []
    if missing := sum(one["verdicts"].get(NO_PROGRAM, 0) for one in problems):
        total = sum(one["n"] for one in problems)
        found.append(f"{missing:,} of {total:,} texts hold no program (verdict {NO_PROGRAM!r}); they count as wrong.")
    if len(problems) < 20:
        found.append(f"{len(problems)} problems are few: the intervals say how little is known.")
    return found
