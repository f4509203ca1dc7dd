"""Slices taken again: every method gives 100 % of its bits, and whatever was forged is found and named."""

from __future__ import annotations

import copy
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from helder.errors import HelderError
from helder.ledger import environment
from helder.train import chain, replay
from helder.train.again import differences
from helder.train.launch import launch
from helder.train.replay import Slice
from helder.train.settings import TrainSettings, resolve
from helder.train.settings import environment as variables_of
from tests.train import bits
from tests.train.conftest import ignore

# What is taken again, beside every recipe of `tests.train.bits` as it is.
METHODS: dict[str, tuple[str, dict[str, Any]]] = {
    **{recipe: (recipe, {}) for recipe in bits.RECIPES},
    "answers, upper": ("answers", {"method": "upper"}),
    "answers, bf16": ("answers", {"precision": "bf16"}),
    "answers, portable": ("answers", {"numerics": "portable"}),
    "answers, one part": ("answers", {"data_parallel": 1}),
}


@dataclass
class Made:
    """A training that is over."""

    recipe: str
    settings: dict[str, Any]
    inputs: dict[str, Path]
    output: Path
    facts: dict[str, Any]

    @property
    def slices(self) -> list[Slice]:
        return replay.slices(chain.read(self.output / chain.LOG), self.facts)

    def again(self, one: Slice, place: Path, **other: Any) -> dict[str, Any]:
        """What `replay.json` says when a slice is taken again.

        Args:
            other: "settings" or inputs to be given in place of the right ones.
        """
        settings = one.settings({**self.settings, **other.pop("settings", {})})
        inputs = {**self.inputs, "expected": self.output}
        if one.state is not None:
            inputs["state"] = self.output / one.state
        for name in ("output", "scratch"):
            (place / name).mkdir(parents=True)
        replay.run(settings, {**inputs, **other}, place / "output", place / "scratch", ignore)
        found: dict[str, Any] = json.loads((place / "output" / replay.RECORD).read_text(encoding="utf-8"))
        return found


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return bits.make_inputs(tmp_path_factory.mktemp("replay") / "inputs")


@pytest.fixture(scope="module")
def made(inputs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Made]:
    """A training of each kind, made once."""
    found: dict[str, Made] = {}

    def of(name: str) -> Made:
        if name not in found:
            recipe, settings = METHODS[name]
            output, facts = bits.train_with_facts(recipe, inputs, tmp_path_factory.mktemp("made"), **settings)
            found[name] = Made(
                recipe, bits.settings_of(recipe, **settings), bits.inputs_of(recipe, inputs), output, facts
            )
        return found[name]

    return of


# -- what is true comes out the same -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", METHODS)
def test_every_slice_of_every_method_gives_its_bits_again(
    made: Callable[[str], Made], tmp_path: Path, name: str
) -> None:
    training = made(name)
    assert [(one.first, one.last) for one in training.slices] == [(0, 2), (2, 4), (4, 6)]
    for one in training.slices:
        found = training.again(one, tmp_path / str(one.first))
        seconds = found.pop("seconds")
        same = {"from": one.first, "to": one.last, "equal": True, "difference": None, "relative_distance": None}
        assert found == same
        assert seconds > 0


