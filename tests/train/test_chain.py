"""The training log as a chain: any change is found and named, and a killed training has the very same one."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from helder.errors import HelderError
from helder.ledger import merkle
from helder.model.safetensors_file import open_folder
from helder.train import chain, checkpoint, loop, objectives, stage
from helder.train.objectives.answers import Answers
from helder.train.order import Order, data_root, seed_for
from helder.train.settings import TrainSettings, resolve
from tests.train import bits
from tests.train.conftest import ignore

SETTINGS = {"steps": 12, "batch_size": 4, "learning_rate": 3e-3, "checkpoint_every": 5, "precision": "fp32"}
START = chain.begin(resolve({}), "0" * 64)


def written(count: int) -> list[str]:
    """A log of so many lines, as text."""
    lines, head = list[str](), START
    for step in range(1, count + 1):
        line: dict[str, Any] = {"step": step, "loss": 1 / step, "batch_sha256": f"{step:064x}"}
        head = chain.link(head, line)
        lines.append(json.dumps({**line, "chain": head}))
    return lines


# -- the chain ---------------------------------------------------------------------------------------------------------


def test_a_whole_log_is_good_and_its_head_is_the_last_chain() -> None:
    found = chain.check(written(5), START)
    assert (found.fault, len(found.lines), found.head) == ("", 5, json.loads(written(5)[-1])["chain"])
    assert chain.check([], START) == chain.Checked([], START)


CHANGES: dict[str, Callable[[list[str], int], list[str]]] = {
    "dropped": lambda lines, at: lines[:at] + lines[at + 1 :],
    "twice": lambda lines, at: [*lines[:at], lines[at], *lines[at:]],
    "swapped": lambda lines, at: [*lines[:at], lines[at + 1], lines[at], *lines[at + 2 :]],
    "another value": lambda lines, at: [*lines[:at], lines[at].replace('"loss": ', '"loss": 1'), *lines[at + 1 :]],
    "another field": lambda lines, at: [*lines[:at], lines[at].replace('"loss"', '"cost"'), *lines[at + 1 :]],
    "one more field": lambda lines, at: [*lines[:at], lines[at].replace("{", '{"more": 0, '), *lines[at + 1 :]],
    "a field twice": lambda lines, at: [*lines[:at], lines[at].replace("{", '{"loss": 0.5, '), *lines[at + 1 :]],
    "another chain": lambda lines, at: [*lines[:at], lines[at][:-3] + '0"}', *lines[at + 1 :]],
    "half a line": lambda lines, at: [*lines[:at], lines[at][: len(lines[at]) // 2], *lines[at + 1 :]],
    "no object": lambda lines, at: [*lines[:at], "7", *lines[at + 1 :]],
}


@pytest.mark.parametrize("change", CHANGES)
@given(count=st.integers(3, 12), data=st.data())
def test_the_first_bad_line_is_named(change: str, count: int, data: st.DataObject) -> None:
    lines = written(count)
    at = data.draw(st.integers(0, count - 2))
    changed = CHANGES[change](lines, at)
    if changed == lines:  # the digit of the chain was a nought before
        return
    found = chain.check(changed, START)
    bad = at + 2 if change == "twice" else at + 1
    assert found.fault.startswith(f"Line {bad} ")
    assert len(found.lines) == bad - 1


def test_lines_taken_off_the_end_give_another_head() -> None:
    found = chain.check(written(5)[:-1], START)
    assert not found.fault
    assert found.head != chain.check(written(5), START).head, "the statement names the head"


def test_the_chain_begins_with_what_decides_the_bits() -> None:
    settings = resolve({})

    def begins(**other: Any) -> str:
        return chain.begin({**settings, **other}, "0" * 64)

    assert begins() == START
    same = {"processes": 2, "data_parallel": 3, "evaluate_every": 7, "checkpoint_every": 7, "states": 0}
    assert {begins(**{name: value}) for name, value in same.items()} == {START}
    other = [
        {"seed": 1},
        {"learning_rate": 1e-4},
        {"method": "lora"},
        {"steps": 9},
        {"beta2": 0.9},
        {"numerics": "portable"},
    ]
    assert len({START, *(begins(**one) for one in other)}) == len(other) + 1
    assert chain.begin(settings, "1" * 64) != START


# -- states ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def made(base: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A training that nobody disturbed: its output and its facts."""
    return train(base, data, tmp_path_factory.mktemp("made"))


def train(base: Path, data: Path, place: Path, **settings: Any) -> tuple[Path, dict[str, Any]]:
    output = place / "output"
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    (place / "scratch").mkdir(exist_ok=True)
    inputs = {"base": base, "data": data}
    return output, stage.run(resolve({**SETTINGS, **settings}), inputs, output, place / "scratch", ignore)


