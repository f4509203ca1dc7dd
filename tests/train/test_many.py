"""Several processes train one model: the same bits each time, whatever happens in between."""

from __future__ import annotations

import json
import os
import select
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure

from helder import pipeline
from helder import stage as stages
from helder.errors import HelderError
from helder.ledger.artifact import Artifact, digest_path, manifest
from helder.ledger.run_folder import RunFolder
from helder.recipe import Recipe
from helder.stage import Stage
from helder.train import chain, launch, loop, stage
from helder.train.settings import SHARED_OUT, TrainSettings, environment, resolve
from tests.rooms import outside
from tests.train.conftest import ignore, write_lines
from tests.train.many_stages import Stopped, disturbed

REPOSITORY = Path(__file__).parent.parent.parent
SETTINGS = {"steps": 8, "batch_size": 4, "learning_rate": 3e-3, "evaluate_every": 4, "checkpoint_every": 3}
DDP = resolve({**SETTINGS, "processes": 2, "precision": "fp32"})
FSDP = resolve({**SETTINGS, "processes": 2, "shard": "fsdp", "precision": "bf16"})
PREFERENCE = {"objective": "preference", "batch_size": 3, "precision": "fp32", "steps": 3, "learning_rate": 1e-3}
REWARD = {
    **{"objective": "reward", "batch_size": 2, "steps": 3, "reuse": 2, "group": 3, "answer_tokens": 6},
    **{"verifier": "fields", "precision": "fp32"},
}


@dataclass
class Place:
    """Runs stages in one folder, as the pipeline does."""

    folder: RunFolder
    inputs: dict[str, Path]
    events: list[dict[str, Any]] = field(default_factory=list)

    def stage(self, settings: dict[str, Any], function: str = "tests.train.many_stages:run") -> Stage:
        inputs = {name: Artifact.of(path, name) for name, path in self.inputs.items()}
        return Stage("train", function, settings, inputs, environment=environment("fast"), elastic=SHARED_OUT)

    def scratch(self, of: Stage) -> Path:
        folder = self.folder.work(of.work_key) / "scratch"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def run(self, of: Stage) -> tuple[Path, dict[str, Any]]:
        """(what was made, its facts)."""
        made = stages.run(of, self.folder, self.events.append)
        said = self.folder.find(of.key)
        assert said is not None
        return made.path, said.predicate["facts"]

    def told(self, event: str) -> list[str]:
        return [one["text"] for one in self.events if one["event"] == event]