def test_processes_that_train_together_give_their_bits_again(
    made: Callable[[str], Made], inputs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DDP and FSDP2 with two processes each; what they saved means the same as what one process saves."""
    two = {"processes": 2}
    kinds = {
        "ddp": bits.settings_of("answers", **two),
        "fsdp": bits.settings_of("answers", **two, shard="fsdp", precision="bf16", data_parallel=2),
        "fsdp, upper": bits.settings_of("answers", **two, shard="fsdp", method="upper"),
        "preference": bits.settings_of("preference", **two),
        "reward": bits.settings_of("reward", **two),
        "lora": bits.settings_of("answers, lora", **two),
    }
    for name in ("output", "scratch"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("PYTHONPATH", str(bits.REPOSITORY))
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    found = launch(
        "tests.train.many_stages:replayed",
        {"trainings": kinds},
        TrainSettings(**kinds["ddp"]),
        inputs,
        tmp_path / "output",
        tmp_path / "scratch",
        ignore,
    )
    for name in kinds:
        slices = [(one["from"], one["to"], one["equal"]) for one in found[name]["slices"]]
        assert slices == [(0, 2, True), (2, 4, True), (4, 6, True), (4, 6, False)], (name, found[name]["slices"])
        released = found[name]["slices"][-1]
        assert released["difference"]["field"] == ("adapter" if name == "lora" else "model") + ".safetensors"
        assert released["relative_distance"] > 0
    alone, ddp, fsdp = made("answers").facts, found["ddp"]["facts"], found["fsdp"]["facts"]
    assert ddp["first_weights_sha256"] == fsdp["first_weights_sha256"] == alone["first_weights_sha256"]
    assert ddp["data_root"] == fsdp["data_root"] == alone["data_root"]
    assert ddp["states"] == alone["states"], "two processes with a part each make the bits of one with two"
    for one in fsdp["states"]:
        assert chain.file_digest(tmp_path / "output" / "fsdp" / chain.state_file(one["step"])) == one[chain.STATE]


# -- what is forged is found -------------------------------------------------------------------------------------------


def test_another_state_is_found(made: Callable[[str], Made], tmp_path: Path) -> None:
    training = made("answers")
    middle = training.slices[1]
    found = training.again(middle, tmp_path, state=training.output / chain.state_file(4))
    assert (found["difference"]["step"], found["difference"]["field"]) == (2, chain.STATE)
    assert found["difference"]["expected"] == training.facts["states"][0][chain.STATE]
    assert found["difference"]["found"] == training.facts["states"][1][chain.STATE]


def test_a_state_of_another_training_is_refused(made: Callable[[str], Made], tmp_path: Path) -> None:
    with pytest.raises(HelderError, match="not a state of this training"):
        made("answers").again(
            made("answers").slices[1], tmp_path, state=made("answers, lora").output / chain.state_file(2)
        )


def relinked(training: Made, target: Path, change: Callable[[list[dict[str, Any]]], None]) -> Path:
    """A copy of a training whose log was changed and whose chain was made to fit again."""
    shutil.copytree(training.output, target)
    lines = chain.read(target / chain.LOG)
    change(lines)
    head = start = chain.begin(training.settings, training.facts["first_weights_sha256"])
    for line in lines:
        head = line["chain"] = chain.link(head, line)
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (target / chain.LOG).write_text(text, encoding="utf-8")
    assert chain.check_file(target / chain.LOG, start).fault == "", "the chain alone shows nothing"
    return target


@pytest.mark.parametrize(
    "field", ["loss", "gradient_norm", "learning_rate", "tokens", "padded_tokens", "batch_sha256", chain.STATE]
)
def test_a_line_that_was_changed_with_its_chain_is_found(
    made: Callable[[str], Made], tmp_path: Path, field: str
) -> None:
    training, step = made("answers"), 4 if field == chain.STATE else 3

    def change(lines: list[dict[str, Any]]) -> None:
        value = lines[step - 1][field]
        lines[step - 1][field] = "0" * 64 if isinstance(value, str) else value + type(value)(1e-12 if value < 1 else 1)

    forged = relinked(training, tmp_path / "forged", change)
    if field in ("loss", "gradient_norm"):
        assert chain.read(forged / chain.LOG)[2][field] != chain.read(training.output / chain.LOG)[2][field]
    found = training.again(training.slices[1], tmp_path / "again", expected=forged)
    assert (found["difference"]["step"], found["difference"]["field"]) == (step, field)


def test_a_log_line_of_another_slice_is_that_slice_s_matter(made: Callable[[str], Made], tmp_path: Path) -> None:
    """A forged line is found where it stands; slices are drawn without the forger knowing which."""
    training = made("answers")
    forged = relinked(training, tmp_path / "forged", lambda lines: lines[4].update(loss=1.0))
    assert training.again(training.slices[1], tmp_path / "before", expected=forged)["equal"]
    assert not training.again(training.slices[2], tmp_path / "there", expected=forged)["equal"]


def test_other_data_are_found(made: Callable[[str], Made], tmp_path: Path) -> None:
    training = made("answers")
    shutil.copytree(training.inputs["data"], tmp_path / "data")
    path = tmp_path / "data" / "train.jsonl"
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    lines[0]["input"] += " "
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    found = training.again(training.slices[1], tmp_path, data=tmp_path / "data")
    assert (found["difference"]["step"], found["difference"]["field"]) == (3, "batch_sha256")


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"seed": 1}, "batch_sha256"),
        ({"learning_rate": 2.9e-3}, "learning_rate"),
        ({"schedule": "cosine"}, "learning_rate"),
        ({"batch_size": 5}, "batch_sha256"),
        ({"data_parallel": 1, "processes": 1}, "loss"),
        ({"beta2": 0.9}, "gradient_norm"),
        ({"weight_decay": 0.0}, "loss"),
    ],
    ids=str,
)
def test_other_settings_are_found(
    made: Callable[[str], Made], tmp_path: Path, settings: dict[str, Any], field: str
) -> None:
    training = made("answers")
    whole = Slice(0, 6, None, None, {})
    found = training.again(whole, tmp_path, settings=settings)
    assert not found["equal"]
    assert found["relative_distance"] > 0
    wanted = {"shared_out"} if "data_parallel" in settings else {field, "loss", "chain"}
    assert found["difference"]["field"] in wanted


def test_another_base_model_is_found_before_anything_was_learnt(
    made: Callable[[str], Made], inputs: dict[str, Path], tmp_path: Path
) -> None:
    training = made("answers")
    found = training.again(training.slices[0], tmp_path, base=inputs["teacher"])
    assert found["difference"]["step"] == 1


@pytest.mark.parametrize(
    ("name", "tensor"),
    [
        ("answers", "model.layers.1.mlp.up_proj.weight"),
        ("answers, upper", "model.layers.0.mlp.up_proj.weight"),  # was not trained
        ("answers, lora", "model.embed_tokens.weight"),  # neither
    ],
)
def test_released_weights_that_the_training_did_not_make_are_found(
    made: Callable[[str], Made], tmp_path: Path, name: str, tensor: str
) -> None:
    training = made(name)
    shutil.copytree(training.output, tmp_path / "forged")
    path = tmp_path / "forged" / "model.safetensors"
    tensors = {key: value.copy() for key, value in load_file(path).items()}
    tensors[tensor].view("uint8").reshape(-1)[0] ^= 1
    save_file(tensors, path, metadata={"format": "pt"})
    found = training.again(training.slices[-1], tmp_path, expected=tmp_path / "forged")
    assert (found["difference"]["step"], found["difference"]["field"]) == (6, "model.safetensors")
    assert found["relative_distance"] < 1e-6


def test_another_adapter_is_found(made: Callable[[str], Made], tmp_path: Path) -> None:
    training = made("answers, lora")
    shutil.copytree(training.output, tmp_path / "forged")
    path = tmp_path / "forged" / "adapter.safetensors"
    save_file({key: value * 2 for key, value in load_file(path).items()}, path)
    found = training.again(training.slices[-1], tmp_path, expected=tmp_path / "forged")
    assert found["difference"]["field"] == "adapter.safetensors"
    assert found["relative_distance"] > 0.5


def test_a_kept_state_that_the_log_does_not_name_is_found_and_measured(
    made: Callable[[str], Made], tmp_path: Path
) -> None:
    training = made("answers")
    shutil.copytree(training.output, tmp_path / "forged")
    path = tmp_path / "forged" / chain.state_file(4)
    tensors = {key: value.copy() for key, value in load_file(path).items()}
    tensors["weight.model.norm.weight"] *= 1.5
    save_file(tensors, path)
    found = training.again(training.slices[1], tmp_path, expected=tmp_path / "forged")
    assert (found["difference"]["step"], found["difference"]["field"]) == (4, chain.state_file(4))
    assert found["relative_distance"] > 0


@given(data=st.data())
def test_any_value_of_any_field_that_changes_is_a_difference(data: st.DataObject) -> None:
    line = {"step": 1, "loss": 0.5, "learning_rate": 1e-3, "tokens": 3, "batch_sha256": "a", "chain": "b"}
    other = copy.deepcopy(line)
    name = data.draw(st.sampled_from(sorted(line)))
    other[name] = data.draw(
        st.one_of(st.floats(allow_nan=False), st.text(), st.none()).filter(lambda it: it != line[name])
    )
    assert [one.field for one in differences(1, line, other)] == [name]
    del other[name]
    assert [(one.field, one.found) for one in differences(1, line, other)] == [(name, None)]
    assert [(one.field, one.expected) for one in differences(1, other, line)] == [(name, None)]
    assert not list(differences(1, line, line))


@pytest.mark.parametrize(("first", "last"), [(2, 2), (4, 2), (-1, 2), (4, 7)])
def test_what_is_no_slice_is_refused(made: Callable[[str], Made], tmp_path: Path, first: int, last: int) -> None:
    with pytest.raises(HelderError, match="no steps"):
        made("answers").again(Slice(first, last, None, None, {}), tmp_path)


def test_a_log_of_another_length_is_refused(made: Callable[[str], Made], tmp_path: Path) -> None:
    with pytest.raises(HelderError, match="has 6 steps"):
        made("answers").again(made("answers").slices[0], tmp_path, settings={"steps": 7})


# -- which machine -----------------------------------------------------------------------------------------------------


def said(numerics: str = "fast", **settings: Any) -> dict[str, Any]:
    """The predicate of a training that was made here."""
    resolved = resolve({"device": "cpu", "numerics": numerics, **settings})
    return {
        "settings": resolved,
        "environment": environment.record({"OMP_NUM_THREADS": "2"}),
        "code": {"sha256": environment.code_digest()},
    }


def test_the_same_machine_with_the_same_packages_gives_the_same_bits() -> None:
    assert replay.comparable(said(), threads=2) == []
    assert replay.comparable(said("portable"), threads=2) == []
    assert replay.comparable(said(), threads=1) == [], "one in all or one for each of two parts is the same"


def test_what_may_give_other_bits_is_said() -> None:
    elsewhere = said()
    elsewhere["environment"]["processor"] = {"model": "Other", "flags_sha256": "0" * 64, "cpus": 2}
    assert ["Other" in reason for reason in replay.comparable(elsewhere, threads=2)] == [True]
    elsewhere = said("portable")
    elsewhere["environment"]["processor"] = {"model": "Other", "flags_sha256": "0" * 64, "cpus": 2}
    assert replay.comparable(elsewhere, threads=2) == [], "that is what portable is for"
    for numerics in ("fast", "portable"):
        older = said(numerics)
        older["environment"]["packages"]["torch"] = "2.0"
        assert ["torch 2.0" in reason for reason in replay.comparable(older, threads=2)] == [True]
        arm = said(numerics)
        arm["environment"]["system"]["machine"] = "aarch64"
        assert ["aarch64" in reason for reason in replay.comparable(arm, threads=2)] == [True]
        other = said(numerics)
        other["code"]["sha256"] = "0" * 64
        assert ["other code" in reason for reason in replay.comparable(other, threads=2)] == [True]
    assert ["it would be 2" in reason for reason in replay.comparable(said(), threads=4)] == [True]
    assert replay.comparable(said(processes=2, data_parallel=1), threads=4) == []
    gpu = said()
    gpu["settings"]["device"] = "cuda"
    assert ["GPU" in reason for reason in replay.comparable(gpu, threads=2)] == [True]


def test_slices_follow_from_the_log_and_the_facts() -> None:
    one, other = (
        {"processes": 2, "shard": "ddp", "data_parallel": 1},
        {"processes": 1, "shard": "ddp", "data_parallel": 2},
    )
    lines: list[dict[str, Any]] = [{"step": step} for step in range(1, 11)]
    lines[0]["shared_out"], lines[4]["shared_out"] = one, other
    facts = {"states": [{"step": 4, chain.STATE: "0" * 64}]}
    found = replay.slices(lines, facts)
    assert found == [
        Slice(0, 4, None, "states/4.safetensors", one),
        Slice(4, 10, "states/4.safetensors", None, other),
    ]
    settings = found[1].settings({"processes": 2, "hosts": 3, "steps": 10})
    assert settings == {"hosts": 1, "steps": 10, "from": 4, "to": 10, **other}
    assert replay.slices(lines[:4], {"states": []}) == [Slice(0, 4, None, None, one)]


# -- another processor -------------------------------------------------------------------------------------------------

EMULATOR = shutil.which("qemu-x86_64")


@pytest.mark.slow
@pytest.mark.skipif(EMULATOR is None, reason="qemu-x86_64 is not installed (Debian: qemu-user).")
def test_an_emulated_haswell_gives_the_bits_of_a_portable_training(inputs: dict[str, Path], tmp_path: Path) -> None:
    """Intel Haswell, of 2013: AVX2 and FMA, nothing newer."""
    assert EMULATOR is not None
    settings = bits.settings_of("answers", numerics="portable", steps=3, checkpoint_every=1, data_parallel=1)
    given = bits.inputs_of("answers", inputs)
    one = Slice(1, 3, chain.state_file(1), None, {})
    calls = {
        "train": ("helder.train.stage:run", settings, given, []),
        "replay": (
            "helder.train.replay:run",
            one.settings(settings),
            {**given, "expected": tmp_path / "train", "state": tmp_path / "train" / chain.state_file(1)},
            [EMULATOR, "-cpu", "Haswell"],
        ),
    }
    for name, (function, used, paths, prefix) in calls.items():
        job = tmp_path / f"{name}.json"
        (tmp_path / name).mkdir()
        (tmp_path / f"{name}-scratch").mkdir()
        job.write_text(json.dumps([function, used, {key: str(path) for key, path in paths.items()}, name]), "utf-8")
        kept = {key: os.environ[key] for key in ("PATH", "HOME", "LD_LIBRARY_PATH") if key in os.environ}
        variables = kept | {"OMP_NUM_THREADS": "1"} | variables_of("portable")
        command = [*prefix, sys.executable, "-c", CALL, str(job)]
        done = subprocess.run(command, cwd=bits.REPOSITORY, env=variables, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "replay" / replay.RECORD).read_text(encoding="utf-8"))
    assert found["equal"], found


CALL = """\
import json, sys
from pathlib import Path
from helder.stage_child import load
job = Path(sys.argv[1])
function, settings, inputs, name = json.loads(job.read_text())
paths = {key: Path(path) for key, path in inputs.items()}
load(function)(settings, paths, job.parent / name, job.parent / f"{name}-scratch", lambda event, **fields: None)
"""