def test_the_facts_name_the_head_the_data_and_the_kept_states(made: tuple[Path, dict[str, Any]]) -> None:
    output, facts = made
    start = chain.begin(resolve(SETTINGS), facts["first_weights_sha256"])
    found = chain.check_file(output / chain.LOG, start)
    assert (found.fault, found.head, len(found.lines)) == ("", facts["log_sha256"], facts["steps"])
    named = {line["step"]: line[chain.STATE] for line in found.lines if chain.STATE in line}
    assert sorted(named) == [5, 10, 12], "where states were saved, and at the end"
    assert [one["step"] for one in facts["states"]] == [5, 10]
    for one in facts["states"]:
        assert chain.file_digest(output / chain.state_file(one["step"])) == one[chain.STATE] == named[one["step"]]
    assert len(facts["data_root"]) == 64


def test_a_state_is_told_by_its_tensors_not_by_its_file(made: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    output, facts = made
    said = facts["states"][0]
    tensors = load_file(output / chain.state_file(said["step"]))
    save_file(dict(reversed(list(tensors.items()))), tmp_path / "same", metadata={"about": "the same tensors"})
    assert chain.holds(tmp_path / "same", said[chain.STATE])
    for name in ("weight.model.norm.weight", "exp_avg.model.norm.weight"):
        other = {**tensors, name: tensors[name].copy()}
        other[name].view("uint8")[0] ^= 1
        save_file(other, tmp_path / "other")
        assert not chain.holds(tmp_path / "other", said[chain.STATE])
    (tmp_path / "cut").write_bytes((output / chain.state_file(said["step"])).read_bytes()[:-1])
    assert not chain.holds(tmp_path / "cut", said[chain.STATE])
    assert not chain.holds(tmp_path / "none", said[chain.STATE])


def test_weights_that_nothing_was_learnt_on_yet_can_be_found_from_the_base_model(
    base: Path, made: tuple[Path, dict[str, Any]]
) -> None:
    tensors = {
        f"weight.{name}": ("F32", info.shape, hashlib.sha256(info.read().tobytes()).hexdigest())
        for name, info in open_folder(base).items()
    }
    assert chain.state_digest(tensors) == made[1]["first_weights_sha256"]


def test_readers_of_the_trained_model_do_not_see_the_states(made: tuple[Path, dict[str, Any]]) -> None:
    assert {info.file.name for info in open_folder(made[0]).values()} == {"model.safetensors"}


def test_a_state_of_another_training_is_refused(base: Path, data: Path, made: tuple[Path, dict[str, Any]]) -> None:
    trainer = stage.prepare(resolve({**SETTINGS, "method": "upper"}), {"base": base, "data": data}, ignore)
    with pytest.raises(HelderError, match="not a state of this training") as caught:
        checkpoint.load(made[0] / chain.state_file(5), trainer.parameters, trainer.optimizer)
    assert "embed_tokens" in caught.value.why


# -- accidents ---------------------------------------------------------------------------------------------------------


def killed(base: Path, data: Path, place: Path, at: int, **settings: Any) -> Path:
    """Train up to a step and die; the scratch folder that is left."""
    step = loop.Trainer.step

    def dies(self: loop.Trainer, number: int, steps: int) -> dict[str, Any]:
        if number == at:
            raise KeyboardInterrupt
        return step(self, number, steps)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(loop.Trainer, "step", dies)
        train(base, data, place, **settings)
    return place / "scratch"


def continued(base: Path, data: Path, place: Path) -> tuple[int, Path, dict[str, Any]]:
    """Train to the end; (steps that were taken, output, facts)."""
    step, taken = loop.Trainer.step, list[int]()

    def counts(self: loop.Trainer, number: int, steps: int) -> dict[str, Any]:
        taken.append(number)
        return step(self, number, steps)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop.Trainer, "step", counts)
        output, facts = train(base, data, place)
    return len(taken), output, facts


def same(one: tuple[Path, dict[str, Any]], output: Path, facts: dict[str, Any]) -> bool:
    """Whether two trainings have one log and one set of states."""
    names = ("log_sha256", "states", "first_weights_sha256", "data_root")
    log = (one[0] / chain.LOG).read_bytes() == (output / chain.LOG).read_bytes()
    return log and all(one[1][name] == facts[name] for name in names)


@pytest.mark.parametrize(("at", "rest"), [(0, 12), (4, 12), (5, 7), (9, 7), (10, 2), (11, 2)])
def test_a_killed_training_has_the_same_chain(
    base: Path, data: Path, tmp_path: Path, made: tuple[Path, dict[str, Any]], at: int, rest: int
) -> None:
    killed(base, data, tmp_path, at)
    taken, output, facts = continued(base, data, tmp_path)
    assert taken == rest
    assert same(made, output, facts)


def half_written(scratch: Path) -> None:
    scratch.joinpath(chain.STATES, "11.safetensors.partial").write_bytes(b"half")


def cut_short(scratch: Path) -> None:
    path = scratch / chain.state_file(10)
    path.write_bytes(path.read_bytes()[:-1])


def not_the_one(scratch: Path) -> None:
    shutil.copyfile(scratch / chain.state_file(5), scratch / chain.state_file(10))


def without_log(scratch: Path) -> None:
    scratch.joinpath(chain.LOG).unlink()