@pytest.fixture(scope="module")
def place(base: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("many")
    pairs = folder / "pairs.jsonl"
    write_lines(pairs, [{"input": f"take {n} tablets", "chosen": f"{n}", "rejected": f"{n} {n}"} for n in range(1, 10)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HELDER_HOME", str(folder / "home"))
        patch.setenv("OMP_NUM_THREADS", "2")
        yield Place(RunFolder(folder / "run"), {"base": base, "data": data, "pairs": pairs})


@pytest.fixture(scope="module")
def undisturbed(place: Place) -> Path:
    """What each kind of training makes with two processes."""
    kinds = {
        "ddp": DDP,
        "fsdp": FSDP,
        "fsdp-fp32": resolve({**SETTINGS, "processes": 2, "shard": "fsdp", "precision": "fp32"}),
        "fsdp-upper": {**FSDP, "method": "upper"},
        "one-example": {**FSDP, "batch_size": 1, "data_parallel": 2},
        "lora": {**DDP, "method": "lora"},
        "muon": {**DDP, "optimizer": "muon"},
        "preference-ddp": resolve({**PREFERENCE, "processes": 2}),
        "preference-fsdp": resolve({**PREFERENCE, "processes": 2, "shard": "fsdp"}),
        "reward": resolve({**REWARD, "processes": 2}),
    }
    return place.run(place.stage({"trainings": kinds}))[0]


@pytest.fixture(scope="module")
def continued(place: Place) -> tuple[Path, dict[str, Any], Path]:
    """What two trainings make that were stopped, one of them killed, and one that began in one process; their facts;
    and their scratch folder as it was after the accident."""
    kinds = {"ddp": DDP, "fsdp": FSDP, "from-one": FSDP}
    of = place.stage({"trainings": kinds, "attempt": "disturbed"})
    scratch = place.scratch(of)
    accidents = {"ddp": [None, 5, "stop"], "fsdp": [1, 5, "kill"]}
    (scratch / "accidents.json").write_text(json.dumps(accidents), encoding="utf-8")
    with pytest.raises(HelderError, match="Process 1 of the training was killed"):
        place.run(of)
    (scratch / "accidents.json").unlink()
    kept = place.folder.root.parent / "after-accident"
    shutil.copytree(scratch, kept, ignore=shutil.ignore_patterns("processes"))
    stop_alone(place, scratch / "from-one")
    made, facts = place.run(of)
    assert facts["threads_of_each_process"] == 1, "two share two"
    return made, facts, kept


def stop_alone(place: Place, scratch: Path) -> None:
    """Train in one process up to the first checkpoint."""
    step = loop.Trainer.step
    scratch.mkdir()
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Stopped):
        patch.setattr(loop.Trainer, "step", disturbed(step, ignore, None, 3, "stop"))
        stage.run(resolve({**SETTINGS, "precision": "bf16"}), place.inputs, scratch, scratch, ignore)


def alone(place: Place, folder: Path, **settings: Any) -> Path:
    """What one process makes."""
    for name in ("output", "scratch"):
        (folder / name).mkdir(exist_ok=True)
    stage.run(resolve({**SETTINGS, **settings}), place.inputs, folder / "output", folder / "scratch", ignore)
    return folder / "output"


def assert_same_bits(one: Path, other: Path) -> None:
    """All that was made is the same; the logs say that batches were shared out in another way."""
    files = [{entry.path: entry.sha256 for entry in manifest(folder)} for folder in (one, other)]
    assert {name for name in files[0].keys() | files[1].keys() if files[0].get(name) != files[1].get(name)} == {
        chain.LOG
    }
    for line, same in zip(log(one), log(other), strict=True):
        for told in ("chain", "shared_out"):
            line.pop(told, None)
            same.pop(told, None)
        assert line == same


def losses(folder: Path) -> list[float]:
    return [line["loss"] for line in log(folder)]


def log(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()]


def test_two_processes_make_the_bits_of_one_with_two_parts(place: Place, undisturbed: Path, tmp_path: Path) -> None:
    """Here a sum of two; with more processes or parts, sums are made in another order."""
    assert_same_bits(undisturbed / "ddp", alone(place, tmp_path, precision="fp32"))


def test_shares_of_weights_learn_the_same(undisturbed: Path) -> None:
    one, other = undisturbed / "ddp", undisturbed / "fsdp-fp32"
    assert losses(other) == pytest.approx(losses(one), rel=1e-4)
    assert [line["batch_sha256"] for line in log(other)] == [line["batch_sha256"] for line in log(one)]
    assert [line["gradient_norm"] for line in log(other)] == pytest.approx(
        [line["gradient_norm"] for line in log(one)], rel=1e-3
    )
    weights, others = (load_file(folder / "model.safetensors") for folder in (one, other))
    assert sorted(weights) == sorted(others)
    assert all(weights[name].dtype == others[name].dtype for name in weights)
    assert losses(undisturbed / "fsdp") == pytest.approx(losses(one), rel=0.02)


@pytest.mark.parametrize("shard", ["ddp", "fsdp"])
def test_a_killed_training_continues_to_the_same_bits(
    undisturbed: Path, continued: tuple[Path, dict[str, Any], Path], shard: str
) -> None:
    made, facts, _ = continued
    assert digest_path(made / shard) == digest_path(undisturbed / shard)
    assert facts[shard]["world_sizes"] == [2]
    assert facts[shard]["tokens"] < sum(line["tokens"] for line in log(made / shard)), "it did not begin again"


@pytest.mark.parametrize("shard", ["ddp", "fsdp"])
def test_what_two_began_one_process_goes_on_with_and_says_so(
    place: Place, undisturbed: Path, continued: tuple[Path, dict[str, Any], Path], tmp_path: Path, shard: str
) -> None:
    shutil.copytree(continued[2] / shard, tmp_path / "scratch")
    told: list[str] = []

    def report(event: str, **fields: Any) -> None:
        if event == "warning":
            told.append(fields["text"])

    (tmp_path / "output").mkdir()
    precision = {"ddp": "fp32", "fsdp": "bf16"}[shard]
    settings = resolve({**SETTINGS, "precision": precision, "checkpoint_every": 7})
    facts = stage.run(settings, place.inputs, tmp_path / "output", tmp_path / "scratch", report)
    assert facts["world_sizes"] == [2, 1]
    assert [one["from_step"] for one in facts["shared_out"]] == [0, 3]
    assert len(told) == 1
    assert "after step 3 with 1 process" in told[0]
    assert "before, it was 2 processes" in told[0]
    assert losses(tmp_path / "output")[:3] == losses(undisturbed / shard)[:3]
    assert losses(tmp_path / "output") == pytest.approx(losses(undisturbed / shard), rel=0.02)
    states = sorted(path.name for path in (tmp_path / "output" / chain.STATES).iterdir())
    assert states == ["3.safetensors", "7.safetensors"], "a slice ends where sums are made in another order"


def test_what_one_began_two_processes_go_on_with_and_say_so(
    place: Place, undisturbed: Path, continued: tuple[Path, dict[str, Any], Path]
) -> None:
    made, facts, _ = continued
    assert facts["from-one"]["world_sizes"] == [1, 2]
    assert losses(made / "from-one") == pytest.approx(losses(undisturbed / "fsdp"), rel=0.02)
    assert any("with 2 processes (fsdp" in text for text in place.told("warning"))


def test_other_processes_find_the_unfinished_work_of_another_number(place: Place) -> None:
    two, one = (
        place.stage(DDP, "helder.train.stage:run"),
        place.stage(resolve({**SETTINGS, "precision": "fp32"}), "helder.train.stage:run"),
    )
    assert two.key != one.key
    assert two.work_key == one.work_key
    assert place.stage({**DDP, "seed": 1}, "helder.train.stage:run").work_key != two.work_key


def test_shares_of_the_upper_blocks(base: Path, undisturbed: Path) -> None:
    before, after = load_file(base / "model.safetensors"), load_file(undisturbed / "fsdp-upper" / "model.safetensors")
    changed = {name for name in before if not after[name].equal(before[name])}
    assert sorted(after) == sorted(before)
    assert changed == {name for name in before if name == "model.norm.weight" or ".layers.1." in name}


def test_a_batch_with_fewer_examples_than_parts(place: Place, undisturbed: Path, tmp_path: Path) -> None:
    one = alone(place, tmp_path, precision="bf16", batch_size=1)
    assert losses(undisturbed / "one-example") == pytest.approx(losses(one), rel=0.02)
    assert [line["tokens"] for line in log(undisturbed / "one-example")] == [line["tokens"] for line in log(one)]


@pytest.mark.parametrize("kind", [{"method": "lora"}, {"optimizer": "muon"}], ids=str)
def test_what_needs_whole_weights_has_them_in_every_process(
    place: Place, undisturbed: Path, tmp_path: Path, kind: dict[str, str]
) -> None:
    made = undisturbed / next(iter(kind.values()))
    assert_same_bits(made, alone(place, tmp_path, precision="fp32", **kind))


def test_preference_adds_up_what_each_process_saw(place: Place, undisturbed: Path, tmp_path: Path) -> None:
    one = alone(place, tmp_path, **{**PREFERENCE, "data_parallel": 2})
    # One process asks the reference with all its threads, two with their share: the last digits may differ.
    asked = [
        [json.loads(line) for line in (folder / "reference.jsonl").read_text(encoding="utf-8").splitlines()]
        for folder in (undisturbed / "preference-ddp", one)
    ]
    for line, other in zip(*asked, strict=True):
        assert line["id"] == other["id"]
        assert [line[key] for key in ("chosen", "rejected")] == pytest.approx([other["chosen"], other["rejected"]])
    for line, other in zip(log(undisturbed / "preference-ddp"), log(one), strict=True):
        assert line["batch_sha256"] == other["batch_sha256"]
        kinds = (
            "loss",
            "gradient_norm",
            "margin",
        )  # of the first step's margins, all nought, rounding says which are above
        assert [line[kind] for kind in kinds] == pytest.approx([other[kind] for kind in kinds], rel=1e-3, abs=1e-5)
    for line, other in zip(log(undisturbed / "preference-fsdp"), log(one), strict=True):
        assert line["loss"] == pytest.approx(other["loss"], rel=1e-3)
        assert line["margin"] == pytest.approx(other["margin"], rel=1e-2, abs=1e-5)
        assert 0 <= line["preferred"] <= 1


def test_answers_that_are_rewarded_are_drawn_by_all(undisturbed: Path) -> None:
    lines = [json.loads(line) for line in (undisturbed / "reward" / "rollouts.jsonl").read_text("utf-8").splitlines()]
    assert [line["rollout"] for line in lines] == [0] * 6 + [1] * 6
    asked = [line["question"] for line in lines]
    assert all(len(set(asked[start : start + 3])) == 1 for start in range(0, 12, 3)), "groups stay together"
    steps = log(undisturbed / "reward")
    assert steps[0]["reward"] == pytest.approx(sum(line["reward"] for line in lines[:6]) / 6)
    assert steps[0]["kl"] == 0.0
    assert steps[1]["kl"] >= 0.0


def test_an_error_in_one_process_is_the_error_of_the_stage(place: Place) -> None:
    of = place.stage({"trainings": {"ddp": DDP}, "attempt": "error"})
    (place.scratch(of) / "accidents.json").write_text(json.dumps({"ddp": [1, 1, "error"]}), encoding="utf-8")
    with pytest.raises(HelderError) as caught:
        place.run(of)
    assert (caught.value.what, caught.value.fix) == ("The cup is empty.", "Fill it.")


def test_the_first_crash_counts_not_the_connections_that_it_broke(tmp_path: Path) -> None:
    ends = [
        {"rank": 0, "ok": False, "at": 2.0, "crash": "RuntimeError: Connection closed by peer"},
        {"rank": 1, "ok": False, "at": 1.0, "crash": "ZeroDivisionError: nothing"},
    ]
    for end in ends:
        (tmp_path / f"end-{end['rank']:05}.json").write_text(json.dumps(end), encoding="utf-8")
    failures = {rank: ProcessFailure(rank, 1000 + rank, 1, str(tmp_path / "none")) for rank in (0, 1)}
    found = launch.why(tmp_path, ChildFailedError("train", failures))
    assert str(found) == "process 1: ZeroDivisionError: nothing"


def test_two_hosts_make_the_bits_of_two_processes(place: Place, undisturbed: Path) -> None:
    """Both on this machine, each with torchrun's agent and one process."""
    others: list[subprocess.Popen[bytes]] = []
    place.events.clear()

    def on_event(event: dict[str, Any]) -> None:
        place.events.append(event)
        if event["event"] == "note":
            _, *command = shlex.split(event["text"].partition("N from 1: ")[2])
            assert command[-1] == "N"
            others.append(subprocess.Popen([sys.executable, *command[:-1], "1"], cwd=REPOSITORY))

    of = place.stage({**DDP, "processes": 1, "hosts": 2}, "helder.train.stage:run")
    with pytest.MonkeyPatch.context() as patch, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        patch.setenv("HELDER_RENDEZVOUS", f"127.0.0.1:{free.getsockname()[1]}")
        free.close()
        made = stages.run(of, place.folder, on_event)
    assert [other.wait(30) for other in others] == [0]
    assert digest_path(made.path) == digest_path(undisturbed / "ddp")
    said = place.folder.find(of.key)
    assert said is not None
    facts = said.predicate["facts"]
    assert (facts["world_size"], facts["world_sizes"]) == (2, [2])
    assert facts["threads_of_each_process"] == said.predicate["environment"]["threads"] == 1
    assert len(facts["peak_memory_of_each_process"]) == 2
    progress = [event["done"] for event in place.events if event["event"] == "progress"]
    assert progress == list(range(1, 9)), "one process reports"
    assert "127.0.0.1:" not in json.dumps(said.predicate["environment"])


def test_no_process_outlives_a_killed_stage(place: Place) -> None:
    of = place.stage({"trainings": {"ddp": DDP}, "attempt": "outlive"})
    (place.scratch(of) / "accidents.json").write_text(json.dumps({"ddp": [None, 1, "wait"]}), encoding="utf-8")
    watched: list[int] = []

    def on_event(event: dict[str, Any]) -> None:
        if event["event"] == "note":
            pids = json.loads(event["text"])
            called = outside(place.folder)
            watched.extend(os.pidfd_open(called[pid]) for pid in pids["workers"])
            os.kill(called[pids["agent"]], signal.SIGKILL)

    with pytest.raises(HelderError, match="killed"):
        stages.run(of, place.folder, on_event)
    assert len(watched) == 2
    for descriptor in watched:
        ended, _, _ = select.select([descriptor], [], [], 10)
        assert ended, "a process still runs"
        os.close(descriptor)


def test_a_recipe_says_how_many_and_how() -> None:
    text = 'name = "a"\n[data]\ntrain = "a"\n[base]\nmodel = "b"\n[train]\nprocesses = 4\nhosts = 2\nshard = "fsdp"'
    section = Recipe.parse(text).final.model_dump(mode="json", exclude=pipeline.NOT_SETTINGS)
    settings = TrainSettings(**resolve(section))
    assert settings.world == 8
    assert settings.sharded
    assert settings.data_parallel == 1


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({}, "there is one"),
        ({"processes": 2, "method": "lora"}, "lora"),
        ({"processes": 2, "optimizer": "muon"}, "muon"),
        ({"hosts": 2, "objective": "reward"}, "reward"),
    ],
    ids=str,
)
def test_what_cannot_be_done_with_shares_is_refused(settings: dict[str, Any], why: str) -> None:
    with pytest.raises(HelderError, match="fsdp") as caught:
        resolve({**settings, "shard": "fsdp"})
    assert why in caught.value.why


def test_hosts_without_a_place_to_meet_are_told_how_to(place: Place) -> None:
    with pytest.raises(HelderError, match="2 hosts") as caught:
        place.run(place.stage({**DDP, "hosts": 2}, "helder.train.stage:run"))
    assert "HELDER_RENDEZVOUS=HOST:PORT" in caught.value.fix
