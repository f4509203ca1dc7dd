"""Verifying where nothing of the makers is: a fresh environment with the light install only, and no network."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.certify.conftest import Certified
from tests.certify.mutations import change_byte
from tests.certify.test_tamper import linked

REPOSITORY = Path(__file__).parents[2]
PACKAGE = ("helder", "pyproject.toml", "README.md", "LICENSE", "NOTICE")
NO_NETWORK = ["unshare", "--net", "--map-root-user"]


@pytest.fixture(scope="module")
def light(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `helder` of an environment into which nothing but the light install went."""
    place = tmp_path_factory.mktemp("light")
    for name in PACKAGE:
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, place / "source" / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(source, place / "source" / name)
    python = place / "venv" / "bin" / "python"
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", str(place / "source")]
    for command in ([sys.executable, "-m", "venv", str(place / "venv")], install):
        subprocess.run(command, check=True, capture_output=True, timeout=600)
    found = subprocess.run([str(python), "-c", "import torch"], capture_output=True)
    assert found.returncode != 0, "torch is there: this is not the light install"
    return place / "venv" / "bin" / "helder"


@pytest.fixture(scope="module")
def no_network() -> list[str]:
    """What a command begins with that must not reach any network."""
    if shutil.which("unshare") is None or subprocess.run([*NO_NETWORK, "true"], capture_output=True).returncode:
        pytest.skip("this system gives no network namespace of its own (unshare --net)")
    return NO_NETWORK


def run(command: list[str], home: Path) -> tuple[int, dict[str, object]]:
    done = subprocess.run(
        [*command, "--json"], capture_output=True, timeout=300, env={"HOME": str(home), "PATH": "/usr/bin:/bin"}
    )
    assert done.stdout, done.stderr.decode()
    return done.returncode, json.loads(done.stdout)


@pytest.mark.slow
def test_a_second_machine_verifies_with_the_light_install_and_no_network(
    light: Path, no_network: list[str], certified: Certified, tmp_path: Path
) -> None:
    key = tmp_path / "their.pub.pem"
    key.write_bytes(certified.key.public.to_pem())
    verify = [*no_network, str(light), "verify"]
    code, verdict = run([*verify, str(certified.bundle), "--key", str(key)], tmp_path)
    assert (code, verdict["result"]) == (0, "passed")
    spoiled = linked(certified.bundle, tmp_path / "spoiled")
    change_byte("artifacts/train/model.safetensors")(spoiled)
    code, verdict = run([*verify, str(spoiled), "--key", str(key)], tmp_path)
    assert (code, verdict["result"]) == (3, "failed")
    code, verdict = run([*verify, str(certified.bundle)], tmp_path)
    assert (code, verdict["result"]) == (4, "could not be checked")
    code, verdict = run([*verify, str(certified.bundle), "--key", str(key), "--replay", "1"], tmp_path)
    assert (code, verdict["result"]) == (4, "could not be checked")
    assert "helder[train]" in json.dumps(verdict)
