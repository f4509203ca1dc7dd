"""`helder plan --on`: a project becomes work, and a person or a program reads what it would take elsewhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from helder import pipeline
from helder.commands import group
from helder.commands.fleet import energy, fleet_table
from helder.errors import ExitCode, HelderError
from helder.fleet import works
from helder.fleet.estimate import estimate
from helder.fleet.machines import parse
from helder.fleet.works import works_of
from helder.project import Project
from tests import fake_project

CONFIG: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "hidden_size": 576,
    "num_hidden_layers": 30,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
    "head_dim": 64,
    "intermediate_size": 1536,
    "vocab_size": 49152,
    "tie_word_embeddings": True,
}
LINES = 100
LINE = json.dumps({"input": "x" * 100, "output": "y" * 45})  # about 170 bytes


@pytest.fixture(autouse=True)
def stages(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    fake_project.import_base(home, json.dumps(CONFIG))
    fake_project.use_tiny_stages(monkeypatch, home, true=("data",))


def make(folder: Path, budget: str = "epochs = 2", **data: str) -> Path:
    recipe = fake_project.RECIPE.replace('budget = "5 min"', budget)
    made = fake_project.make(folder, recipe)
    rows = [json.dumps({"input": f"{index:03d}" + "x" * 97, "output": "y" * 45}) for index in range(LINES)]
    (made / "train.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return made


def test_a_training_has_the_sizes_of_its_base_model_and_the_tokens_of_its_data(tmp_path: Path) -> None:
    [one], [how] = works_of(Project.open(make(tmp_path / "doses")))
    assert one.architecture.parameters == 134_515_008
    # A test file is given, dev is not: a tenth of the lines is held out.
    examples, bytes_each = 0.9 * LINES, len(LINE) + 1
    assert one.mean_length == pytest.approx(bytes_each / works.BYTES_PER_TOKEN + works.CHAT_TOKENS)
    assert one.tokens == pytest.approx(2 * examples * one.mean_length)
    assert one.epochs == pytest.approx(2)
    assert "90 examples" in how
    assert "assumptions" in how


@pytest.mark.parametrize(
    ("budget", "tokens", "seconds"),
    [
        ("tokens = 5000", 5000, None),
        ("steps = 7\nbatch_tokens = 256", 7 * 256, None),
        ('budget = "2 h"', None, 7200),
    ],
)
def test_every_budget_is_understood(tmp_path: Path, budget: str, tokens: float | None, seconds: float | None) -> None:
    [one], _ = works_of(Project.open(make(tmp_path / "doses", budget)))
    assert (one.tokens, one.seconds) == (tokens, seconds)


def test_a_batch_in_examples_has_the_tokens_of_its_examples(tmp_path: Path) -> None:
    [one], _ = works_of(Project.open(make(tmp_path / "doses", "steps = 7\nbatch_size = 8")))
    assert one.tokens_per_step == pytest.approx(8 * one.mean_length)
    assert one.tokens == pytest.approx(7 * one.tokens_per_step)


def test_the_recipe_decides_method_context_and_precision(tmp_path: Path) -> None:
    text = 'steps = 7\nmethod = "lora"\nlora_rank = 4\ncontext = 32\nnumerics = "portable"'
    [one], _ = works_of(Project.open(make(tmp_path / "doses", text)))
    assert (one.method, one.lora_rank, one.sequence_length, one.precision) == ("lora", 4, 32, "fp32")
    assert one.mean_length == 32, "what is longer than the context is not learnt from"


def test_records_that_are_made_are_counted_rather_than_guessed(tmp_path: Path) -> None:
    project = Project.open(make(tmp_path / "doses"))
    pipeline.run(project, until="data")
    [one], [how] = works_of(project)
    assert "records that were made" in how
    # The question and the answer, without the file's own words.
    assert one.mean_length == pytest.approx(145 / works.BYTES_PER_TOKEN + works.CHAT_TOKENS, abs=1)


def test_a_base_model_without_sizes_is_refused(tmp_path: Path, home: Path) -> None:
    project = Project.open(make(tmp_path / "doses"))
    (fake_project.base_folder(home) / "config.json").write_text("[]", encoding="utf-8")
    with pytest.raises(HelderError, match=r"config\.json"):
        works_of(project)


def test_the_command_shows_a_table_and_says_what_it_assumes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project = make(tmp_path / "doses")
    assert group.call(["plan", str(project), "--on", "8xh100"]) == ExitCode.DONE
    shown = capsys.readouterr().out
    assert "on 8xh100, estimated" in shown
    assert "37% of 989 TFLOP/s in bf16" in shown
    assert "90 examples of about" in shown
    assert "not counted" in shown
    assert not (project / "run").exists(), "nothing was run for it"


def test_with_json_it_is_one_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project = make(tmp_path / "doses")
    assert group.call(["plan", str(project), "--on", "2x8xa100", "--json"]) == ExitCode.DONE
    found = json.loads(capsys.readouterr().out)
    assert found["machines"] == "2x8xa100"
    [stage] = found["stages"]
    assert stage["fits"] is True
    assert stage["memory_bytes"] == pytest.approx(sum(stage["memory_parts"].values()), abs=10)
    assert stage["disk_bytes"] > stage["checkpoint_bytes"] > 0
    assert stage["hours_slowest"] > stage["hours"] > 0
    assert stage["log_bytes"] > 0


def test_an_unknown_machine_is_the_users_to_fix(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert group.call(["plan", str(make(tmp_path / "doses")), "--on", "8xh1000"]) == ExitCode.USER
    told = capsys.readouterr().err
    assert "Did you mean h100?" in told
    assert "cpu-16" in told


def test_several_trainings_are_added_up(tmp_path: Path) -> None:
    [one], _ = works_of(Project.open(make(tmp_path / "doses")))
    made = [estimate(one, parse("8xh100"))] * 2
    last = fleet_table(made).splitlines()[-1]
    assert last.startswith("all")
    assert energy(2 * made[0].joules) in last


@pytest.mark.parametrize(
    ("joules", "text"), [(3600, "1 Wh"), (1.23 * 3.6e6, "1.23 kWh"), (146 * 3.6e9, "146 MWh"), (3e9, "833 kWh")]
)
def test_energy_reads_well(joules: float, text: str) -> None:
    assert energy(joules) == text
