"""`helder plan --on`: a project becomes work, and a person or a program reads what it would take elsewhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from helder import pipeline
from helder.commands import group
from helder.commands.fleet import amount, energy, fleet_table, settings_line
from helder.errors import ExitCode, HelderError
from helder.fleet import counts, works
from helder.fleet.estimate import estimate
from helder.fleet.machines import parse
from helder.fleet.work import Work
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
    "rope_theta": 100000.0,
    "rms_norm_eps": 1e-05,
    "max_position_embeddings": 8192,
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


def works_of(folder: Path) -> tuple[list[Work], list[str]]:
    planned, notes = works.works_of(Project.open(folder, files=False))
    return [one.work for one in planned], notes


def test_a_training_has_the_sizes_of_its_base_model_and_the_tokens_of_its_data(tmp_path: Path) -> None:
    [one], [how] = works_of(make(tmp_path / "doses"))
    assert one.architecture.parameters == 134_515_008
    # A test file is given, dev is not: a tenth of the lines is held out.
    examples, bytes_each = 0.9 * LINES, len(LINE) + 1
    assert one.mean_length == pytest.approx(bytes_each / counts.BYTES_PER_TOKEN + counts.CHAT_TOKENS)
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
    [one], _ = works_of(make(tmp_path / "doses", budget))
    assert (one.tokens, one.seconds) == (tokens, seconds)


def test_a_batch_in_examples_has_the_tokens_of_its_examples(tmp_path: Path) -> None:
    [one], _ = works_of(make(tmp_path / "doses", "steps = 7\nbatch_size = 8"))
    assert one.tokens_per_step == pytest.approx(8 * one.mean_length)
    assert one.tokens == pytest.approx(7 * one.tokens_per_step)


def test_the_recipe_decides_method_context_and_precision(tmp_path: Path) -> None:
    text = 'steps = 7\nmethod = "lora"\nlora_rank = 4\ncontext = 32\nnumerics = "portable"'
    [one], _ = works_of(make(tmp_path / "doses", text))
    assert (one.method, one.lora_rank, one.sequence_length, one.precision) == ("lora", 4, 32, "fp32")
    assert one.mean_length == 32, "what is longer than the context is not learnt from"


def test_records_that_are_made_are_counted_rather_than_guessed(tmp_path: Path) -> None:
    project = Project.open(make(tmp_path / "doses"))
    pipeline.run(project, until="data")
    [one], [how] = works_of(project.folder)
    assert "records that were made" in how
    # The question and the answer, without the file's own words.
    assert one.mean_length == pytest.approx(145 / counts.BYTES_PER_TOKEN + counts.CHAT_TOKENS, abs=1)


def test_a_base_model_without_sizes_is_refused(tmp_path: Path, home: Path) -> None:
    project = Project.open(make(tmp_path / "doses"))
    (fake_project.base_folder(home) / "config.json").write_text("[]", encoding="utf-8")
    with pytest.raises(HelderError, match=r"config\.json"):
        works_of(project.folder)


# -- several trainings, each with its objective ------------------------------------------------------------------------


def several(folder: Path, trainings: str, base: str = 'model = "tiny"') -> tuple[list[Work], list[str]]:
    """The works of a recipe with these trainings; 98 of 100 tokens of the text are learnt from."""
    recipe = fake_project.RECIPE.replace('model = "tiny"', base).replace('[train]\nbudget = "5 min"', trainings)
    made = fake_project.make(folder, recipe)
    (made / "book.txt").write_text("x" * 40_000, encoding="utf-8")
    pairs = [{"input": "q" * 80, "chosen": "a" * 40, "rejected": f"{index:080d}"} for index in range(64)]
    (made / "pairs.jsonl").write_text("\n".join(map(json.dumps, pairs)), encoding="utf-8")
    rows = [json.dumps({"input": f"{index:03d}" + "x" * 97, "output": "y" * 45}) for index in range(LINES)]
    (made / "train.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return works_of(made)


def test_trainings_come_in_their_order_and_are_called_as_their_stages(tmp_path: Path) -> None:
    text = """
[[train]]
objective = "text"
text = "book.txt"
epochs = 3
context = 64
batch_size = 4
seeds = [1, 2, 3]
optimizer = "muon"

[[train]]
name = "pairs"
objective = "preference"
pairs = "pairs.jsonl"
epochs = 2
batch_size = 8

