"""Training: it learns, it gives the same bits again, and a kill costs nothing but time."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from helder.errors import HelderError
from helder.ledger.artifact import digest_path
from helder.model import importer
from helder.model.families import read_config
from helder.model.sources import on_disk
from helder.train import chain, checkpoint, loop, probe, stage
from helder.train.settings import TrainSettings, resolve
from tests.model import small
from tests.train.conftest import ignore, write_lines

SETTINGS = {"steps": 12, "batch_size": 4, "learning_rate": 3e-3, "evaluate_every": 4, "checkpoint_every": 5}


def train(base: Path, data: Path, place: Path, **settings: Any) -> Path:
    """Run the stage in `place`, which may hold the scratch of an attempt before; the folder with its output."""
    output = place / "output"
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    (place / "scratch").mkdir(exist_ok=True)
    stage.run(resolve({**SETTINGS, **settings}), {"base": base, "data": data}, output, place / "scratch", ignore)
    return output


def losses(output: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (output / "log.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("method", ["full", "upper", "lora"])
def test_the_loss_falls(base: Path, data: Path, tmp_path: Path, method: str) -> None:
    seen = losses(train(base, data, tmp_path, method=method, steps=40, learning_rate=1e-2))
    assert len(seen) == 40
    assert sum(seen[-5:]) < 0.6 * sum(seen[:5])


@pytest.mark.parametrize("family", ["qwen2", "olmo2"])
@pytest.mark.parametrize("precision", ["bf16", "fp32"])
@pytest.mark.parametrize("method", ["full", "lora"])
def test_every_family_learns(data: Path, tmp_path: Path, family: str, precision: str, method: str) -> None:
    source = on_disk(small.make(tmp_path / "source", family=family))
    for name in ("base", "scratch"):
        (tmp_path / name).mkdir()
    settings = importer.settings(source, "chatml")
    importer.run(settings, dict(source.files), tmp_path / "base", tmp_path / "scratch", ignore)
    rate = {"full": 3e-3, "lora": 1e-2}[method]
    made = train(tmp_path / "base", data, tmp_path, method=method, precision=precision, steps=40, learning_rate=rate)
    seen = losses(made)
    assert sum(seen[-5:]) < 0.6 * sum(seen[:5])
    assert read_config(made) == read_config(tmp_path / "base")


@pytest.mark.parametrize("numerics", [{"precision": "bf16"}, {"precision": "fp32"}, {"numerics": "portable"}], ids=str)
@pytest.mark.parametrize("method", ["full", "upper", "lora"])
def test_twice_gives_the_same_bits(
    base: Path, data: Path, tmp_path: Path, method: str, numerics: dict[str, str]
) -> None:
    first = train(base, data, tmp_path / "first", method=method, **numerics)
    second = train(base, data, tmp_path / "second", method=method, **numerics)
    assert digest_path(first) == digest_path(second)


@pytest.mark.parametrize("precision", ["bf16", "fp32"])
def test_one_thread_and_one_for_each_part_give_the_same_bits_and_another_number_of_parts_others(
    base: Path, data: Path, tmp_path: Path, precision: str
) -> None:
    before, made = torch.get_num_threads(), {}
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            made[threads] = digest_path(train(base, data, tmp_path / str(threads), precision=precision))
    finally:
        torch.set_num_threads(before)
    assert len(set(made.values())) == 1
    whole = train(base, data, tmp_path / "whole", precision=precision, data_parallel=1)
    assert digest_path(whole) != made[1]
    assert losses(whole)[:3] == pytest.approx(losses(tmp_path / "1" / "output")[:3], rel=0.02)


@pytest.mark.parametrize("method", ["full", "upper", "lora"])
@pytest.mark.parametrize("killed_at", [0, 4, 6, 11])
def test_a_killed_training_continues_to_the_same_bits(
    base: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str, killed_at: int
) -> None:
    undisturbed = train(base, data, tmp_path / "undisturbed", method=method)
    step = loop.Trainer.step

    def dies(self: loop.Trainer, number: int, steps: int) -> dict[str, Any]:
        if number == killed_at:
            raise KeyboardInterrupt
        return step(self, number, steps)

    monkeypatch.setattr(loop.Trainer, "step", dies)
    with pytest.raises(KeyboardInterrupt):
        train(base, data, tmp_path / "killed", method=method)
    monkeypatch.setattr(loop.Trainer, "step", step)
    assert digest_path(train(base, data, tmp_path / "killed", method=method)) == digest_path(undisturbed)


def test_a_checkpoint_holds_every_tensor_that_the_next_step_depends_on(base: Path, data: Path, tmp_path: Path) -> None:
    trainer = stage.prepare(resolve(SETTINGS), {"base": base, "data": data}, ignore)
    trainer.begin(tmp_path)
    trainer.step(0, 12)
    before = {name: tensor.clone() for name, tensor in trainer.state.items()}
    digest = checkpoint.write(before, trainer.world, tmp_path / "1.safetensors")
    other = stage.prepare(resolve(SETTINGS), {"base": base, "data": data}, ignore)
    other.begin(tmp_path)
    assert checkpoint.write(other.state, other.world) != digest
    checkpoint.load(tmp_path / "1.safetensors", other.parameters, other.optimizer)
    after = other.state
    assert checkpoint.write(after, other.world) == digest
    assert sorted(after) == sorted(before)
    assert all(after[name].equal(before[name]) for name in before)
    assert trainer.step(1, 12) == other.step(1, 12)


def test_long_examples_are_counted_and_named_not_cut(base: Path, data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    shutil.copytree(data, folder)
    lines = [json.loads(line) for line in (data / "train.jsonl").read_text(encoding="utf-8").splitlines()]
    write_lines(folder / "train.jsonl", [*lines, {"id": "long", "input": "take 1 tablet " * 40, "output": {"dose": 1}}])
    warnings: list[str] = []

    def report(event: str, **fields: Any) -> None:
        if event == "warning":
            warnings.append(fields["text"])

    trainer = stage.prepare(resolve({**SETTINGS, "context": 64}), {"base": base, "data": folder}, report)
    facts = trainer.objective.facts(1)
    assert facts["too_long"] == ["long"]
    assert facts["examples"] == len(lines)
    assert "1 of 25 train examples are longer than 64 tokens" in warnings[0]
    assert "long" in warnings[0]


def test_examples_that_are_all_too_long_are_an_error(base: Path, data: Path) -> None:
    with pytest.raises(HelderError, match="Every example") as caught:
        stage.prepare(resolve({**SETTINGS, "context": 8}), {"base": base, "data": data}, ignore)
    assert "context" in caught.value.fix


def test_a_loss_that_is_no_number_stops_and_keeps_the_checkpoint(base: Path, data: Path, tmp_path: Path) -> None:
    with pytest.raises(HelderError, match="broke at step") as caught:
        train(base, data, tmp_path, learning_rate=1e30, checkpoint_every=1, warmup=0.0, gradient_clip=1e30)
    assert "learning_rate" in caught.value.fix
    assert (tmp_path / "scratch" / chain.state_file(1)).exists()


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")]
)
def test_memory_that_ends_in_the_middle_names_what_to_lower_and_keeps_the_checkpoint(
    base: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    undisturbed = train(base, data, tmp_path / "undisturbed")
    step = loop.Trainer.step

    def runs_out(self: loop.Trainer, number: int, steps: int) -> dict[str, Any]:
        if number == 7:
            raise error
        return step(self, number, steps)

    monkeypatch.setattr(loop.Trainer, "step", runs_out)
    with pytest.raises(HelderError, match="not enough memory") as caught:
        train(base, data, tmp_path / "made")
    assert "`batch_size` (now 4)" in caught.value.fix
    assert "lora" in caught.value.fix
    monkeypatch.setattr(loop.Trainer, "step", step)
    assert digest_path(train(base, data, tmp_path / "made")) == digest_path(undisturbed)


@pytest.mark.parametrize(("parts", "named"), [(1, False), (2, True)])
def test_parts_made_side_by_side_are_named_when_memory_ends(parts: int, named: bool) -> None:
    error = stage.enough_memory(MemoryError(), TrainSettings(data_parallel=parts))
    assert isinstance(error, HelderError)
    assert ("`data_parallel` (now 2)" in error.fix) == named


def test_an_error_that_is_not_about_memory_stays_as_it_is(
    base: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(self: loop.Trainer, number: int, steps: int) -> dict[str, Any]:
        raise RuntimeError("shapes do not fit")

    monkeypatch.setattr(loop.Trainer, "step", breaks)
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        train(base, data, tmp_path)


@pytest.mark.parametrize("precision", ["bf16", "fp32"])
def test_upper_changes_the_upper_blocks_only(base: Path, data: Path, tmp_path: Path, precision: str) -> None:
    from safetensors.torch import load_file

    before = load_file(base / "model.safetensors")
    after = load_file(train(base, data, tmp_path, method="upper", precision=precision) / "model.safetensors")
    layers = read_config(base).layers
    changed = {name for name in before if not after[name].equal(before[name])}
    assert sorted(after) == sorted(before)
    assert changed == {
        name
        for name in before
        if name == "model.norm.weight"
        or any(f"layers.{layer}." in name for layer in range(layers - layers // 2, layers))
    }


def test_lora_changes_the_linear_layers_of_the_blocks_only(base: Path, data: Path, tmp_path: Path) -> None:
    from safetensors.numpy import load_file

    before = load_file(base / "model.safetensors")
    after = load_file(train(base, data, tmp_path, method="lora") / "model.safetensors")
    changed = {name for name in before if not (before[name] == after[name]).all()}
    assert changed == {name for name in before if name.endswith("_proj.weight")}


def test_the_probe_turns_a_time_into_steps(base: Path, data: Path, tmp_path: Path) -> None:
    settings = {**resolve({"batch_size": 4}), "seconds": 30.0}
    probe.run(settings, {"base": base, "data": data}, tmp_path, tmp_path, ignore)
    found = json.loads((tmp_path / "probe.json").read_text(encoding="utf-8"))
    assert found["steps"] >= 1
    assert found["steps"] * found["seconds_per_step"] + found["seconds_fixed"] <= 30.0


def test_a_time_in_which_nothing_can_be_learnt_is_an_error(base: Path, data: Path, tmp_path: Path) -> None:
    settings = {**resolve({"batch_size": 4}), "seconds": 1e-6}
    with pytest.raises(HelderError, match="Nothing can be learnt") as caught:
        probe.run(settings, {"base": base, "data": data}, tmp_path, tmp_path, ignore)
    assert "budget" in caught.value.fix


def test_a_setting_that_the_loop_does_not_know_is_refused() -> None:
    with pytest.raises(HelderError, match="lerning_rate"):
        resolve({"lerning_rate": 1.0})


def test_settings_are_resolved_to_the_last_one() -> None:
    assert None not in resolve({"learning_rate": None, "method": "lora"}).values()


def test_the_examples_that_were_seen_are_written_down(base: Path, data: Path, tmp_path: Path) -> None:
    seen = json.loads((train(base, data, tmp_path, steps=2) / "seen.json").read_text(encoding="utf-8"))["ids"]
    known = [json.loads(line)["id"] for line in (data / "train.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(seen) == 8
    assert set(seen) < set(known)
