"""`helder trace`: from a text back to the documents, steps and states; memorisation; erasure."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from helder.commands import talk
from helder.errors import HelderError

if TYPE_CHECKING:
    from helder.trace.way_back import Passage, Traced, TracedSpan

COLOURS = ("cyan", "green", "magenta", "yellow", "blue")
MOST_STEPS = 6  # that are named; of more, how many there are


@click.command()
@click.argument("project", metavar="RUN", type=click.Path(path_type=Path))
@click.argument("text", required=False)
@click.option("--prompt", help="What the model was asked, when TEXT is its answer.")
@click.option("--file", "file", type=click.Path(path_type=Path), help="Read TEXT from this file; - for stdin.")
@click.option("--minimum-length", type=click.IntRange(1), help="Tokens of the shortest span that counts.")
@click.option("--maximum-frequency", type=click.IntRange(0), help="Leave out what stands in more places; 0: nothing.")
@click.option("--maximum-density", type=click.FloatRange(0, 1), help="Show at most so many spans for each token.")
@click.option("--olmotrace", is_flag=True, help="OLMoTrace's own rules: sentences, any length, rare ones.")
@click.option("--memorised", is_flag=True, help="Instead: does the model write training text, given its beginning?")
@click.option("--passages", type=click.IntRange(1), default=100, show_default=True, help="--memorised: how many.")
@click.option("--seed", default=0, show_default=True, help="--memorised: decides which passages.")
@click.option("--erase", metavar="TEXT", help="Instead: everything that saw this string, and what removing it takes.")
@click.option("--write", is_flag=True, help="--erase: refuse the documents that hold it, for helder run to follow.")
@talk.json_option
def trace(
    project: Path,
    text: str | None,
    prompt: str | None,
    file: Path | None,
    minimum_length: int | None,
    maximum_frequency: int | None,
    maximum_density: float | None,
    olmotrace: bool,
    memorised: bool,
    passages: int,
    seed: int,
    erase: str | None,
    write: bool,
    as_json: bool,
) -> None:
    """Trace TEXT back to what the model of RUN, a project's folder or a bundle, learnt from.

    Shows the parts of TEXT that stand verbatim in the training data, with documents, files, places in them, training
    steps and licences. It is verbatim overlap, not cause. The index is made on first use and kept.
    """
    from dataclasses import replace

    from helder.project import Project
    from helder.trace import received
    from helder.trace.spans import OLMOTRACE, Rules

    handed_over = received.is_bundle(project)
    if sum((memorised, erase is not None, text is not None or file is not None)) != 1:
        raise HelderError(
            "One of TEXT, --file, --memorised and --erase is wanted.", fix='For example: helder trace RUN "a sentence"'
        )
    if write and erase is None:
        raise HelderError("--write belongs to --erase.", fix="helder trace RUN --erase TEXT --write")
    if handed_over and (memorised or erase is not None):
        raise HelderError(
            f"{project} is a bundle, and --memorised and --erase read the folder of a project.",
            "They need the recipe and the run folder, which are not handed over.",
            "Ask whoever made it, or trace a text.",
        )
    opened = None if handed_over else Project.open(project)
    if memorised and opened is not None:
        from helder.trace.memorisation import memorised as measure

        with talk.events(as_json) as on_event:
            report = measure(opened, passages=passages, seed=seed, on_event=on_event)
        talk.data(report.to_json()) if as_json else click.echo(report.text())
        return
    if erase is not None and opened is not None:
        from helder.commands.data import today
        from helder.trace.erasure import erase as look_up

        with talk.events(as_json) as on_event:
            found = look_up(opened, erase, write=write, on=today() if write else "", on_event=on_event)
        talk.data(found.to_json()) if as_json else click.echo(found.text())
        return
    from helder.trace.way_back import trace as trace_back

    given: dict[str, Any] = {
        "minimum_length": minimum_length,
        "maximum_frequency": maximum_frequency,
        "maximum_density": maximum_density,
    }
    usual = OLMOTRACE if olmotrace else Rules()
    rules = replace(usual, **{name: value for name, value in given.items() if value is not None})
    with talk.events(as_json) as on_event:
        traced = trace_back(opened or project, _text(text, file), prompt=prompt, rules=rules, on_event=on_event)
    if as_json:
        talk.data(traced.to_json())
        return
    click.echo(drawn(traced))


def _text(text: str | None, file: Path | None) -> str:
    if text is not None:
        return text
    assert file is not None
    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = os.strerror(error.errno or 0) if isinstance(error, OSError) else str(error)
        raise HelderError(f"{file} cannot be read.", reason, "Give a text file in UTF-8.") from error


def drawn(traced: Traced) -> str:
    """The answer for a person: the text with its spans numbered and coloured, then each span with its places."""
    width = min(100, shutil.get_terminal_size((100, 24)).columns)
    parts, done = [], 0
    for number, span in enumerate(traced.spans, 1):
        colour = COLOURS[(number - 1) % len(COLOURS)]
        start = max(done, span.start)
        parts.append(traced.text[done:start])
        parts.append(click.style(f"[{number}:", fg=colour))
        parts.append(click.style(traced.text[start : span.stop], fg=colour, underline=True))
        parts.append(click.style("]", fg=colour))
        done = max(done, span.stop)
    parts.append(traced.text[done:])
    lines = ["".join(parts), "", coverage_line(traced), ""]
    for number, span in enumerate(traced.spans, 1):
        lines += span_lines(number, span)
    if traced.left_out:
        lines += [f"{traced.left_out} shorter spans are not shown (--maximum-density).", ""]
    for note in traced.notes:
        lines += textwrap.wrap(note, width)
    return "\n".join(lines)


def coverage_line(traced: Traced) -> str:
    """own documents 62 %, prompt 10 %, not found 28 %."""
    share = traced.coverage
    both = f" (of which also in own documents {share['in_both']:.0%})" if share["in_both"] else ""
    return (
        f"own documents {share['own_documents']:.0%}, prompt {share['prompt']:.0%}{both}, "
        f"not found {share['not_found']:.0%}  (in runs of at least {traced.rules.minimum_length} tokens)"
    )


def span_lines(number: int, span: TracedSpan) -> list[str]:
    """One span: what it says, how common it is, and each place with its steps."""
    colour = COLOURS[(number - 1) % len(COLOURS)]
    places = "place" if span.count == 1 else "places"
    shown = "" if len(span.passages) == span.count else f", {len(span.passages)} shown"
    also = "; also in the prompt" if span.in_prompt else ""
    head = f"[{number}] {span.tokens} tokens, in {span.count:,} {places} of the training data{shown}{also}"
    lines = [click.style(head, fg=colour)]
    for passage in span.passages:
        lines.append(f"    {where(passage)}")
        lines.append(f"        …{_flat(passage.before)}«{_flat(passage.passage)}»{_flat(passage.after)}…")
        for seen in passage.seen:
            agreed = {True: "; the training log agrees", False: "; THE TRAINING LOG SAYS OTHERWISE", None: ""}
            lines.append(f"        {seen.training}: {steps_of(seen.steps)}{agreed[seen.agrees]}")
    return [*lines, ""]


def where(passage: Passage) -> str:
    """File, line, bytes or page, and licence."""
    from helder.data.extract import places

    line = "" if passage.line is None else f", line {passage.line}"
    start, stop = passage.bytes
    place = f", bytes {start:,} to {stop:,} of the text"
    source: Any = passage.source
    origin = ""
    if source:
        origin = f"; {source['path']}, {places.told(source)}"
    licence = passage.about.get("licence")
    return _flat(f"{passage.file}{line}{place}{origin}; {licence or 'licence unknown'}")


def steps_of(steps: list[int]) -> str:
    """step 12; steps 3, 40 and 77; 120 steps from 3 to 900; no step."""
    if not steps:
        return "no step saw it"
    if len(steps) == 1:
        return f"step {steps[0]:,}"
    if len(steps) <= MOST_STEPS:
        return f"steps {', '.join(f'{step:,}' for step in steps[:-1])} and {steps[-1]:,}"
    return f"{len(steps):,} steps from {steps[0]:,} to {steps[-1]:,}"


def _flat(text: str) -> str:
    """On one line, with nothing that steers a terminal."""
    return "".join(character if character.isprintable() else " " for character in text)
