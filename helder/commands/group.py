"""From a command line to an exit code: finds the verb, calls it, and tells what went wrong.

Exit codes are those of `helder.errors.ExitCode`; talk goes to stderr.
"""

from __future__ import annotations

import difflib
import importlib
import json
import os
import signal
import sys
from types import FrameType

import click

from helder import __version__
from helder.cli import SENTENCE, VERBS, help_text
from helder.errors import ExitCode, HelderError


class LazyGroup(click.Group):
    """A group that knows its verbs by name and imports one only when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        module, _, attribute = VERBS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in VERBS:
            close = difflib.get_close_matches(args[0], VERBS, n=1)
            hint = f" Did you mean `helder {close[0]}`?" if close else ""
            raise click.UsageError(f"There is no verb `{args[0]}`.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def get_help(self, ctx: click.Context) -> str:
        return help_text().rstrip()


@click.group(cls=LazyGroup, help=SENTENCE, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(version)s")
def helder() -> None:
    pass


def call(arguments: list[str]) -> int:
    """Run a command line and return its exit code; whatever goes wrong is told on stderr."""
    as_json = "--json" in arguments
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        helder.main(arguments, prog_name="helder", standalone_mode=False)
        sys.stdout.flush()
        return ExitCode.DONE
    except HelderError as error:
        return tell(error, as_json)
    except click.ClickException as error:
        context = error.ctx if isinstance(error, click.UsageError) else None
        return tell(
            HelderError(error.format_message(), fix=f"{context.command_path if context else 'helder'} --help"),
            as_json,
        )
    except (KeyboardInterrupt, click.Abort):
        fix = "`helder run` continues." if arguments[:1] in (["run"], ["plan"]) else ""
        stopped = HelderError("Interrupted.", fix=fix, code=ExitCode.INTERRUPTED)
        return tell(stopped, as_json)
    except BrokenPipeError:
        # The reader of our output (`head`, a pager) has seen enough; say nothing more, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.DONE
    except Exception as error:  # noqa: BLE001  the last net: anything that comes here is a defect of ours
        return tell(unexpected(error), as_json)
    finally:
        signal.signal(signal.SIGTERM, before)


def tell(error: HelderError, as_json: bool) -> int:
    """Print an error on stderr, in words or as one JSON line, and return its exit code."""
    if as_json:
        click.echo(json.dumps({"event": "error", **error.to_json()}, ensure_ascii=False), err=True)
    else:
        head, *rest = str(error).splitlines()
        click.echo(click.style("helder: ", bold=True) + head, err=True, color=color())
        for line in rest:
            click.echo(f"  {line}", err=True)
    return int(error.code)


def unexpected(error: Exception) -> HelderError:
    """A defect of ours in one sentence, with the place where its traceback was saved."""
    import tempfile
    import traceback

    from helder.stage_child import explain

    if known := explain(error, "Helder"):
        return known
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", prefix="helder-", suffix=".traceback.txt", delete=False
    ) as stream:
        stream.write("".join(traceback.format_exception(error)))
    return HelderError(
        f"Helder failed: {type(error).__name__}: {error}",
        f"This is a defect of ours. Where it happened is written in {stream.name}.",
        "Please report it with that file; it may name paths of yours.",
        ExitCode.OURS,
    )


def color() -> bool | None:
    """What click shall do about colours: nothing when NO_COLOR is set, else what the terminal can."""
    return False if os.environ.get("NO_COLOR") else None


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