[[train]]
epochs = 1
packing = true
context = 128
"""
    works, notes = several(tmp_path / "doses", text)
    pretrain, pairs, answers = works
    assert [work.name for work in works] == ["train-text", "train-pairs", "train"]
    assert [work.objective for work in works] == ["text", "preference", "answers"]
    assert (pretrain.repeats, pretrain.optimizer, pretrain.length, pretrain.tokens_per_step) == (3, "muon", 64, 4 * 64)
    assert pretrain.tokens == pytest.approx(3 * 0.98 * 40_000 / 4)
    # A question of 80 bytes with one of two answers, 40 and 80 bytes: 35 tokens, and the chat format.
    sequence, kept = (80 + 60) / 4 + counts.CHAT_TOKENS, round(64 * (1 - 26 / 256))
    assert pairs.mean_length == pytest.approx(sequence)
    assert pairs.tokens_per_step == pytest.approx(8 * 2 * sequence)
    assert pairs.tokens == pytest.approx(2 * kept * 2 * sequence)
    assert pairs.epochs == pytest.approx(2), "the reference model reads each pair once"
    assert answers.length == 128, "packed rows are full"
    assert len(notes) == 3


REWARD = """
[train]
objective = "reward"
batch_size = 4
group = 8
answer_tokens = 64
reuse = 2
"""


@pytest.mark.parametrize(
    ("budget", "steps"),
    [("steps = 10", 10), ("epochs = 2", 2 * 90 / 4 * 2), ("tokens = 4000", None)],
    ids=["steps", "epochs", "tokens"],
)
def test_a_step_of_rewards_is_a_batch_of_groups_of_answers(tmp_path: Path, budget: str, steps: float | None) -> None:
    [one], notes = several(tmp_path / "doses", REWARD + budget)
    question = 171 / 4 + counts.CHAT_TOKENS  # of records that are not made yet only the whole line is known
    assert one.tokens_per_step == pytest.approx(4 * 8 * (question + 64), rel=0.02)
    expected = steps if steps is not None else 2 * 4000 / (4 * question)  # tokens of questions, each rollout used twice
    assert one.tokens is not None
    assert one.tokens / one.tokens_per_step == pytest.approx(expected, rel=0.02)
    assert (one.prompts_per_step, one.group_size, one.longest_answer, one.reuse) == (4, 8, 64, 2)
    assert any("as long as they may be" in note for note in notes)


def test_rewards_without_a_pull_need_no_reference_model(tmp_path: Path) -> None:
    [held], _ = several(tmp_path / "a", REWARD + "steps = 10")
    [free], _ = several(tmp_path / "b", REWARD + "steps = 10\nkl = 0.0")
    assert held.held_parameters == held.architecture.parameters
    assert free.held_parameters == 0
    assert held.other_flops == 2 * free.other_flops


def test_records_say_how_long_answers_are(tmp_path: Path) -> None:
    folder = tmp_path / "doses"
    several(folder, REWARD + "steps = 10")
    pipeline.run(Project.open(folder), until="data")
    [one], _ = works_of(folder)
    assert one.generated_tokens == pytest.approx(45 / 4)
    assert one.prompt_tokens == pytest.approx(100 / 4 + counts.CHAT_TOKENS)


def test_a_teacher_is_as_large_as_it_was_published_when_it_is_not_imported(tmp_path: Path) -> None:
    [one], notes = several(tmp_path / "doses", '[train]\nobjective = "distil"\nteacher = "smollm2-1.7b-instruct"')
    assert one.teacher_parameters == 1_711_376_384
    assert any("not imported" in note or "no model" in note for note in notes)
    with pytest.raises(HelderError, match="There is no model somebody"):
        several(tmp_path / "other", '[train]\nobjective = "distil"\nteacher = "somebody"')


def test_a_teacher_that_writes_answers_writes_them_first(tmp_path: Path) -> None:
    text = '[train]\nobjective = "distil"\nteacher = "smollm2-1.7b"\nteach = "answers"\nepochs = 1'
    [teach, learn], _ = several(tmp_path / "doses", text)
    assert (teach.name, teach.objective, learn.objective) == ("teach-distil", "generate", "answers")
    assert teach.architecture.parameters == 1_711_376_384
    assert learn.architecture.parameters == 134_515_008
    assert teach.prompts_per_step == 90
    assert teach.trained_parameters == teach.checkpoint_bytes == teach.model_bytes == 0
    made = estimate(teach, parse("8xh100"))
    assert made.fits
    assert made.seconds > 0
    assert made.flops == pytest.approx(teach.tokens_per_step * teach.forward_flops)
    assert not estimate(teach, parse("cpu-2")).advice
    assert "90 answers of" in amount(made)


def test_a_model_from_nothing_has_rows_for_its_vocabulary(tmp_path: Path) -> None:
    own = 'model = "scratch"\nsize = "olmo2-14m"\nvocabulary = 1000'
    [one], _ = several(tmp_path / "a", "[train]\nsteps = 5", own)
    assert one.architecture.vocabulary_size == 1024
    assert (one.architecture.width, one.architecture.layers) == (128, 4)
    given = 'model = "scratch"\nsize = "olmo2-14m"\nlayers = 2\ntokenizer = "tiny"'
    [other], _ = several(tmp_path / "b", "[train]\nsteps = 5", given)
    assert other.architecture.vocabulary_size == 49152
    assert other.architecture.layers == 2


# -- data that are not here --------------------------------------------------------------------------------------------


def test_what_is_told_of_missing_files_is_believed_and_shown(tmp_path: Path) -> None:
    folder = make(tmp_path / "doses")
    (folder / "train.jsonl").unlink()
    with pytest.raises(HelderError, match=r"train\.jsonl"):
        works_of(folder)
    told = '["train.jsonl"]\nexamples = 5000\ntokens = 300\nsource = "a letter"\n'
    (folder / counts.AMOUNTS).write_text(told, encoding="utf-8")
    [one], [how] = works_of(folder)
    assert one.mean_length == 300
    assert one.tokens == pytest.approx(2 * 4500 * 300)
    assert how == "train.jsonl: a letter."
    with pytest.raises(HelderError, match=r"train\.jsonl"):
        Project.open(folder)
    (folder / counts.AMOUNTS).write_text('["train.jsonl"]\nexamples = 5\n', encoding="utf-8")
    with pytest.raises(HelderError, match=r"amounts\.toml cannot be read"):
        works_of(folder)


def test_the_settings_are_those_of_the_other_machines(tmp_path: Path) -> None:
    project = Project.open(make(tmp_path / "doses"))
    [gpu], _ = works.works_of(project, "cuda")
    [cpu], _ = works.works_of(project, "cpu")
    assert (gpu.settings["device"], gpu.settings["data_parallel"], gpu.settings["precision"]) == ("cuda", 1, "bf16")
    assert (cpu.settings["device"], cpu.settings["data_parallel"]) == ("cpu", 2)
    filled = works.filled_in(cpu, 400)
    assert (filled["steps"], filled["evaluate_every"], filled["checkpoint_every"]) == (400, 80, 100)
    assert filled["states"] == 2, "a whole state of 135 M weights has 1.6 GB"
    assert works.filled_in(gpu, 400)["states"] == 0, "400 steps of a GPU take as long as saving two states"
    line = settings_line("train", filled)
    assert "learning_rate = 0.0005" in line
    assert "group" not in line, "of another objective"
    assert "lora_rank" not in line, "of another method"
    assert "batch_size" not in line, "batch_tokens decides"


# -- the command -------------------------------------------------------------------------------------------------------


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
    assert stage["settings"]["learning_rate"] == 5e-4


def test_an_unknown_machine_is_the_users_to_fix(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert group.call(["plan", str(make(tmp_path / "doses")), "--on", "8xh1000"]) == ExitCode.USER
    told = capsys.readouterr().err
    assert "Did you mean h100?" in told
    assert "cpu-16" in told


def test_several_trainings_are_added_up(tmp_path: Path) -> None:
    [one], _ = works_of(make(tmp_path / "doses"))
    made = [estimate(one, parse("8xh100"))] * 2
    last = fleet_table(made).splitlines()[-1]
    assert last.startswith("all")
    assert energy(2 * made[0].joules) in last


@pytest.mark.parametrize(
    ("joules", "text"), [(3600, "1 Wh"), (1.23 * 3.6e6, "1.23 kWh"), (146 * 3.6e9, "146 MWh"), (3e9, "833 kWh")]
)
def test_energy_reads_well(joules: float, text: str) -> None:
    assert energy(joules) == text
