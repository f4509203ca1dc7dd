"""The stage "files": every format that was asked for, and a round trip that finds a file that is another model."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from helder.compress import gguf_writer, stage
from helder.errors import ExitCode, HelderError
from helder.ledger.artifact import hash_file
from tests.model import small

Imported = Callable[[str], Path]


def run(model: Path, data: Path, place: Path, formats: list[str]) -> Path:
    for name in ("output", "scratch"):
        (place / name).mkdir(parents=True)
    inputs = {"train": model, "data": data}
    stage.run({"formats": formats}, inputs, place / "output", place / "scratch", lambda event, **fields: None)
    return place / "output"


@pytest.mark.parametrize("family", sorted(small.FAMILIES))
def test_every_family_makes_the_round_trip(imported: Imported, data: Path, tmp_path: Path, family: str) -> None:
    made = run(imported(family), data, tmp_path / "run", ["f16"])
    record = json.loads((made / "files.json").read_text(encoding="utf-8"))
    assert record["round_trip"]["equal"] is True
    assert record["round_trip"]["prompts"] == len(small.TEXTS)
    assert record["round_trip"]["tokens"] > 0


def test_each_format_is_a_file_with_its_size_and_digest(imported: Imported, data: Path, tmp_path: Path) -> None:
    made = run(imported("llama"), data, tmp_path / "run", ["q8_0", "q4_0"])
    assert sorted(path.name for path in made.iterdir()) == ["files.json", "model-q4_0.gguf", "model-q8_0.gguf"]
    files = json.loads((made / "files.json").read_text(encoding="utf-8"))["files"]
    for name, said in files.items():
        assert (said["bytes"], said["sha256"]) == hash_file(made / name)
    assert files["model-q4_0.gguf"]["bytes"] < files["model-q8_0.gguf"]["bytes"]


def test_a_file_of_other_weights_is_found(imported: Imported, tmp_path: Path) -> None:
    """The proof would be worth nothing if it could not fail."""
    folder = imported("llama")
    other = tmp_path / "other"
    other.mkdir()
    for path in folder.iterdir():
        (other / path.name).write_bytes(path.read_bytes())
    tensors = load_file(folder / "model.safetensors")
    tensors["model.layers.1.mlp.down_proj.weight"] = np.roll(tensors["model.layers.1.mlp.down_proj.weight"], 1, axis=0)
    save_file(tensors, other / "model.safetensors", metadata={"format": "pt"})
    gguf_writer.write(other, tmp_path / "other.gguf", "f32", "other")
    with pytest.raises(HelderError, match="does not answer as the weights do") as caught:
        stage.round_trip(folder, tmp_path / "other.gguf", small.TEXTS, lambda event, **fields: None)
    assert caught.value.code == ExitCode.FAILED


def test_questions_that_leave_no_room_are_an_error(imported: Imported, tmp_path: Path) -> None:
    gguf_writer.write(imported("llama"), tmp_path / "made.gguf", "f32", "small")
    with pytest.raises(HelderError, match="no question with which"):
        stage.round_trip(imported("llama"), tmp_path / "made.gguf", ["x " * 300], lambda event, **fields: None)
