"""How verbs talk: data to stdout, talk to stderr, progress only to a terminal."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from helder.commands.group import color

if TYPE_CHECKING:
    from rich.progress import Progress

OnEvent = Callable[[dict[str, Any]], None]

project_argument = click.argument("project", default=".", type=click.Path(path_type=Path))
json_option = click.option("--json", "as_json", is_flag=True, help="Data as one JSON document on stdout.")


def data(value: Any) -> None:
    """One JSON document on stdout."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=1, default=str))


def say(text: str) -> None:
    """A sentence for a person, on stderr."""
    click.echo(text, err=True, color=color())


def table(rows: Sequence[Sequence[str]], head: Sequence[str], right: Sequence[int] = ()) -> str:
    """A plain table: columns as wide as their widest cell, those in `right` aligned to the right."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]

    def line(row: Sequence[str]) -> str:
        cells = [
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        return "  ".join(cells).rstrip()

    return "\n".join([line(head), line(["-" * width for width in widths]), *(line(row) for row in rows)])


def duration(seconds: float) -> str:
    """4.2 s, 3 min 05 s, 2 h 10 min."""
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def size(count: float) -> str:
    """Bytes for people: 98.4 MB, 3.80 GB (powers of ten)."""
    for unit in ("B", "kB", "MB"):
        if round(count, 1) < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.2f} GB"


def count(number: float) -> str:
    """14 M, 135 M, 7.30 B."""
    return f"{number / 1e6:.0f} M" if number < 999.5e6 else f"{number / 1e9:.2f} B"


def setting(value: Any) -> str:
    """A value as it stands in a recipe: "cosine", true, 0.0003, 4_194_304."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(setting, value))}]"
    if isinstance(value, str):
        return f'"{value}"'
    return f"{value:g}" if isinstance(value, float) else f"{value:_}" if value >= 10_000 else str(value)


@contextmanager
def events(as_json: bool) -> Iterator[OnEvent]:
    """Where a run's events go: drawn on a terminal, otherwise one JSON line for each on stderr."""
    if as_json or not sys.stderr.isatty():
        yield Lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

    columns = [
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[told]}", markup=False),
    ]
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield Drawn(progress)


class Lines:
    """One JSON line for each event; of progress at most one a second, but always the last of a stage."""

    def __init__(self) -> None:
        self.last = -1.0

    def __call__(self, event: dict[str, Any]) -> None:
        if event["event"] == "progress" and event.get("done") != event.get("total"):
            now = time.monotonic()
            if now - self.last < 1.0:
                return
            self.last = now
        click.echo(json.dumps(event, ensure_ascii=False), err=True)


class Drawn:
    """Draws the events of a run: a bar for the stage at work, a line for each that ended."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.bar = progress.add_task("", total=None, told="", visible=False)
        self.started = 0.0

    def __call__(self, event: dict[str, Any]) -> None:
        kind, stage = event["event"], event.get("stage", "")
        if kind == "started":
            self.started = time.monotonic()
            self.progress.reset(self.bar, description=stage, total=None, told="", visible=True)
        elif kind == "progress":
            self.progress.update(self.bar, completed=event["done"], total=event.get("total"), told=self.told(event))
        elif kind == "kept":
            self.line(f"  {stage:<18} kept from before")
        elif kind == "finished":
            self.progress.update(self.bar, visible=False)
            memory = size(event["peak_memory"])
            self.line(f"  {stage:<18} {duration(event['seconds']):>12}   peak memory {memory}")
        elif kind in ("note", "warning"):
            self.line(f"  {stage:<18} {'warning: ' if kind == 'warning' else ''}{event.get('text', '')}")

    def line(self, text: str) -> None:
        self.progress.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def told(self, event: dict[str, Any]) -> str:
        """What is known beside the bar: how far, loss, speed, time left."""
        done, total = event["done"], event.get("total")
        parts = [f"{done:,} of {total:,} {event.get('unit', '')}" if total else f"{done:,} {event.get('unit', '')}"]
        if (loss := event.get("loss")) is not None:
            parts.append(f"loss {loss:.3f}" if isinstance(loss, float) else f"loss {loss}")
        if (speed := event.get("tokens_per_second")) is not None:
            parts.append(f"{speed:,.0f} tokens/s")
        left = event.get("seconds_left")
        if left is None and total and done:
            left = (time.monotonic() - self.started) * (total - done) / done
        if left is not None and done < (total or 0):
            parts.append(f"{duration(left)} left")
        return "   ".join(parts)
