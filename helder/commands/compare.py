"""`helder compare`: which of two is better; or models and services side by side, on the same items."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from helder.commands import talk
from helder.errors import ExitCode, HelderError

if TYPE_CHECKING:
    from helder.evaluate.compare.budget import Limits
    from helder.evaluate.compare.run import Prepared, Subject

SHORTEST_CONSENT = 12  # digits of the list's digest that agree to it


@click.command()
@click.argument("subjects", nargs=-1, required=True, metavar="A B...")
@click.option("--project", default=".", type=click.Path(path_type=Path), help="The project; default: this folder.")
@click.option("--items", type=click.Path(path_type=Path), help="Ask these instead: JSON lines with id, input, output.")
@click.option("--task", "task_file", type=click.Path(path_type=Path), help="With --items: the form of the answers.")
@click.option("--services", type=click.Path(path_type=Path), help="Services in a TOML file, a table [name] for each.")
@click.option("--judge", default="right", show_default=True, help="What tells right from wrong: right, fields, number.")
@click.option("--limit", type=click.IntRange(1), help="Ask at most so many items of each test set, chosen by the seed.")
@click.option("--examples", default=0, show_default=True, type=click.IntRange(0), help="Examples in each question.")
@click.option(
    "--margin",
    default=0.05,
    show_default=True,
    type=click.FloatRange(0, 0.5, min_open=True),
    help='What still counts as "not worse".',
)
@click.option(
    "--confidence", default=0.95, show_default=True, type=click.FloatRange(0.5, 0.999), help="Of intervals and tests."
)
@click.option(
    "--discordant",
    default=0.2,
    show_default=True,
    type=click.FloatRange(0, 1, min_open=True),
    help="Items that only one is expected to have right; for the power.",
)
@click.option(
    "--seed", default=0, show_default=True, help="Decides which items, which examples, and how long waits are."
)
@click.option(
    "--constrained", is_flag=True, help="Hold GGUF files and folders to the form of the task; services are not."
)
@click.option(
    "--max-tokens",
    default=1024,
    show_default=True,
    type=click.IntRange(1),
    help="The longest answer of a file or folder.",
)
@click.option(
    "--allow-network", "hosts", multiple=True, metavar="HOST", help="A host that may be spoken to; for each one."
)
@click.option(
    "--most-requests", type=click.IntRange(0), help="Send at most so many requests, tries after faults included."
)
@click.option("--most-money", type=click.FloatRange(0), help="Spend at most so much, in the currency of the prices.")
@click.option("--consent", metavar="DIGEST", help="Agree that what the list of this digest holds leaves.")
@click.option("--plan", "plan_only", is_flag=True, help="Fix and show the plan and what would leave; ask nothing.")
@click.option(
    "--at-once", default=8, show_default=True, type=click.IntRange(1, 256), help="Open questions to one service."
)
@click.option(
    "--may-miss",
    default=0,
    show_default=True,
    type=click.IntRange(0),
    help="Items that may be left out when a service refuses them.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), help="Where comparisons lie; default: comparisons/ in the project."
)
@talk.json_option
def compare(subjects: tuple[str, ...], project: Path, as_json: bool, **options: Any) -> None:
    """Say whether A is better than B, on the same items.

    Two names from the table of `helder eval` (weights, a file's format, base, a baseline) are answered from the scores
    of the project. Anything else is asked, all with the same questions and judged by the same judge:

    \b
      model.gguf                      a GGUF file
      FOLDER                          a folder with weights
      claude-…                        Anthropic's service; its key from ANTHROPIC_API_KEY
      o1-mini, gpt-…                  OpenAI's service; its key from OPENAI_API_KEY
      MODEL@https://host/v1           any service that speaks OpenAI's protocol
      anthropic:MODEL@https://host    any that speaks Anthropic's
      NAME                            a table of --services, or a name from `helder eval`

    A is compared with each of the others. Before anything leaves, its list is written and shown, and you are asked;
    where nobody can be asked, --consent, --most-requests and --most-money answer. Keys are read from the environment
    only. What services answered is kept to the byte, and is recorded, not repeatable.
    """
    if _stored(subjects, project, options):
        from helder.commands.scores import compare_scores

        compare_scores(subjects[0], subjects[1], project, as_json)
        return
    from helder.evaluate.compare import run
    from helder.evaluate.compare.gate import Gate

    gate = Gate.of(options["hosts"])
    prepared = _prepare(subjects, project, gate, options)
    show = talk.say if as_json else click.echo
    for sentence in plan_sentences(prepared):
        show(sentence)
    if options["plan_only"]:
        if as_json:
            talk.data({"plan": prepared.plan.digest, "folder": str(prepared.folder), **prepared.plan.record})
        return
    limits = _agree(prepared, options)
    with talk.events(as_json) as on_event:
        found = run.run(
            prepared,
            gate,
            limits,
            at_once=options["at_once"],
            may_miss=options["may_miss"],
            on_event=on_event,
        )
    if as_json:
        talk.data(found)
        return
    click.echo("\n" + tables(found))
    for sentence in [*(one["sentence"] for one in found["comparisons"]), *found["warnings"]]:
        click.echo(f"\n{sentence}")
    click.echo(f"\n{prepared.folder / 'report.html'}")


def _stored(subjects: tuple[str, ...], project: Path, options: dict[str, Any]) -> bool:
    """Whether two names are asked for that the scores of a project may hold, and nothing else is."""
    from helder.evaluate.compare.services import from_word

    asks = ("items", "services", "limit", "hosts", "out", "plan_only", "consent", "most_requests", "most_money")
    if len(subjects) != 2 or any(options[name] for name in asks):
        return False
    return not any(Path(one).exists() or one.endswith(".gguf") or from_word(one) for one in subjects)


def _prepare(subjects: tuple[str, ...], project: Path, gate: Any, options: dict[str, Any]) -> Prepared:
    """Who, what, and the plan."""
    from helder.evaluate import verifiers
    from helder.evaluate.compare import items, run, services
    from helder.project import Project

    judge = verifiers.find(options["judge"])
    if options["task_file"] and not options["items"]:
        raise HelderError("--task belongs to --items.", "The items of a project have their own.", "Leave it out.")
    if options["items"] and options["examples"]:
        raise HelderError("--examples needs a project.", "A file of items has no training examples.", "Leave it out.")
    opened = None if options["items"] else Project.open(project)
    tables_of = services.from_file(options["services"]) if options["services"] else {}
    chosen = [_subject(word, tables_of, opened, options) for word in subjects]
    if opened is None:
        asked = items.of_file(options["items"], options["task_file"], options["limit"], options["seed"])
    else:
        asked = items.of_project(opened, options["limit"], options["examples"], options["seed"])
    folder = options["out"] or (opened.folder if opened else Path()) / "comparisons"
    return run.prepare(
        chosen,
        asked,
        judge,
        folder,
        gate,
        margin=options["margin"],
        confidence=options["confidence"],
        discordant=options["discordant"],
        seed=options["seed"],
    )


def _subject(word: str, tables_of: dict[str, Any], project: Any, options: dict[str, Any]) -> Subject:
    """What a word on the command line means."""
    from helder.evaluate.compare import local, services

    if word in tables_of:
        found: Subject = tables_of[word]
        return found
    path = Path(word)
    if path.is_file() or word.endswith(".gguf"):
        if not path.is_file():
            raise HelderError(f"There is no model file {path}.", "", "Check the path.")
        return local.of_file(path, options["constrained"], options["max_tokens"])
    if (path / "config.json").is_file():
        return local.of_folder(path, options["constrained"], options["max_tokens"])
    if service := services.from_word(word):
        return service
    if project is None:
        raise HelderError(
            f"{word!r} is no file, no folder with weights and no service.",
            "With --items there is no project whose subjects could be meant.",
            "A service is claude-…, o1-…, MODEL@https://host/v1, or a table of --services.",
        )
    return local.of_run(project, word)


def plan_sentences(prepared: Prepared) -> list[str]:
    """The plan for a person: what it can show, and what would leave."""
    from helder.evaluate.compare import plan as plans

    record = prepared.plan.record
    told = [f"Plan {prepared.plan.digest[:12]}, in {prepared.folder}", *plans.sentences(prepared.plan)]
    tests = record["tests"]["number"]
    told.append(
        f"{tests} test{'s' if tests > 1 else ''}; "
        f"together they make a false claim with a chance of at most {1 - record['confidence']:.2g}."
    )
    for service in prepared.services:
        going = prepared.leaving.of(service)
        size = sum(len(one.body) for one in going)
        told.append(
            f"To {service.name} at {service.host}: {len(going):,} requests, {talk.size(size)}, "
            + (f"at most {sum_money(going):.4f} {service.price.currency}." if service.price else "no price is given.")
        )
    if prepared.services:
        shots = (
            f" The examples {', '.join(prepared.leaving.shots)} of the training data are in each."
            if prepared.leaving.shots
            else ""
        )
        told.append(f"Exactly what leaves: {prepared.folder / 'leaving.jsonl'}{shots}")
    return told


def sum_money(going: list[Any]) -> float:
    from helder.evaluate.compare.budget import most_money

    return sum(most_money(one.service, len(one.body)) for one in going)


def _agree(prepared: Prepared, options: dict[str, Any]) -> Limits:
    """The budget and the agreement to what leaves: from the options, or asked for on a terminal.

    Raises:
        HelderError: code 5, nobody agreed.
    """
    from helder.evaluate.compare.budget import Limits

    open_ = len(prepared.open_requests)
    if not open_:  # nobody outside is asked, or everything was answered before
        return Limits(prepared.known.requests, prepared.known.money, "")
    currencies = sorted({service.price.currency for service in prepared.services if service.price})
    if len(currencies) > 1:
        raise HelderError(
            f"The prices are in {' and '.join(currencies)}.", "A budget is kept in one currency.", "Give all in one."
        )
    asks = sys.stdin.isatty() and not options["consent"]
    requests, money = options["most_requests"], options["most_money"]
    if requests is None and asks:
        requests = click.prompt("At most how many requests", type=click.IntRange(0), default=2 * open_, err=True)
    if money is None and asks and currencies:
        money = click.prompt(f"At most how much money ({currencies[0]})", type=click.FloatRange(0), err=True)
    if requests is None or (money is None and currencies):
        raise HelderError(
            "There is no budget.",
            f"{open_:,} requests would be sent, and faults would add to them.",
            f"Say how much may be spent: --most-requests {2 * open_} --most-money AMOUNT",
            ExitCode.REFUSED,
        )
    if unpriced := [service.name for service in prepared.services if service.price is None and money is not None]:
        raise HelderError(
            f"No price of {unpriced[0]} is given, so that a budget in money cannot be kept.",
            "Prices change and are not shipped.",
            f"In the file of --services:  [{unpriced[0]}]  price = {{ input = …, output = … }}, for a million tokens; "
            "0 where nothing is charged. Or leave --most-money out.",
        )
    _consent(prepared, options["consent"], asks, open_)
    return Limits(requests, float("inf") if money is None else money, currencies[0] if currencies else "")


def _consent(prepared: Prepared, given: str | None, asks: bool, open_: int) -> None:
    """Raises: HelderError: code 5, what would leave was not agreed to."""
    digest = prepared.leaving.digest
    if given and len(given) >= SHORTEST_CONSENT and digest.startswith(given.lower()):
        return
    hosts = ", ".join(sorted({service.host for service in prepared.services}))
    if asks and click.confirm(f"Send {open_:,} requests to {hosts}", err=True):
        return
    wrong = given and not digest.startswith(given.lower())
    raise HelderError(
        f"{open_:,} requests to {hosts} were not agreed to, and nothing was sent.",
        f"The list that {given} agrees to is another one." if wrong else "",
        f"Read {prepared.folder / 'leaving.jsonl'}; if all of it may leave: --consent {digest[:SHORTEST_CONSENT]}",
        ExitCode.REFUSED,
    )


def tables(found: dict[str, Any]) -> str:
    """Who was right how often, and what each took."""
    from helder.report.comparison import COLUMNS, columns

    sets = [one["name"] for one in found["sets"]]
    rows, took = [], []
    for one in found["subjects"]:
        shares = {row["test_set"]: row for row in one["results"]}
        cells = [f"{shares[name]['value']:.3f} ({shares[name]['low']:.3f}-{shares[name]['high']:.3f})" for name in sets]
        rows.append([one["name"], *cells, one["prompt"], "yes" if one["held_to_form"] else "no"])
        took.append([one["name"], *columns(one)])
    items = ", ".join(f"{one['compared']} in {one['name']}" for one in found["sets"])
    right = talk.table(rows, ["", *(f"{name}: right" for name in sets), "asked with", "held to form"])
    note = f"Shares with {found['confidence']:.0%} intervals. Items: {items}."
    if found["label"]:
        note += f" Answers of services: {found['label']}."
    return f"{right}\n{note}\n\n{talk.table(took, ['', *COLUMNS])}"