def log_behind_state(scratch: Path) -> None:
    path = scratch / chain.LOG
    path.write_text("".join(path.read_text(encoding="utf-8").splitlines(keepends=True)[:8]) + '{"step": 9', "utf-8")


def changed_log(scratch: Path) -> None:
    path = scratch / chain.LOG
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    lines[6] = lines[6].replace('"loss":', '"loss":1')
    path.write_text("".join(lines), encoding="utf-8")


@pytest.mark.parametrize(
    ("accident", "rest"),
    [(half_written, 2), (cut_short, 7), (not_the_one, 7), (without_log, 12), (log_behind_state, 7), (changed_log, 7)],
)
def test_a_state_that_the_log_does_not_vouch_for_is_not_used(
    base: Path,
    data: Path,
    tmp_path: Path,
    made: tuple[Path, dict[str, Any]],
    accident: Callable[[Path], None],
    rest: int,
) -> None:
    accident(killed(base, data, tmp_path, 11))
    taken, output, facts = continued(base, data, tmp_path)
    assert taken == rest
    assert same(made, output, facts)
    assert not list((tmp_path / "scratch" / chain.STATES).glob("*.partial"))


def test_a_kill_after_the_end_of_the_training_loses_no_state(
    base: Path, data: Path, tmp_path: Path, made: tuple[Path, dict[str, Any]]
) -> None:
    train(base, data, tmp_path)
    taken, output, facts = continued(base, data, tmp_path)  # the output is gone, as after a kill before the seal
    assert taken == 2
    assert same(made, output, facts)


def test_states_that_are_not_kept_go_when_a_newer_one_is_safe(base: Path, data: Path, tmp_path: Path) -> None:
    output, facts = train(base, data, tmp_path, checkpoint_every=2, states=2)
    assert [one["step"] for one in facts["states"]] == [4, 8]
    assert sorted(path.stem for path in (output / chain.STATES).iterdir()) == ["4", "8"]
    assert sorted(path.stem for path in (tmp_path / "scratch" / chain.STATES).iterdir()) == ["10", "4", "8"]


# -- the data decide the order -----------------------------------------------------------------------------------------


def test_the_root_is_that_of_a_plain_tree_over_what_the_model_sees(base: Path, data: Path) -> None:
    objective = stage.prepare(resolve(SETTINGS), {"base": base, "data": data}, ignore).objective
    assert isinstance(objective, Answers)
    seen = [json.dumps([one.answer_start, list(one.ids)], separators=(",", ":")).encode() for one in objective.examples]
    assert objective.root == merkle.root([merkle.leaf(one) for one in seen]).hex()
    assert objective.seed == seed_for(0, objective.root)


def test_other_data_have_another_order_as_another_seed_has() -> None:
    learnt = [bytes([place]) for place in range(30)]
    other = [*learnt[:-1], b"another last one"]
    seeds = [seed_for(0, data_root(learnt)), seed_for(0, data_root(other)), seed_for(1, data_root(learnt))]
    firsts = [Order([1] * 30, batch_size=5, batch_tokens=0, seed=seed).batch(0) for seed in seeds]
    assert len({tuple(first) for first in firsts}) == 3
    assert seeds[0] == seed_for(0, data_root(iter(learnt)))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return bits.make_inputs(tmp_path_factory.mktemp("world") / "inputs")


@pytest.mark.parametrize("recipe", ["answers", "text, adamw", "preference", "reward"])
def test_one_letter_of_what_is_learnt_from_changes_the_root(
    world: dict[str, Path], tmp_path: Path, recipe: str
) -> None:
    inputs = bits.inputs_of(recipe, world)
    name = next(name for name in inputs if name != "base")
    roots = [root(recipe, inputs)]
    for place in ("same", "other"):
        copied = tmp_path / place / inputs[name].name
        copied.parent.mkdir()
        (shutil.copytree if inputs[name].is_dir() else shutil.copyfile)(inputs[name], copied)
        if place == "other":
            change_one_letter(copied)
        roots.append(root(recipe, {**inputs, name: copied}))
    assert roots[0] == roots[1] != roots[2]


def root(recipe: str, inputs: dict[str, Path]) -> str:
    settings = bits.settings_of(recipe, **({"verifier": "right"} if recipe == "reward" else {}))
    return objectives.read(TrainSettings(**settings), inputs, ignore).root


def change_one_letter(path: Path) -> None:
    """The last thing that is learnt from, changed where it matters."""
    if path.is_dir() and (path / "train.npy").exists():
        ids = np.load(path / "train.npy")
        ids[-2] ^= 1
        np.save(path / "train.npy", ids)
        return
    file = path / "train.jsonl" if path.is_dir() else path
    lines = file.read_text(encoding="utf-8").splitlines()
    line = json.loads(lines[-1])
    name = "output" if "output" in line else "chosen"
    line[name] = 9 - line[name] if isinstance(line[name], int) else f"{line[name]}1"
    file.write_text("\n".join([*lines[:-1], json.dumps(line)]) + "\n", encoding="utf-8")
