"""`helder ask` and `helder serve`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from helder.commands import talk
from helder.project import Project

CONTEXT = 2048
KEEPS = ("texts", "digests", "nothing")

format_option = click.option("--format", help="Which file answers, such as q4_0; default: as the scores recommend.")
threads_option = click.option("--threads", type=click.IntRange(1), help="Threads of one answer; default: all cores.")
context_option = click.option(
    "--context", type=click.IntRange(64), default=CONTEXT, show_default=True, help="Tokens of question and answer."
)


@click.command()
@click.argument("questions", nargs=-1)
@click.option("--project", default=".", type=click.Path(path_type=Path), help="The project; default: this folder.")
@click.option("--file", type=click.Path(path_type=Path), help="One question a line, or a .jsonl or .csv file.")
@click.option("--out", type=click.Path(path_type=Path), help="Write the answers to this .jsonl or .csv file.")
@format_option
@threads_option
@context_option
@talk.json_option
def ask(
    questions: tuple[str, ...],
    project: Path,
    file: Path | None,
    out: Path | None,
    format: str | None,
    threads: int | None,
    context: int,
    as_json: bool,
) -> None:
    """Ask QUESTIONS; each answer is held to the form of the task.

    For a person on a terminal the answers are put in words; otherwise, and with --json, they are JSON: one value for
    one question, one object a line for several.
    """
    from helder.serve import ask as answering

    if not questions and file is None:
        raise click.UsageError("Give a question, or --file.", click.get_current_context())
    human = sys.stdout.isatty() and not as_json
    answering.main(Project.open(project), questions, file, format, out, human=human, threads=threads, context=context)


@click.command()
@click.argument("target", default=".", metavar="[PROJECT|BUNDLE]", type=click.Path(path_type=Path))
@click.option("--policy", type=click.Path(path_type=Path), metavar="TOML", help="What is demanded of a bundle.")
@click.option("--host", default="127.0.0.1", show_default=True, help="An address of this machine; others need TLS.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="0: any free one.")
@click.option("--token-file", type=click.Path(path_type=Path), help="Read the token here; made if it is not there.")
@click.option("--name", "names", multiple=True, metavar="HOST", help="A further name it is called by, as by a proxy.")
@click.option("--tls-cert", type=click.Path(path_type=Path), metavar="PEM", help="The server's certificate (chain).")
@click.option("--tls-key", type=click.Path(path_type=Path), metavar="PEM", help="Its private key.")
@click.option(
    "--drain",
    type=click.FloatRange(0),
    default=30.0,
    show_default=True,
    help="Seconds that answers under way get when the server is told to end.",
)
@click.option(
    "--parallel",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Answers at the same time; each has a process of its own and the same bits as alone.",
)
@click.option(
    "--mode",
    type=click.Choice(("exact", "fast")),
    default="exact",
    show_default=True,
    help="fast: one process works on all answers together; their last bits may differ from one time to the next.",
)
@click.option("--engine", metavar="URL", help="Answers come from this OpenAI-compatible server; only it is spoken to.")
@click.option("--engine-model", metavar="NAME", help="The model's name there.")
@click.option(
    "--engine-kind",
    type=click.Choice(("openai", "vllm", "llama.cpp")),
    default="openai",
    show_default=True,
    help="How the engine is told the form of an answer; openai: not at all.",
)
@click.option("--waiting", type=click.IntRange(0), help="Requests that may wait; default: as speed and memory allow.")
@click.option(
    "--deadline",
    type=click.FloatRange(0, min_open=True),
    default=300.0,
    show_default=True,
    help="Seconds that a request gets, waiting and answering together.",
)
@click.option(
    "--log", "log_folder", type=click.Path(path_type=Path), help="The audit log; default: by the model's name."
)
@click.option(
    "--keep",
    type=click.Choice(KEEPS),
    default="digests",
    show_default=True,
    help="What the log keeps of questions and answers.",
)
@click.option("--keep-days", type=click.IntRange(1), help="After so many days what is kept is erased; default: never.")
@click.option("--no-log", is_flag=True, help="Record nothing; answers have no receipts.")
@format_option
@threads_option
@context_option
@talk.json_option
def serve(
    target: Path,
    policy: Path | None,
    host: str,
    port: int,
    token_file: Path | None,
    names: tuple[str, ...],
    tls_cert: Path | None,
    tls_key: Path | None,
    drain: float,
    parallel: int,
    mode: Any,
    engine: str | None,
    engine_model: str | None,
    engine_kind: Any,
    waiting: int | None,
    deadline: float,
    log_folder: Path | None,
    keep: Any,
    keep_days: int | None,
    no_log: bool,
    format: str | None,
    threads: int | None,
    context: int,
    as_json: bool,
) -> None:
    """Serve the model of PROJECT or BUNDLE behind an OpenAI-compatible API; programs need the token that is shown.

    A bundle that somebody handed over is verified first (levels 1 and 2), and held against --policy.
    """
    from helder.serve import api
    from helder.serve.audit import Keep

    del as_json  # what this verb says is talk, for stderr
    if (tls_cert is None) != (tls_key is None):
        raise click.UsageError("--tls-cert and --tls-key go together.", click.get_current_context())
    tls = (tls_cert, tls_key) if tls_cert and tls_key else None
    where = api.Where(host, port, tls, names, token_file, drain)
    logging = api.Logging(log_folder, Keep(keep, keep_days), no_log)
    if (engine is None) != (engine_model is None):
        raise click.UsageError("--engine and --engine-model go together.", click.get_current_context())
    elsewhere = (engine, engine_model, engine_kind) if engine and engine_model else None
    engines = api.Engines(parallel, mode, waiting, deadline, elsewhere)
    api.serve(target, where, logging, engines, policy=policy, format=format, threads=threads, context=context)
