"""`helder plan --on`: what the trainings of a project would take on machines that are not here."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from helder.commands import talk
from helder.errors import HelderError

if TYPE_CHECKING:
    from helder.fleet.estimate import Estimate
    from helder.project import Project


def show(project: Project, machines: str, as_json: bool, more: Sequence[str] = ()) -> None:
    """Print the plan of a project on other machines.

    Args:
        more: sentences to show beside it.

    Raises:
        HelderError: no such machines, or what the project trains cannot be counted.
    """
    from helder.fleet.estimate import estimate
    from helder.fleet.machines import parse
    from helder.fleet.works import filled_in, works_of

    fleet = parse(machines)
    planned, notes = works_of(project, "cpu" if fleet.machine.is_cpu else "cuda")
    notes = [*more, *notes]
    made = [estimate(one.work, fleet) for one in planned]
    settings = [filled_in(plan, max(1, round(one.steps))) for plan, one in zip(planned, made, strict=True)]
    if as_json:
        stages = [{**one.to_json(), "settings": used} for one, used in zip(made, settings, strict=True)]
        talk.data({"machines": str(fleet), "machine": fleet.machine.title, "stages": stages, "notes": notes})
        return
    click.echo(fleet_table(made))
    amounts = [amount(one) for one in made]
    resolved = [settings_line(one.work.name, used) for one, used in zip(made, settings, strict=True) if used]
    advice = [f"{one.work.name}: {sentence}" for one in made for sentence in one.advice]
    assumed = dict.fromkeys(sentence for one in made for sentence in one.assumptions)
    click.echo("\n" + "\n".join([*amounts, "", *resolved, "", *advice, *notes, *assumed]))


def show_published(name: str, machines: str | None, as_json: bool) -> None:
    """Print what a published way of training would take.

    Raises:
        HelderError: no such recipe, or no machines are named.
    """
    from helder.fleet import published

    project = published.find(name)
    if machines is None:
        raise HelderError(
            f"The data of {name} are not here, so that nothing can be probed.",
            "It can be planned on paper.",
            f"helder plan --published {name} --on 64xh100",
        )
    differs = [f"Not as published: {sentence}" for sentence in published.differences(project)]
    show(project, machines, as_json, [*differs, f"The source of every figure stands in {project.path}."])


# Settings that only say something for one objective, method or optimizer.
ONLY = {
    "packing": ("answers", "distil"),
    **dict.fromkeys(("beta", "length_normalised"), ("preference",)),
    **dict.fromkeys(("group", "answer_tokens", "temperature", "kl", "clip", "reuse", "verifier"), ("reward",)),
    **dict.fromkeys(("teacher_share", "teacher_temperature"), ("distil",)),
    "upper": ("upper",),
    **dict.fromkeys(("lora_rank", "lora_alpha"), ("lora",)),
    "muon_learning_rate": ("muon",),
}
HOW_LONG = ("batch_tokens", "batch_size", "epochs", "tokens")  # 0 when another one of them decides


def settings_line(name: str, settings: dict[str, Any]) -> str:
    """Every setting that a training would use, in one paragraph."""
    kinds = {settings["objective"], settings["method"], settings["optimizer"]}
    used = [
        f"{key} = {talk.setting(value)}"
        for key, value in settings.items()
        if kinds & set(ONLY.get(key, kinds)) and not (key in HOW_LONG and not value)
    ]
    return textwrap.fill(f"{name}: {', '.join(used)}.", 120, subsequent_indent="  ")


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
    if one.work.objective == "generate":
        return (
            f"{one.work.name}: {one.work.prompts_per_step:,} answers of {one.work.generated_tokens:,.0f} tokens, "
            f"{one.flops:.2g} FLOPs."
        )
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
