"""`helder plan --on`: what the trainings of a project would take on machines that are not here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from helder.commands import talk

if TYPE_CHECKING:
    from helder.fleet.estimate import Estimate
    from helder.project import Project


def show(project: Project, machines: str, as_json: bool) -> None:
    """Print the plan of a project on other machines.

    Raises:
        HelderError: no such machines, or what the project trains cannot be counted.
    """
    from helder.fleet.estimate import estimate
    from helder.fleet.machines import parse
    from helder.fleet.works import works_of

    fleet = parse(machines)
    works, notes = works_of(project)
    made = [estimate(work, fleet) for work in works]
    if as_json:
        stages = [one.to_json() for one in made]
        talk.data({"machines": str(fleet), "machine": fleet.machine.title, "stages": stages, "notes": notes})
        return
    click.echo(fleet_table(made))
    amounts = [amount(one) for one in made]
    advice = [f"{one.work.name}: {sentence}" for one in made for sentence in one.advice]
    assumed = dict.fromkeys(sentence for one in made for sentence in one.assumptions)
    click.echo("\n" + "\n".join([*amounts, *advice, *notes, *assumed]))


def fleet_table(made: list[Estimate]) -> str:
    """Estimates as a table, with their sum where there are several."""

    def cells(one: Estimate) -> list[str]:
        return [
            one.work.name,
            talk.duration(one.seconds),
            talk.duration(one.seconds_slowest),
            f"{one.tokens_per_second:,.0f}",
            f"{talk.size(one.memory.total)}{'' if one.fits else ' (!)'}",
            energy(one.joules),
            talk.size(one.disk),
            one.limit,
        ]

    lines = [cells(one) for one in made]
    if len(made) > 1:
        lines.append(
            [
                "all",
                talk.duration(sum(one.seconds for one in made)),
                talk.duration(sum(one.seconds_slowest for one in made)),
                "",
                talk.size(max(one.memory.total for one in made)),
                energy(sum(one.joules for one in made)),
                talk.size(sum(one.disk for one in made)),
                "",
            ]
        )
    on = f"on {made[0].fleet}, estimated"
    head = [on, "time", "as slow as others", "tokens/s", "memory a device", "energy", "disk", "limited by"]
    return talk.table(lines, head, right=(1, 2, 3, 4, 5, 6))


def amount(one: Estimate) -> str:
    """How much is learnt in a training, in one sentence."""
    many = f"{one.work.repeats} trainings of " if one.work.repeats > 1 else ""
    kept = {"none": "all kept", "selective": "half kept", "full": "made again"}[one.checkpointing]
    return (
        f"{one.work.name}: {many}{one.steps:,.0f} steps, {one.tokens:,.0f} tokens, {one.flops:.2g} FLOPs; "
        f"{one.busy} of {one.fleet.devices} devices busy with {one.sequences} sequences at once, activations {kept}."
    )


def energy(joules: float) -> str:
    """12.3 Wh, 4.56 kWh, 7.89 MWh."""
    hours = joules / 3600
    for unit in ("Wh", "kWh"):
        if hours < 1000:
            return f"{hours:.3g} {unit}"
        hours /= 1000
    return f"{hours:.3g} MWh"
