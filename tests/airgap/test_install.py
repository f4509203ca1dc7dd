"""Installing from a folder: all of it or nothing, and only what was signed, for this machine."""

from __future__ import annotations

import ast
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helder.airgap import install
from helder.airgap.install import Refused
from helder.commands import group
from helder.errors import ExitCode
from helder.ledger import keys
from helder.ledger.keys import SigningKey
from tests.airgap import sticks


def put(stick: Path, into: Path, key: SigningKey, **options: Any) -> Path:
    return install.install(stick, into, install.believe_fingerprint(key.public.id), lambda text: None, **options)


def refused(stick: Path, into: Path, key: SigningKey, **options: Any) -> Refused:
    """How it is refused; nothing is there afterwards that looks like an installation."""
    with pytest.raises(Refused) as caught:
        put(stick, into, key, **options)
    assert not (into / "current").exists()
    assert not into.exists() or not list(into.glob("releases/*"))
    return caught.value


def change(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def files(stick: Path) -> list[str]:
    return sorted(path.relative_to(stick).as_posix() for path in stick.rglob("*") if path.is_file())


def test_it_is_installed_verified_and_in_place_and_a_second_time_nothing_is_done_again(
    stick: Path, key: SigningKey, tmp_path: Path
) -> None:
    into = tmp_path / "helder"
    done = put(stick, into, key)
    assert (into / "current").resolve() == done.resolve()
    asked = subprocess.run([into / "current" / "bin" / "helder", "verify"], capture_output=True, check=True)
    assert json.loads(asked.stdout) == sticks.VERDICT
    assert (done / "model" / "certificate.html").read_bytes() == b"<p>a model</p>\n"
    assert not list(into.rglob("*.whl")) and not list(into.glob("releases/.*"))
    assert [path.name for path in (done / "venv" / "bin").iterdir() if not path.is_symlink()] == []
    before = (done / "installed.json").stat()
    assert put(stick, into, key) == done
    assert (done / "installed.json").stat().st_ino == before.st_ino
    moved = shutil.move(into, tmp_path / "elsewhere")  # what looks for itself by its own place can be moved
    subprocess.run([moved / "current" / "bin" / "helder", "verify"], capture_output=True, check=True)


def test_every_file_that_is_changed_is_named_and_nothing_is_installed(
    stick: Path, key: SigningKey, tmp_path: Path
) -> None:
    for name in files(stick):
        before = (stick / name).read_bytes()
        change(stick / name)
        error = refused(stick, tmp_path / "into", key)
        assert name in f"{error.what} {error.why}", name
        (stick / name).write_bytes(before)
    put(stick, tmp_path / "into", key)


def test_every_file_that_is_missing_is_named(stick: Path, key: SigningKey, tmp_path: Path) -> None:
    for name in files(stick):
        (stick / name).rename(tmp_path / "aside")
        error = refused(stick, tmp_path / "into", key)
        assert name in f"{error.what} {error.why}" or name.startswith("keys/"), name
        (tmp_path / "aside").rename(stick / name)


def as_link(stick: Path) -> str:
    (stick / "model" / "certificate.html").rename(stick.parent / "certificate.html")
    (stick / "model" / "certificate.html").symlink_to(stick.parent / "certificate.html")
    return "model/certificate.html"


def as_linked_folder(stick: Path) -> str:
    (stick / "model" / "artifacts").rename(stick.parent / "artifacts")
    (stick / "model" / "artifacts").symlink_to(stick.parent / "artifacts")
    return "model/artifacts"


def as_pipe(stick: Path) -> str:
    (stick / "wheels" / "helder-1.0-py3-none-any.whl").unlink()
    os.mkfifo(stick / "wheels" / "helder-1.0-py3-none-any.whl")
    return "wheels/helder-1.0-py3-none-any.whl"


def as_wheel_more(stick: Path) -> str:
    sticks.wheel(stick / "wheels", "pip", "99.0", __init__="")
    return "wheels/pip-99.0-py3-none-any.whl"


def as_longer(stick: Path) -> str:
    with (stick / "model" / "certificate.html").open("ab") as file:
        file.write(b"more")
    return "model/certificate.html"


@pytest.mark.parametrize("change_it", [as_link, as_linked_folder, as_pipe, as_wheel_more, as_longer])
def test_what_is_no_plain_file_of_the_list_is_named(
    stick: Path, key: SigningKey, tmp_path: Path, change_it: Callable[[Path], str]
) -> None:
    name = change_it(stick)
    error = refused(stick, tmp_path / "into", key)
    assert name in f"{error.what} {error.why}" and error.code == install.FAILED


@pytest.mark.parametrize("module", ["json.py", "base64.py", "platform/__init__.py", "venv.py", "sitecustomize.py"])
def test_a_module_beside_it_that_python_would_find_before_its_own_is_not_run(
    stick: Path, key: SigningKey, tmp_path: Path, module: str
) -> None:
    mark, place = tmp_path / "mark", stick / module
    place.parent.mkdir(exist_ok=True)
    place.write_text(f"open({str(mark)!r}, 'w')\n", encoding="utf-8")
    command = [sys.executable, str(stick / "install.py"), "--into", str(tmp_path / "into")]
    for where in (tmp_path, stick):
        done = subprocess.run([*command, "--fingerprint", key.public.id], capture_output=True, text=True, cwd=where)
        assert done.returncode == install.FAILED and module in done.stderr
    assert not mark.exists()


def test_a_million_files_too_many_take_no_longer_to_refuse(stick: Path, key: SigningKey, tmp_path: Path) -> None:
    (stick / "more").mkdir()
    for number in range(3 * install.MOST_STRANGE):
        (stick / "more" / str(number)).touch()
    assert len(list(install.walk(stick, set(files(stick)[:5])))) <= install.MOST_STRANGE + 6
    assert "not in the list" in refused(stick, tmp_path / "into", key).why


@pytest.mark.parametrize(
    "path", ["../outside", "/etc/passwd", "wheels/../../x", "a//b", "./a", "a\\b", "c:x", "", "a/./b", "new\nline"]
)
def test_a_path_that_leaves_the_folder_is_refused_though_it_is_signed(
    stick: Path, key: SigningKey, tmp_path: Path, path: str
) -> None:
    said = sticks.predicate_of(stick)
    said["files"].append({"path": path, "size": 0, "sha256": "0" * 64})
    sticks.sign(stick, key, said)
    assert "does not have the form" in refused(stick, tmp_path / "into", key).what


@pytest.mark.parametrize(
    "field, value",
    [
        ("pip", "wheels/none.whl"),
        ("wheels", [{"name": "x; touch y", "version": "1", "path": "install.py"}]),
        ("platform", {}),
        ("unpacked", "much"),
        ("model", {"name": "x", "release": "y", "keys": ["../k.pem"]}),
        ("files", [{"path": "a", "size": -1, "sha256": "0" * 64}]),
    ],
)
def test_a_list_of_another_form_is_refused_though_it_is_signed(
    stick: Path, key: SigningKey, tmp_path: Path, field: str, value: Any
) -> None:
    sticks.sign(stick, key, {**sticks.predicate_of(stick), field: value})
    assert "does not have the form" in refused(stick, tmp_path / "into", key).what


def test_names_that_a_stick_cannot_tell_apart_are_refused(stick: Path, key: SigningKey, tmp_path: Path) -> None:
    said = sticks.predicate_of(stick)
    said["files"].append({**said["files"][0], "path": said["files"][0]["path"].upper()})
    sticks.sign(stick, key, said)
    assert "twice" in refused(stick, tmp_path / "into", key).why


def test_another_key_is_not_believed_however_whole_its_folder_is(stick: Path, key: SigningKey, tmp_path: Path) -> None:
    other = SigningKey.generate()
    folder = sticks.write(tmp_path / "theirs", other)
    error = refused(folder, tmp_path / "into", key)
    assert error.code == install.FAILED and other.public.fingerprint in error.why
    (folder / f"keys/{key.public.id[:12]}.pem").write_bytes(key.public.to_pem())  # the right key lies there: no help
    assert "not signed by the key" in refused(folder, tmp_path / "into", key).what


def test_nobody_to_ask_and_no_fingerprint_is_could_not_be_checked(
    stick: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = subprocess.run(
        [sys.executable, str(stick / "install.py"), "--into", str(tmp_path / "into")],
        stdin=subprocess.DEVNULL, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == install.UNCHECKED and "--fingerprint" in done.stderr
    assert not (tmp_path / "into").exists()


def test_a_fingerprint_is_whole_or_it_is_none(stick: Path, key: SigningKey, tmp_path: Path) -> None:
    shown = install.open_list(stick).signers[0].fingerprint
    assert shown == key.public.fingerprint
    assert install.believe_fingerprint(shown.upper())(install.open_list(stick).signers).id == key.public.id
    for short in (key.public.id[:16], "", key.public.id + "0"):
        with pytest.raises(Refused, match="64"):
            install.believe_fingerprint(short)(install.open_list(stick).signers)


def test_check_alone_installs_nothing(stick: Path, key: SigningKey, tmp_path: Path) -> None:
    command = [sys.executable, str(stick / "install.py"), "--check", "--into", str(tmp_path / "into")]
    command += ["--fingerprint", key.public.fingerprint]
    assert subprocess.run(command, capture_output=True).returncode == 0
    assert not (tmp_path / "into").exists()
    change(stick / "model" / "certificate.html")
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == install.FAILED and "model/certificate.html" in done.stderr


@pytest.mark.parametrize(
    "changed, words",
    [
        ({"platform": {"machine": "riscv64", "glibc": "2.17", "glibc_for": "numpy"}}, "riscv64"),
        ({"platform": {"machine": None, "glibc": "99.1", "glibc_for": "numpy"}}, "glibc 99.1"),
        ({"python": "3.99"}, "CPython 3.99"),
        ({"unpacked": 1 << 60}, "no room"),
    ],
)
def test_another_machine_is_told_so_before_a_file_is_copied(
    stick: Path, key: SigningKey, tmp_path: Path, changed: dict[str, Any], words: str
) -> None:
    said = sticks.predicate_of(stick)
    if "platform" in changed:
        changed = {
            "platform": {
                **changed["platform"],
                "machine": changed["platform"]["machine"] or said["platform"]["machine"],
            }
        }
    sticks.sign(stick, key, {**said, **changed})
    error = refused(stick, tmp_path / "into", key)
    assert words in error.what and error.code == install.USER


def test_a_python_that_other_users_cannot_run_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "home" / "bin").mkdir(parents=True)
    (tmp_path / "home" / "bin" / "python").touch(mode=0o755)
    (tmp_path / "home").chmod(0o700)
    assert install.closed_to_others(tmp_path / "home" / "bin" / "python") == (tmp_path / "home").resolve()
    assert install.closed_to_others(Path("/bin/sh")) is None


def test_older_pythons_can_read_it_as_far_as_the_sentence_for_them() -> None:
    source = Path(install.__file__).read_text(encoding="utf-8")
    ast.parse(source, feature_version=(3, 7))
    before, _, rest = source.partition("if sys.version_info < (3, 11)")
    assert (
        "from __future__" not in source and before.count("\nimport ") == 1 and rest.lstrip(":").count("sys.exit(") >= 1
    )
    for name in ("python3.8", "python3.9", "python3.10"):
        if (python := shutil.which(name)) and not subprocess.run([python, "-V"], capture_output=True).returncode:
            done = subprocess.run([python, install.__file__], capture_output=True, text=True)
            assert done.returncode == 1 and "needs Python 3.11 or newer" in done.stderr


def test_a_model_that_is_another_one_leaves_nothing(key: SigningKey, tmp_path: Path) -> None:
    folder = sticks.write(tmp_path / "stick", key, helder={**sticks.VERDICT, "release_sha256": "cd" * 32})
    error = refused(folder, tmp_path / "into", key)
    assert "helder verify" in error.what and error.code == install.FAILED


@pytest.mark.parametrize(
    "printed, code, told",
    [
        ({**sticks.VERDICT, "result": "failed"}, 3, 3),
        ({**sticks.VERDICT, "result": "could not be checked"}, 4, 4),
        ({**sticks.VERDICT}, 1, 3),
        ("no JSON", 0, 3),
        ([], 0, 3),
        ({"result": "passed"}, 0, 3),
    ],
)
def test_only_a_verdict_of_passed_is_one(
    stick: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, printed: Any, code: int, told: int
) -> None:
    out = json.dumps(printed).encode() if printed != "no JSON" else b"no JSON"
    monkeypatch.setattr(install, "_run", lambda *a, **k: subprocess.CompletedProcess([], code, out, b"said"))
    with pytest.raises(Refused, match="helder verify") as caught:
        install.verify_model(tmp_path, sticks.predicate_of(stick), lambda text: None)
    assert caught.value.code == told


def test_a_newer_release_takes_the_place_of_an_older_one_and_not_the_other_way_round(
    stick: Path, key: SigningKey, tmp_path: Path
) -> None:
    into, newer = tmp_path / "into", Path(shutil.copytree(stick, tmp_path / "newer"))
    sticks.sign(newer, key, {**sticks.predicate_of(newer), "made": "2026-12-01T08:00:00Z"})
    first, second = put(stick, into, key), put(newer, into, key)
    assert first != second and (into / "current").resolve() == second.resolve() and first.is_dir()
    with pytest.raises(Refused, match="older"):
        put(stick, into, key)
    assert (into / "current").resolve() == second.resolve()
    assert put(stick, into, key, older=True) == first and (into / "current").resolve() == first.resolve()


def test_two_at_once_are_one_after_the_other(stick: Path, key: SigningKey, tmp_path: Path) -> None:
    with install._lock(tmp_path / "into"), pytest.raises(Refused, match="under way"):
        put(stick, tmp_path / "into", key)


def test_ended_or_killed_before_its_last_step_nothing_looks_installed_and_the_next_time_it_is(
    stick: Path, key: SigningKey, tmp_path: Path
) -> None:
    """A Helder that ends its installer, as a person or a power cut would, when everything else is done."""
    into = tmp_path / "into"
    for sent in (signal.SIGTERM, signal.SIGKILL):
        before = f"import os, time\nparent = os.getppid()\nos.kill(parent, {int(sent)})\n"
        before += "while os.getppid() == parent:\n    time.sleep(0.01)\n"
        folder = sticks.write(tmp_path / sent.name, key, before=before)
        command = [sys.executable, str(folder / "install.py"), "--into", str(into), "--fingerprint", key.public.id]
        done = subprocess.run(command, capture_output=True, timeout=300)
        assert done.returncode == (install.INTERRUPTED if sent == signal.SIGTERM else -sent)
        assert not (into / "current").exists()
        left = [path.name for path in (into / "releases").iterdir()]
        assert left == [] if sent == signal.SIGTERM else [name[-5:] for name in left] == [".part"]
    put(stick, into, key)
    assert [path.name for path in (into / "releases").iterdir()] == [(into / "current").resolve().name]


@pytest.mark.parametrize("step", [0, 1])
def test_interrupted_at_an_earlier_step_nothing_is_left(
    stick: Path, key: SigningKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    steps, run = iter(range(9)), install._run

    def interrupted(*arguments: Any, **more: Any) -> Any:
        if next(steps) == step:
            raise KeyboardInterrupt
        return run(*arguments, **more)

    monkeypatch.setattr(install, "_run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        put(stick, tmp_path / "into", key)
    assert list((tmp_path / "into" / "releases").iterdir()) == [] and not (tmp_path / "into" / "current").exists()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just("../x") | st.just("install.py"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_whatever_a_stranger_signs_is_read_or_refused_and_nothing_else(
    made: Path, key: SigningKey, data: st.DataObject
) -> None:
    """A list is read before anybody is asked about its key: its form is anybody's."""
    said: Any = sticks.predicate_of(made)
    place, field = said, data.draw(st.sampled_from(sorted(said)))
    while isinstance(place[field], dict | list) and place[field] and data.draw(st.booleans()):
        place = place[field]
        field = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
    place[field] = data.draw(JSON)
    files = data.draw(JSON) if data.draw(st.integers(0, 9)) == 0 else said["files"]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        shutil.copytree(made / "keys", folder / "keys")
        sticks.sign(folder, key, {**said, "files": files})
        try:
            install.open_list(folder)
        except Refused as error:
            assert error.code == install.FAILED


@given(st.integers(0), st.integers(1, 255))
@settings(max_examples=60, deadline=None)
def test_a_list_with_one_byte_changed_is_refused(made: Path, place: int, flip: int) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name in (*install.OUTSIDE, "keys"):
            (shutil.copytree if name == "keys" else shutil.copy)(made / name, folder / name)
        changed = bytearray((folder / install.LIST).read_bytes())
        changed[place % len(changed)] ^= flip
        (folder / install.LIST).write_bytes(changed)
        with pytest.raises(Refused):
            install.open_list(folder)


def test_the_verb_installs_what_a_believed_key_signed(
    stick: Path, key: SigningKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HELDER_HOME", str(tmp_path / "home"))
    command = ["bundle", "install", str(stick), "--into", str(tmp_path / "into"), "--json"]
    assert group.call(command) == ExitCode.UNCHECKED
    assert key.public.fingerprint in json.loads(capsys.readouterr().err.splitlines()[-1])["why"]
    keys.trust(key.public)
    assert group.call(command) == ExitCode.DONE
    assert Path(json.loads(capsys.readouterr().out)["current"]).resolve().is_dir()
    change(stick / "model" / "certificate.html")
    assert group.call(command) == ExitCode.DONE  # the same release is there, and what is there is verified
    assert group.call([*command[:3], "--into", str(tmp_path / "other")]) == ExitCode.FAILED
    assert "model/certificate.html" in capsys.readouterr().err


def test_the_verbs_print_a_unit_and_write_a_container(
    stick: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert group.call(["bundle", "unit", str(stick), "--memory", "3G"]) == ExitCode.DONE
    assert "\nMemoryMax=3G\n" in capsys.readouterr().out
    assert group.call(["bundle", "container", str(stick), "--out", str(tmp_path / "out")]) == ExitCode.DONE
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["Containerfile", "helder.container"]
    assert install.open_list(stick).signers[0].id in (tmp_path / "out" / "Containerfile").read_text(encoding="utf-8")
    assert group.call(["bundle", "container", str(stick), "--out", str(tmp_path / "out")]) == ExitCode.USER
    assert group.call(["bundle", "unit", str(stick), "--memory", "much"]) == ExitCode.USER
    assert group.call(["bundle", "unit", str(tmp_path)]) == ExitCode.FAILED
