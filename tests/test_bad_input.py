"""Bad input through the command line: what, why and the way out, the right exit code, and nothing half-written.

What each reader says is tested beside it; here it comes out at the end, where a person meets it.
"""

from __future__ import annotations

import json
import struct
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gguf
import pytest
from safetensors.numpy import load_file, save_file

from helder.commands import group
from helder.errors import ExitCode, HelderError
from helder.model import families
from tests import fake_project
from tests.model import small, test_importer

RECIPE = """\
name = "meldingen"
purpose = "Melding van een bewoner → afdeling."

[data]
train = "meldingen.csv"
input = "melding"
output = "afdeling"

[base]
model = "tiny"

[train]
steps = 2
"""
ROWS = [(f"gat in de weg {number}", "Wegen") for number in range(8)] + [(f"boom {n} om", "Groen") for n in range(8)]
CSV = "melding;afdeling\n" + "".join(f"{text};{label}\n" for text, label in ROWS)


@pytest.fixture
def project(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of one's own with the true data stage; all later stages are tiny."""
    fake_project.use_tiny_stages(monkeypatch, home, true=("data",))
    folder = tmp_path / "melding"
    folder.mkdir()
    (folder / "recipe.toml").write_text(RECIPE, encoding="utf-8")
    (folder / "meldingen.csv").write_text(CSV, encoding="utf-8")
    return folder


def recipe(old: str, new: str) -> Callable[[Path], None]:
    """Change the recipe."""

    def change(folder: Path) -> None:
        assert old in RECIPE
        (folder / "recipe.toml").write_text(RECIPE.replace(old, new), encoding="utf-8")

    return change


def data(content: str | bytes) -> Callable[[Path], None]:
    """Other data."""

    def change(folder: Path) -> None:
        raw = content if isinstance(content, bytes) else content.encode("utf-8")
        (folder / "meldingen.csv").write_bytes(raw)

    return change


def told(capfd: pytest.CaptureFixture[str], arguments: list[str], code: int = ExitCode.USER) -> dict[str, Any]:
    """The error of a command line that has to fail: {what, why, fix}."""
    assert group.call([*arguments, "--json"]) == code
    captured = capfd.readouterr()
    assert captured.out == ""
    errors = [record for line in captured.err.splitlines() if (record := json.loads(line))["event"] == "error"]
    assert len(errors) == 1
    assert errors[0]["code"] == code
    assert errors[0]["fix"]
    return dict(errors[0])


def half_written(folder: Path) -> list[Path]:
    """What a run that failed at its first stage may not have left: outputs, artifacts, statements about them."""
    run = folder / "run"
    found = [path for path in run.rglob("*") if path.is_file()]
    kept = {run / ".lock", run / "ledger" / "001-base.json", run / "logs" / "data.log"}
    return [path for path in found if path not in kept and path.name != "job.json"]


def test_a_good_project_runs(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert group.call(["run", str(project)]) == ExitCode.DONE, capfd.readouterr().err


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (recipe("train =", "trian ="), "line 5: there is no key `data.trian`. Did you mean `data.train`?"),
        (recipe("steps = 2", 'steps = "veel"'), 'line 13: `train.steps` is "veel"; it has to be a whole number.'),
        (recipe("meldingen.csv", "melding.csv"), "melding.csv, which does not exist. Did you mean meldingen.csv?"),
        (recipe('"afdeling"', '"afdelng"'), "meldingen.csv has no column 'afdelng'"),
        (recipe('"afdeling"', '"afdeling"\nlabels = ["Wegen", "Groen", "Sport"]'), "'Sport' is without a training"),
        (data(""), "meldingen.csv is empty"),
        (data("melding;afdeling\n"), "meldingen.csv holds no records"),
        (data(CSV.replace("weg 3;", "weg; 3;")), "meldingen.csv, line 5: 3 fields where the heading has 2"),
        (data(CSV.replace("boom 0", '"boom 0')), "meldingen.csv, line 10: the record that begins here cannot be read"),
        (data(b"\x7fELF\x02\x01\x01\0\0\xff" * 99), "meldingen.csv is not a text file"),
        (data(b"PK\x03\x04" + bytes(range(256))), "meldingen.csv is not a text file"),
    ],
    ids=["key", "type", "file", "column", "label", "empty", "heading", "fields", "quote", "binary", "spreadsheet"],
)
def test_a_project_that_cannot_be_run(
    project: Path, capfd: pytest.CaptureFixture[str], change: Callable[[Path], None], what: str
) -> None:
    change(project)
    for verb in ("plan", "run"):
        assert what in told(capfd, [verb, str(project)])["what"]
        assert half_written(project) == []


