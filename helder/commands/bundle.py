"""`helder bundle`: a folder for a machine without a network, and installing from it."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from helder.commands import talk
from helder.errors import ExitCode, HelderError

if TYPE_CHECKING:
    from helder.airgap.units import Limits

WHAT = ("serve", "all")
MOST_SHOWN = 4  # of the largest wheels
INTO = "/opt/helder"


def limited(command: Callable[..., None]) -> Callable[..., None]:
    """The options of what a served model may take."""
    options = [
        click.option("--memory", default="4G", show_default=True, help="Ended where it takes more: 512M, 4G."),
        click.option("--cpus", default=2.0, show_default=True, type=click.FloatRange(0.1), help="Processors."),
        click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535), help="On 127.0.0.1."),
        click.option("--seal", default=3, show_default=True, type=click.IntRange(2, 3), help="Level of its room."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@click.group()
def bundle() -> None:
    """Make a folder for a machine without a network; install from one."""


@bundle.command()
@click.argument("source", metavar="PROJECT_OR_BUNDLE", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The folder; copy it to a stick as it is.")
@click.option("--for", "what", type=click.Choice(WHAT), default="serve", show_default=True, help="all: training too.")
@click.option("--platform", help="The target, such as linux-aarch64 or manylinux_2_28_x86_64; default: as here.")
@click.option("--python", default="3.11", show_default=True, help="The target's Python.")
@click.option("--wheels", "given", type=click.Path(path_type=Path), help="Take the wheels that lie in this folder.")
@click.option("--lock", type=click.Path(path_type=Path), help="Exact versions; default: those installed here.")
@click.option("--key", "names", multiple=True, metavar="NAME", help="Sign with this key; several sign together.")
@click.option("--allow-network", is_flag=True, help="Allow pip to fetch wheels from the index that it is set to.")
@click.option("--policy", type=click.Path(path_type=Path), metavar="TOML", help="What `helder serve` demands there.")
@click.option("--service", is_flag=True, help="Also put in a systemd unit and a container file, see below.")
@limited
@talk.json_option
def make(
    source: Path,
    out: Path,
    what: str,
    platform: str | None,
    python: str,
    given: Path | None,
    lock: Path | None,
    names: tuple[str, ...],
    allow_network: bool,
    policy: Path | None,
    service: bool,
    memory: str,
    cpus: float,
    port: int,
    seal: int,
    as_json: bool,
) -> None:
    """Make one signed folder: wheels, model, certificate, documents, bill of materials, and what installs them.

    PROJECT_OR_BUNDLE is a project with a finished run, or what `helder certify` made of one. With --service, serve/ in
    it holds what `helder bundle unit` and `container` print; --memory, --cpus, --port and --seal are for these.
    """
    from helder.airgap import make as making
    from helder.airgap.target import Target
    from helder.ledger import keys

    target = Target.of(platform, python)
    signers = [keys.signing_key(name=name) for name in names]
    limits = _limits(memory, cpus, port, seal) if service else None
    with talk.events(as_json) as on_event:
        told = making.make(
            source, out, target, what=what, given=given, lock=lock, signers=signers, policy=policy, limits=limits,
            allow_network=allow_network, on_event=on_event,
        )  # fmt: skip
    if as_json:
        talk.data(told)
        return
    beside, largest = told["beside_the_model_bytes"], list(told["wheels"].items())[:MOST_SHOWN]
    shown = ", ".join(f"{name} {talk.size(size)}" for name, size in largest)
    click.echo(f"folder:      {told['folder']} ({told['files']} files, {talk.size(told['bytes'])})")
    click.echo(f"of these:    the model {talk.size(told['model_bytes'])}, beside it {talk.size(beside)} ({shown}, …)")
    needs = told["platform"]
    click.echo(f"for:         Linux {needs['machine']}, glibc {needs['glibc']} or newer, Python {needs['python']}")
    for fingerprint in told["fingerprints"]:
        click.echo(f"signed by:   {fingerprint}")
    click.echo(f"install.py:  SHA-256 {told['install_sha256']}")
    for path in told["larger_than_fat32"]:
        talk.say(f"{path} has more than 4 GiB: a stick with FAT32 cannot carry it, one with exFAT or ext4 can.")
    talk.say("Tell the fingerprint to whoever installs, by telephone. There:")
    click.echo("\npython3 install.py")


@bundle.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--into", type=click.Path(path_type=Path), help="Where to; default: helder in the home folder.")
@click.option("--key", "pem", type=click.Path(path_type=Path), help="Believe this public key (.pem).")
@click.option("--older", is_flag=True, help="Also when what is installed now was made later.")
@talk.json_option
def install(folder: Path, into: Path | None, pem: Path | None, older: bool, as_json: bool) -> None:
    """Install from FOLDER, as its install.py does, by the Helder that is here already.

    Its signature must be of --key, or of a key that this machine believes (`helder key trust`).
    """
    from helder.airgap import install as installer
    from helder.commands.key import contents
    from helder.ledger import keys

    believed = keys.believed() if pem is None else [keys.PublicKey.from_pem(contents(pem), str(pem))]
    ids = {key.id for key in believed}

    def believe(signers: list[installer.Key]) -> installer.Key:
        for key in signers:
            if key.id in ids:
                return key
        shown = "; ".join(key.fingerprint for key in signers)
        raise installer.Refused(
            "The folder is signed by nobody whom this machine believes.",
            f"It is signed by {shown}.",
            "Compare that with its owner, then: helder key trust, or name the owner's key with --key",
            installer.UNCHECKED,
        )

    place = into or Path.home() / "helder"
    try:
        done = installer.install(folder, place, believe, talk.say, older)
    except installer.Refused as error:
        raise HelderError(error.what, error.why, error.fix, ExitCode(error.code)) from error
    told: dict[str, Any] = {"installed": str(done), "current": str(place.absolute() / "current")}
    if as_json:
        talk.data(told)
        return
    click.echo(f"in place: {done}")
    helder = shlex.quote(f"{told['current']}/bin/helder")
    click.echo(f"\n{helder} serve {shlex.quote(told['current'] + '/model')}")


@bundle.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--into", type=click.Path(path_type=Path), default=INTO, show_default=True, help="Where it is installed.")
@limited
@talk.json_option
def unit(folder: Path, into: Path, memory: str, cpus: float, port: int, seal: int, as_json: bool) -> None:
    """Print a systemd unit that serves the model of FOLDER.

    FOLDER is what `helder bundle make` made, or INTO/current. The model answers on 127.0.0.1, as a user who owns
    nothing, on a read-only system. At --seal 3 the engine's room is made of namespaces; at --seal 2 the unit forbids
    them.
    """
    from helder.airgap import units

    said = _said(folder)
    text = units.unit(said["name"], into, _limits(memory, cpus, port, seal))
    talk.data({"helder.service": text}) if as_json else click.echo(text, nl=False)


@bundle.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Write the two files into this folder; default: print.")
@limited
@talk.json_option
def container(folder: Path, out: Path | None, memory: str, cpus: float, port: int, seal: int, as_json: bool) -> None:
    """Print a Containerfile that installs from FOLDER without a network, and a unit for podman that runs it."""
    from helder.airgap import install as installer
    from helder.airgap import units
    from helder.ledger.artifact import write_atomic

    said = _said(folder)
    glibc = said["platform"]["glibc"]
    limits = _limits(memory, cpus, port, seal)
    files = units.container(installer.open_list(folder).signers[0].id, said["python"], glibc, limits)
    for name, text in files.items() if out is not None else ():
        assert out is not None
        if (out / name).exists():
            raise HelderError(f"{out / name} is there already.", fix="Name another folder, or remove it.")
        write_atomic(out / name, text.encode("utf-8"))
    if as_json:
        talk.data(files)
    elif out is None:
        click.echo("\n".join(f"# ---- {name}\n{text}" for name, text in files.items()), nl=False)
    else:
        click.echo("\n".join(str(out / name) for name in files))


def _limits(memory: str, cpus: float, port: int, seal: int) -> Limits:
    from helder.airgap.units import Limits

    limits = Limits(memory=memory, cpus=cpus, port=port, seal=seal)
    limits.check()
    return limits


def _said(folder: Path) -> dict[str, Any]:
    """What a folder's signed list says; who is believed is not asked, since nothing of it is run."""
    from helder.airgap import install as installer

    try:
        return installer.open_list(folder).said
    except installer.Refused as error:
        raise HelderError(error.what, error.why, error.fix, ExitCode(error.code)) from error
