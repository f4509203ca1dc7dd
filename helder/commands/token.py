"""`helder token`: who may ask a server of this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from helder.commands import talk

if TYPE_CHECKING:
    from helder.serve.tokens import Role

ROLES = ("ask", "log", "admin")


@click.group()
def token() -> None:
    """Make, list and revoke the tokens with which programs and people ask `helder serve`."""


@token.command()
@click.argument("name")
@click.option("--role", "roles", multiple=True, type=click.Choice(ROLES), help="What it may do; default: ask.")
@click.option("--rate", metavar="N/PERIOD", help="Requests in a short time, such as 60/min; default: no limit.")
@click.option("--quota", metavar="N/PERIOD", help="Requests of a day or hour (UTC), such as 1000/day.")
@talk.json_option
def make(name: str, roles: tuple[Role, ...], rate: str | None, quota: str | None, as_json: bool) -> None:
    """Make the token NAME and show it, once: only its digest is kept.

    \b
    ask    ask the model, and trace texts
    log    see the log of all answers
    admin  what only the owner of a server may do

    PERIOD is s, min, hour or day. A server that runs already knows it at once.
    """
    from helder.serve.tokens import Allowance, Tokens

    tokens = Tokens()
    made = tokens.make(
        name,
        roles or ("ask",),
        None if rate is None else Allowance.read(rate, "rate"),
        None if quota is None else Allowance.read(quota, "quota"),
    )
    if as_json:
        known = tokens.named(name)
        talk.data({"token": made, **(known.to_json() if known else {})})
        return
    talk.say(f"The token {name}, shown once:")
    click.echo(made)


@token.command(name="list")
@talk.json_option
def list_(as_json: bool) -> None:
    """List the tokens: names, what they may do, since when."""
    from helder.serve.tokens import Tokens

    found = Tokens().all()
    if as_json:
        talk.data([one.to_json() for one in found])
        return
    if not found:
        talk.say("There is none. Make one: helder token make NAME")
        return
    rows = [
        [one.name, ", ".join(one.roles), str(one.rate or "–"), str(one.quota or "–"), one.made, one.sha256[:12]]
        for one in found
    ]
    click.echo(talk.table(rows, ["name", "may", "rate", "quota", "made", "SHA-256"]))


@token.command()
@click.argument("name")
@talk.json_option
def revoke(name: str, as_json: bool) -> None:
    """Revoke the token NAME: the next request with it is refused."""
    from helder.serve.tokens import Tokens

    Tokens().revoke(name)
    if as_json:
        talk.data({"revoked": name})
    else:
        talk.say(f"Revoked: {name}")