def cut_gguf(folder: Path) -> Path:
    """The beginning of a GGUF file: version 3, one tensor and no settings announced, and then nothing."""
    path = folder / "cut.gguf"
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 1, 0))
    return path


def lying_safetensors(folder: Path) -> Path:
    """A model whose safetensors file claims a header longer than itself."""
    made = small.make(folder / "lying")
    with (made / "model.safetensors").open("r+b") as stream:
        stream.write(struct.pack("<Q", 1 << 40))
    return made


NORM = "model.norm.weight"


def tensors(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], Path]:
    """A model folder with other tensors than its config.json says."""

    def make(folder: Path) -> Path:
        made = small.make(folder / "other")
        found = {name: array.copy() for name, array in load_file(made / "model.safetensors").items()}
        change(found)
        save_file(found, made / "model.safetensors")
        return made

    return make


def settings(**keys: Any) -> Callable[[Path], Path]:
    """A model folder with other settings than its tensors have."""
    return lambda folder: small.make(folder / "other", **keys)


def larger_tokenizer(folder: Path) -> Path:
    """A model folder with the tokenizer of another model."""
    made = small.make(folder / "other")
    small.write_json(made / "tokenizer.json", small.tokenizer_json(vocabulary=330))
    return made


def gguf_file(
    change: Callable[[dict[str, Any]], object] = lambda tensors: None, architecture: str = "llama", tokens: int = 320
) -> Callable[[Path], Path]:
    """A GGUF file with these tensors, of this architecture, with so many tokens."""

    def make(folder: Path) -> Path:
        record = small.tokenizer_json()
        words = sorted(record["model"]["vocab"], key=record["model"]["vocab"].__getitem__)
        words += [f"more{number}" for number in range(tokens - len(words))]
        found = small.weights(320)
        change(found)
        writer = gguf.GGUFWriter(folder / "other.gguf", architecture)
        writer.add_context_length(256)
        writer.add_embedding_length(small.WIDTH)
        writer.add_block_count(small.LAYERS)
        writer.add_feed_forward_length(small.FEED_FORWARD)
        writer.add_head_count(small.HEADS)
        writer.add_head_count_kv(small.KV_HEADS)
        writer.add_layer_norm_rms_eps(1e-5)
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre("smollm")
        writer.add_token_list(words)
        writer.add_token_types([3] * 3 + [1] * (len(words) - 3))
        writer.add_token_merges([" ".join(merge) for merge in record["model"]["merges"]])
        for name, array in sorted(found.items()):
            writer.add_tensor(name if name == "more.weight" else families.LLAMA.to_gguf_name(name), array)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        return folder / "other.gguf"

    return make


