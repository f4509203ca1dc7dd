"""The systemd unit and the container: same limits, nothing unknown to systemd, and enough for the engine's room."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from helder.airgap import units
from helder.airgap.units import Limits
from helder.errors import HelderError

FINGERPRINT = "ab" * 32
UNDER = Path(__file__).parent / "seccomp_of.py"
# The worst exposure that `systemd-analyze security` (252) may find, of 10; it found 2.9 and 1.2.
WORST = {3: 3.0, 2: 1.5}

with_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not here")


def written(folder: Path, limits: Limits) -> Path:
    """A unit whose program is there, as systemd wants to see."""
    for name in ("helder", "python"):
        program = folder / "current" / "bin" / name
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text("#!/bin/sh\n", encoding="ascii")
        program.chmod(0o755)
    path = folder / "helder.service"
    path.write_text(units.unit("doses", folder, limits), encoding="utf-8")
    return path


@with_systemd
@pytest.mark.parametrize("seal", [3, 2])
def test_systemd_knows_every_line_and_finds_little_exposed(tmp_path: Path, seal: int) -> None:
    path = written(tmp_path, Limits(seal=seal))
    done = subprocess.run(["systemd-analyze", "verify", str(path)], capture_output=True, text=True)
    about_ours = [line for line in done.stderr.splitlines() if "helder.service" in line]
    assert done.returncode == 0 and about_ours == []
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(path)]
    done = subprocess.run(command, capture_output=True, text=True)
    if "offline" in done.stderr:
        pytest.skip("this systemd judges no file")
    found = re.search(r"Overall exposure level for helder.service: (\d+\.\d)", done.stdout)
    assert found is not None and float(found.group(1)) <= WORST[seal], done.stdout


@with_systemd
@pytest.mark.parametrize("seal", [3, 2])
def test_under_the_system_calls_of_the_unit_python_runs_and_rooms_are_made_at_level_3_alone(
    tmp_path: Path, seal: int
) -> None:
    bwrap, path = shutil.which("bwrap"), written(tmp_path, Limits(seal=seal))
    under = [sys.executable, str(UNDER), str(path)]
    probe = subprocess.run([*under, "/bin/true"], capture_output=True, text=True, timeout=60)
    if probe.returncode:
        pytest.skip(f"the filter cannot be tried here: {probe.stderr.strip()[-200:]}")
    imports = "import ctypes, numpy, llguidance, tokenizers, cryptography.hazmat.primitives.asymmetric.ec, xllamacpp"
    subprocess.run([*under, sys.executable, "-c", imports], check=True, capture_output=True, timeout=60)
    forbidden = "import ctypes, sys; sys.exit(ctypes.CDLL(None).ptrace(0, 0, 0, 0) != -1)"  # of a list for no level
    subprocess.run([*under, sys.executable, "-c", forbidden], check=True, timeout=60)
    if bwrap is None:
        return
    room = [
        bwrap,
        "--unshare-all",
        "--hostname",
        "room",
        "--ro-bind",
        "/",
        "/",
        "--proc",
        "/proc",
        "--dev",
        "/dev",
        "/bin/true",
    ]
    if subprocess.run(room, capture_output=True, timeout=60).returncode:
        return  # no rooms on this system at all
    assert (subprocess.run([*under, *room], capture_output=True, timeout=60).returncode == 0) is (seal == 3)


@pytest.mark.parametrize("seal", [3, 2])
def test_unit_and_container_have_the_same_limits(seal: int) -> None:
    limits = Limits(memory="3G", cpus=1.5, tasks=99, files=555, port=8123, seal=seal)
    unit = units.unit("doses", units.INTO, limits)
    container = units.container(FINGERPRINT, "3.11", "2.31", limits)
    run, build = container["helder.container"], container["Containerfile"]
    for line in ("MemoryMax=3G", "CPUQuota=150%", "TasksMax=99", "LimitNOFILE=555", "LimitCORE=0", "DynamicUser=yes"):
        assert f"\n{line}\n" in unit
    for words in ("--memory=3g", "--cpus=1.5", "--pids-limit=99", "--ulimit=nofile=555:555", "--ulimit=core=0:0"):
        assert words in run
    for line in ("ReadOnly=true", "NoNewPrivileges=true", "DropCapability=all", f"User={units.USER}"):
        assert f"\n{line}\n" in run
    for text in (unit, run):
        assert "\nIPAddressDeny=any\nIPAddressAllow=localhost\n" in text
    assert "--port 8123" in unit and '"--port", "8123"' in build
    assert ("RestrictNamespaces=yes" in unit) is (seal == 2) and ("Unmask=ALL" in run) is (seal == 3)


def test_the_container_is_built_without_a_network_and_runs_as_nobody() -> None:
    build = units.container(FINGERPRINT, "3.11", "2.31", Limits())["Containerfile"]
    steps = re.sub(r"\\\n\s*", "", build)
    runs = [line for line in steps.splitlines() if line.startswith("RUN")]
    assert runs and all("--network=none" in line for line in runs)
    assert FINGERPRINT in runs[0] and "readonly" in runs[0]
    assert not re.search(r"^(ADD|COPY)", steps, re.MULTILINE)
    assert steps.index("\nUSER 65532:65532\n") > steps.index(runs[-1])


@pytest.mark.parametrize("name", ["x\nExecStartPre=/bin/evil", "a\\\nb", "50% %n $HOME `id`", "", "\u202eevil"])
def test_a_models_name_cannot_become_a_line_of_the_unit(name: str) -> None:
    unit = units.unit(name, units.INTO, Limits())
    lines = unit.splitlines()
    assert lines[1].startswith("Description=") and lines[2].startswith("Documentation=")
    assert not set(lines[1]) & set("%$\\`\n") and len([line for line in lines if line.startswith("Exec")]) == 1


@pytest.mark.parametrize(
    "limits", [Limits(memory="4"), Limits(memory="1G\nX=1"), Limits(cpus=0), Limits(seal=1), Limits(port=0)]
)
def test_a_limit_that_is_none_is_refused(limits: Limits) -> None:
    with pytest.raises(HelderError):
        units.unit("doses", units.INTO, limits)


@pytest.mark.parametrize("into", ["relative", "/a b", "/opt/%n", "/opt/x\ny"])
def test_a_place_that_a_unit_cannot_name_is_refused(into: str) -> None:
    with pytest.raises(HelderError, match="cannot name"):
        units.unit("doses", Path(into), Limits())
