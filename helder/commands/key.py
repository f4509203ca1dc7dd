"""`helder key`: make, show, rotate, back up, restore and trust the keys that sign statements."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from helder.commands import talk

if TYPE_CHECKING:
    from helder.ledger.keys import PublicKey

LARGEST = 1_000_000  # bytes of a file with a key or a passphrase; assumption: no such file has more

name_option = click.option("--name", help="A further key instead of the machine's own.")
passphrase_option = click.option(
    "--passphrase-file",
    type=click.Path(path_type=Path),
    help="Take the passphrase from the first line of this file; without it, it is asked for.",
)
file_argument = click.argument("file", type=click.Path(path_type=Path))


@click.group()
def key() -> None:
    """Make, show, rotate, back up and trust the keys that sign."""


@key.command()
@name_option
@talk.json_option
def new(name: str | None, as_json: bool) -> None:
    """Make a key, if there is none yet.

    The machine's own key is also made by the first run. With --name, each of several people can have a key.
    """
    from helder.ledger import keys

    signing, made = keys.make(name or keys.OWN)
    file = keys.key_file(name or keys.OWN)
    if as_json:
        talk.data({"made": made, **facts(signing.public, file), "name": name or keys.OWN})
        return
    talk.say("Made:" if made else "There is one already, nothing was made:")
    click.echo(table(signing.public, file))


@key.command()
@talk.json_option
def show(as_json: bool) -> None:
    """Show the keys of this machine and the keys that it trusts; makes none."""
    from helder.ledger import keys

    folder = keys.keys_folder()
    own = keys.own_keys(folder)
    retired = [read(path) for path in sorted((folder / "retired").glob("*.pub.pem"))]
    rotations = keys.rotations(folder)
    trusted = [(path, read(path)) for path in sorted((folder / "trusted").glob("*.pem"))]
    private = {one.id: keys.retired_file(one, folder) for one in retired}
    if as_json:
        talk.data(
            {
                "keys": [{"name": name, **facts(one.public, keys.key_file(name))} for name, one in own.items()],
                "retired": [facts(one, private[one.id] if private[one.id].exists() else None) for one in retired],
                "rotations": [
                    {"old": said.old, "new": said.new, "reason": said.reason, "file": str(said.path)}
                    for said in rotations
                ],
                "trusted": [facts(one, path) for path, one in trusted],
            }
        )
        return
    if not own:
        talk.say("No key yet. The first run makes one, or: helder key new")
    for name, one in own.items():
        click.echo(f"{name}\n{table(one.public, keys.key_file(name))}")
    for said in rotations:
        click.echo(f"{said.old[:12]} was followed by {said.new[:12]} ({said.reason}); for others: {said.path}")
    for gone in retired:
        kept = f"its private half is {private[gone.id]}" if private[gone.id].exists() else "no private half"
        click.echo(f"retired, still believed: {gone.id[:12]}; {kept}")
    if trusted:
        click.echo("\n" + talk.table([[one.fingerprint, str(path)] for path, one in trusted], ["trusted", "file"]))


@key.command()
@name_option
@click.option("--reason", default="planned", show_default=True, help="Why, in words; it is signed and handed out.")
@click.option("--destroy", is_flag=True, help="Do not keep the old private key.")
@talk.json_option
def rotate(name: str | None, reason: str, destroy: bool, as_json: bool) -> None:
    """Put a new key in the place of the old one.

    The old key signs a statement that names its successor: whoever trusts the old key believes the new one after
    `helder key trust` with that statement. What the old key signed stays believed.
    """
    from helder.ledger import keys

    if not keys.key_file(name or keys.OWN).exists():
        from helder.errors import HelderError

        wanted = f" --name {name}" if name else ""
        raise HelderError("There is no key to rotate.", fix=f"helder key new{wanted}")
    signing, rotation, kept = keys.rotate(reason, destroy=destroy, name=name or keys.OWN)
    file = keys.key_file(name or keys.OWN)
    if as_json:
        talk.data(
            {
                "old": rotation.old,
                "reason": rotation.reason,
                "rotation": str(rotation.path),
                "kept": str(kept) if kept else None,
                **facts(signing.public, file),
            }
        )
        return
    talk.say(f"{rotation.old[:12]} is retired; its private half is {f'kept in {kept}' if kept else 'destroyed'}.")
    talk.say(f"For those who trust it: {rotation.path}")
    talk.say("A backup of the old key does not hold the new one: helder key backup FILE")
    click.echo(table(signing.public, file))


@key.command()
@file_argument
@name_option
@passphrase_option
@talk.json_option
def backup(file: Path, name: str | None, passphrase_file: Path | None, as_json: bool) -> None:
    """Write the private key to FILE, encrypted under a passphrase (PKCS#8); never over another file."""
    from helder.errors import HelderError
    from helder.ledger import key_backup, keys

    if file.exists() or file.is_symlink():  # said before the passphrase is asked for; and again when it is written
        raise key_backup.occupied(file)
    if not keys.key_file(name or keys.OWN).exists():
        raise HelderError("There is no key to back up.", fix="helder key new")
    signing = keys.signing_key(name=name or keys.OWN)
    data = key_backup.encrypt(signing, passphrase(passphrase_file, confirm=True))
    key_backup.write(file, data)
    if as_json:
        talk.data(facts(signing.public, file))
        return
    talk.say("Written. Keep it apart from the passphrase; without that, nobody can open it.")
    click.echo(str(file))


@key.command()
@file_argument
@name_option
@passphrase_option
@talk.json_option
def restore(file: Path, name: str | None, passphrase_file: Path | None, as_json: bool) -> None:
    """Take a private key back from the backup FILE; never over another key."""
    from helder.errors import HelderError
    from helder.ledger import key_backup, keys

    path, data = keys.key_file(name or keys.OWN), contents(file)
    restored = key_backup.decrypt(data, passphrase(passphrase_file), str(file))
    made = keys.place(restored, path)
    there = keys.signing_key(name=name or keys.OWN)
    if there.public.id != restored.public.id:
        raise HelderError(
            f"There is another key in {path} ({there.public.id[:12]}); it was left as it is.",
            fix="Restore under another name with --name, or move that file away first.",
        )
    if as_json:
        talk.data({"restored": made, **facts(restored.public, path)})
        return
    talk.say("Restored:" if made else "The key is there already:")
    click.echo(table(restored.public, path))


@key.command()
@file_argument
@talk.json_option
def trust(file: Path, as_json: bool) -> None:
    """Believe what the key in FILE signs.

    FILE is a public key in PEM form; compare the fingerprint with its owner, by telephone for example. Or it is the
    rotation statement of a key that is believed already; then its successor is believed.
    """
    from helder.errors import HelderError
    from helder.ledger import keys

    data, known = contents(file), keys.known_keys()
    if data.lstrip().startswith(b"{"):
        said = keys.read_rotation(data, str(file))
        found = keys.successors(known, [data]) or [one for one in known if one.id == said.new]
    else:
        found = [keys.PublicKey.from_pem(data, str(file))]
    if not found:
        raise HelderError(
            f"{file} retires a key that this machine does not believe.",
            "It could come from anybody.",
            "Take up the old key first, or the new one itself, after comparing its fingerprint with its owner.",
        )
    one, added = found[0], found[0].id not in {key.id for key in known}
    if added:
        keys.trust(one)
    if as_json:
        talk.data({"added": added, **facts(one, keys.trusted_file(one) if added else None)})
        return
    talk.say("Believed from now on:" if added else "Believed already, nothing was changed:")
    click.echo(table(one, keys.trusted_file(one) if added else None))


def facts(one: PublicKey, file: Path | None) -> dict[str, Any]:
    """What is known of a key, as JSON."""
    return {
        "id": one.id,
        "fingerprint": one.fingerprint,
        "file": str(file) if file else None,
        "pem": one.to_pem().decode("ascii"),
    }


def table(one: PublicKey, file: Path | None) -> str:
    """What is known of a key, for people."""
    rows = [["id", one.id], ["fingerprint", one.fingerprint], *([["file", str(file)]] if file else [])]
    return talk.table(rows, ["what", "found"]) + "\n\n" + one.to_pem().decode("ascii")


def read(path: Path) -> PublicKey:
    from helder.ledger.keys import PublicKey

    return PublicKey.from_pem(path.read_bytes(), str(path))


def contents(file: Path) -> bytes:
    """The bytes of a small file."""
    from helder.errors import HelderError

    try:
        with file.open("rb") as stream:
            data = stream.read(LARGEST + 1)
    except OSError as error:
        raise HelderError(f"{file} cannot be read.", str(error), "Check the name.") from error
    if len(data) > LARGEST:
        raise HelderError(f"{file} is too large for what it should be.", f"It has more than {LARGEST:,} bytes.")
    return data


def passphrase(file: Path | None, confirm: bool = False) -> str:
    """The passphrase from a file's first line, or from the person at the terminal, unseen."""
    from helder.errors import HelderError

    if file is None:
        if not sys.stdin.isatty():
            raise HelderError("A passphrase is needed, and nobody can be asked.", fix="Name a --passphrase-file.")
        return str(click.prompt("Passphrase", hide_input=True, confirmation_prompt=confirm, err=True))
    try:
        lines = contents(file).decode("utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise HelderError(f"The passphrase in {file} is not UTF-8.", str(error)) from error
    if not lines or not lines[0]:
        raise HelderError(f"There is no passphrase in {file}.", "Its first line is empty.")
    return lines[0]