MODELS: dict[str, tuple[Callable[[Path], Path], str, str]] = {
    "cut": (cut_gguf, "cut.gguf is cut short", "ends within"),
    "lying": (lying_safetensors, "model.safetensors is damaged", "claims a header of 1099511627776 bytes"),
    "missing": (tensors(lambda t: t.pop(NORM)), "tensors in other do not fit its settings", f"{NORM} is missing"),
    "extra": (
        tensors(lambda t: t.update({"model.layers.0.mlp.up_proj.bias": t[NORM]})),
        "tensors in other do not fit its settings",
        "model.layers.0.mlp.up_proj.bias is not part of this architecture",
    ),
    "shape": (
        tensors(lambda t: t.update({NORM: t[NORM][:3]})),
        "tensors in other do not fit its settings",
        f"{NORM} is [3] and should be [64]",
    ),
    "rows": (
        settings(vocab_size=400),
        "tensors in other do not fit its settings",
        "model.embed_tokens.weight is [320, 64] and should be [400, 64]",
    ),
    "architecture": (
        settings(architectures=["Gemma3ForCausalLM"]),
        "The architecture Gemma3ForCausalLM is not supported",
        "Supported: LlamaForCausalLM, Olmo2ForCausalLM, Qwen2ForCausalLM.",
    ),
    "tokenizer": (larger_tokenizer, "tokenizer of other does not fit", "It has 330 tokens and the embedding 320 rows."),
    "gguf missing": (
        gguf_file(lambda t: t.pop(NORM)),
        "tensors in other.gguf do not fit its settings",
        "output_norm.weight is missing",
    ),
    "gguf extra": (
        gguf_file(lambda t: t.update({"more.weight": t[NORM]})),
        "has a tensor more.weight that a model of the llama family does not have",
        "has parts that Helder's transformer has not",
    ),
    "gguf shape": (
        gguf_file(lambda t: t.update({NORM: t[NORM][:3]})),
        "tensors in other.gguf do not fit its settings",
        "output_norm.weight is [3] and should be [64]",
    ),
    "gguf architecture": (
        gguf_file(architecture="gemma3"),
        "The architecture gemma3 is not supported",
        "Supported: llama, olmo2, qwen2.",
    ),
    "gguf tokenizer": (
        gguf_file(tokens=330),
        "tokenizer of other.gguf does not fit its weights",
        "It has 330 tokens and the embedding 320 rows.",
    ),
    "template": (
        settings(template="{% for m in messages %}{{ m.role ~ ': ' ~ m.content }}{% endfor %}"),
        "chat template of this model is not a known one",
        "For a question, from character 1 on, the template writes 'user: Is 2",
    ),
    "attack": (
        settings(template="{% for a in range(9) %}{{ cycler.__init__.__globals__.os.system('id') }}{% endfor %}"),
        "chat template of this model is not a known one",
        "'__init__' of 'Undefined' object is unsafe",
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_model_that_cannot_be_imported(tmp_path: Path, name: str) -> None:
    make, what, why = MODELS[name]
    with pytest.raises(HelderError) as caught:
        test_importer.run(make(tmp_path), tmp_path / "made")
    assert what in caught.value.what
    assert why in caught.value.why
    assert caught.value.fix
    assert caught.value.code == ExitCode.USER


# Each of these is a process that loads torch: one for each way in which an import can fail is enough.
@pytest.mark.parametrize("name", ["cut", "lying", "missing", "gguf tokenizer", "attack"])
def test_a_model_that_cannot_be_imported_leaves_nothing(
    tmp_path: Path, home: Path, capfd: pytest.CaptureFixture[str], name: str
) -> None:
    make, what, why = MODELS[name]
    error = told(capfd, ["model", "import", str(make(tmp_path))])
    assert what in error["what"]
    assert why in error["why"]
    assert {path.name for path in (home / "models").rglob("*") if path.is_file()} == {".lock", "base.log"}
    assert group.call(["model", "list", "--json"]) == ExitCode.DONE
    assert json.loads(capfd.readouterr().out) == []


# -- the machine says no: a disk that is full, a folder that cannot be written -------------------------------------


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, 256 KiB; only root can make one."""
    place = tmp_path / "disk"
    place.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)], capture_output=True, check=False
    )
    if made.returncode != 0:
        pytest.skip("only root can mount a file system; the errors themselves are tested in test_stage.py")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def move(project: Path, disk: Path) -> Path:
    """The same project on the small disk."""
    there = disk / project.name
    there.mkdir()
    for path in project.iterdir():
        (there / path.name).write_bytes(path.read_bytes())
    return there


def test_a_disk_that_is_full_and_then_is_not(project: Path, disk: Path, capfd: pytest.CaptureFixture[str]) -> None:
    there = move(project, disk)
    filler = disk / "filler"
    with pytest.raises(OSError, match="No space"), filler.open("wb", buffering=0) as stream:
        while stream.write(b"\0" * 4096):
            pass
    assert "disk is full" in told(capfd, ["run", str(there)])["what"]
    assert "could not be written" in told(capfd, ["new", str(disk / "new")])["what"]
    assert half_written(there) == []
    assert list((disk / "new").glob("*")) == []
    filler.unlink()
    assert group.call(["run", str(there)]) == ExitCode.DONE, capfd.readouterr().err


def test_a_folder_that_is_read_only(project: Path, disk: Path, capfd: pytest.CaptureFixture[str]) -> None:
    there = move(project, disk)
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    for verb in ("plan", "run"):
        assert "may not write" in told(capfd, [verb, str(there)])["what"]
    assert "could not be written" in told(capfd, ["new", str(disk / "new")])["what"]
    assert half_written(there) == []
