"""A model is asked every item, held to the task's form, and every answer is written as it came."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from helder.compress import gguf_writer
from helder.errors import HelderError
from helder.evaluate import predict
from helder.evaluate.records import Example
from helder.serve.answer import Answer
from helder.tokens import chat
from helder.tokens.tokenizer import Tokenizer
from tests.evaluate.material import DOSE, LABEL, TEXT, data, doses, silent
from tests.serve import tiny

CONTEXT = 2048


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model as a model folder."""
    torch.set_num_threads(1)
    folder: Path = tmp_path_factory.mktemp("model")
    made = tiny.make(folder)
    made.gguf.unlink()
    config = made.model.config
    record = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": config.vocabulary_size,
        "hidden_size": config.width,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
        "num_key_value_heads": config.kv_heads,
        "head_dim": config.head_width,
        "intermediate_size": config.feed_forward_width,
        "rope_theta": config.rope_theta,
        "rms_norm_eps": config.norm_epsilon,
        "tie_word_embeddings": config.tied,
        "max_position_embeddings": CONTEXT,
        "hidden_act": "silu",
    }
    texts = {"config.json": record, "helder.json": {"chat_format": "chatml"}, "source.json": {}}
    texts |= {"generation_config.json": {"bos_token_id": 0, "eos_token_id": tiny.END, "pad_token_id": 0}}
    texts |= {"tokenizer_config.json": {"chat_template": chat.CHATML.template}}
    for name, content in texts.items():
        (folder / name).write_text(json.dumps(content), encoding="utf-8")
    tensors = {name: part for name, part in made.model.state_dict().items() if name != "lm_head.weight"}
    save_file(tensors, folder / "model.safetensors")
    return folder


@pytest.fixture(scope="module")
def files(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GGUF file of the tiny model."""
    folder: Path = tmp_path_factory.mktemp("files")
    gguf_writer.write(model, folder / "model-f16.gguf", "f16", "tiny")
    return folder


def ask(tmp_path: Path, subject: str, inputs: dict[str, Path], **settings: Any) -> tuple[list[dict[str, Any]], Path]:
    output = tmp_path / f"predict-{subject}"
    output.mkdir()
    predict.run({"subject": subject, **settings}, inputs, output, tmp_path / "scratch", silent)
    lines = (output / "test.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines], output


def about(output: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((output / "about.json").read_text(encoding="utf-8"))
    return found


def test_the_weights_answer_every_item_in_the_form_of_the_task(tmp_path: Path, model: Path) -> None:
    folder = doses(tmp_path / "data", test=5)
    rows, output = ask(tmp_path, "weights", {"data": folder, "model": model})
    assert [row["id"] for row in rows] == [f"{n:04}" for n in range(60, 65)]
    for row in rows:  # random weights write nonsense, but in form, unless they run into the limit
        if row["error"] is None:
            assert DOSE.encode(row["output"]) == row["raw"]
        else:
            assert "cut after" in row["error"]
    assert about(output)["constrained"] is True
    assert about(output)["examples_in_prompt"] == 0


def test_a_file_is_asked_with_the_tokenizer_and_format_it_carries(tmp_path: Path, files: Path) -> None:
    train = [{"id": str(n), "input": f"thing {n}", "output": LABEL.labels[n % 3]} for n in range(9)]
    folder = data(tmp_path / "data", LABEL, {"train": train, "dev": train, "test": train})
    rows, _ = ask(tmp_path, "f16", {"data": folder, "files": files})
    assert len(rows) == 9
    assert {row["output"] for row in rows} <= set(LABEL.labels)
    assert all(row["error"] is None for row in rows)


def test_weights_and_their_file_give_the_same_labels(tmp_path: Path, model: Path, files: Path) -> None:
    train = [{"id": str(n), "input": f"thing {n} of {n * n}", "output": LABEL.labels[n % 3]} for n in range(12)]
    folder = data(tmp_path / "data", LABEL, {"train": train, "dev": train, "test": train})
    ours, _ = ask(tmp_path, "weights", {"data": folder, "model": model})
    theirs, _ = ask(tmp_path, "f16", {"data": folder, "files": files})
    same = sum(a["output"] == b["output"] for a, b in zip(ours, theirs, strict=True))
    assert same >= 11  # weights in 16 bits may turn one close call


def test_the_base_model_gets_examples_and_the_prompt_is_on_record(tmp_path: Path, model: Path) -> None:
    folder = doses(tmp_path / "data", test=5)
    rows, output = ask(tmp_path, "base", {"data": folder, "model": model}, examples=2, limit=3, seed=0)
    assert len(rows) == 3
    said = about(output)
    assert (said["limit"], said["examples_in_prompt"], len(said["shots"])) == (3, 2, 2)
    assert "- dose: integer" in said["instruction"]


def test_without_the_form_enforced_nonsense_is_written_with_the_reason(tmp_path: Path, model: Path) -> None:
    folder = doses(tmp_path / "data", test=3)
    rows, output = ask(tmp_path, "weights", {"data": folder, "model": model}, constrained=False)
    assert all(row["output"] is None and "not JSON" in row["error"] for row in rows)
    assert about(output)["constrained"] is False


def test_text_tasks_are_asked_too(tmp_path: Path, model: Path) -> None:
    train = [{"id": str(n), "input": f"q {n}", "output": f"a {n}"} for n in range(4)]
    folder = data(tmp_path / "data", TEXT, {"train": train, "dev": train, "test": train})
    rows, _ = ask(tmp_path, "weights", {"data": folder, "model": model})
    assert len(rows) == 4


def test_two_runs_write_the_same_bytes(tmp_path: Path, model: Path) -> None:
    folder = doses(tmp_path / "data", test=4)
    written = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        _, output = ask(tmp_path / name, "weights", {"data": folder, "model": model})
        written.append({path.name: path.read_bytes() for path in output.iterdir()})
    assert written[0] == written[1]


def test_a_model_that_cannot_answer_is_an_error_and_leaves_no_zeros(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = doses(tmp_path / "data", test=3)
    opened = predict.Asked(Tokenizer.load(model), chat.format_of(model), lambda *_: [], lambda: None)
    monkeypatch.setattr(predict, "open_subject", lambda *_: opened)
    with pytest.raises(HelderError, match="0 answers to 3 questions"):
        ask(tmp_path, "weights", {"data": folder, "model": model})


def test_a_file_that_was_not_made_is_named(tmp_path: Path, files: Path) -> None:
    with pytest.raises(HelderError, match=r"no file model-q4_0\.gguf") as caught:
        ask(tmp_path, "q4_0", {"data": doses(tmp_path / "data", test=2), "files": files})
    assert "model-f16.gguf" in caught.value.why


def test_an_unknown_subject_is_refused(tmp_path: Path, model: Path) -> None:
    with pytest.raises(HelderError, match="'oracle' is unknown"):
        ask(tmp_path, "oracle", {"data": doses(tmp_path / "data", test=2), "model": model})


def test_an_answer_that_ran_into_the_limit_says_so() -> None:
    answer = Answer('[{"dose":1', (1, 2, 3), "length", 5, 3)
    found = predict.read_answer(DOSE, Example("1", "x", []), answer)
    assert found.output is None
    assert found.error is not None and found.error.startswith("cut after 3 tokens; not JSON")


def test_confidences_are_written_for_the_development_set_too_and_change_no_answer(
    tmp_path: Path, model: Path, files: Path
) -> None:
    folder = doses(tmp_path / "data", test=4)
    for subject, inputs in (("weights", {"data": folder, "model": model}), ("f16", {"data": folder, "files": files})):
        (tmp_path / "plain").mkdir(exist_ok=True)
        plain, _ = ask(tmp_path / "plain", subject, inputs)
        rows, output = ask(tmp_path, subject, inputs, confidences=True)
        assert [{key: row[key] for key in plain[0]} for row in rows] == plain
        for row in rows:
            sure = row["confidence"]
            assert 0 < sure["whole"] <= sure["least"] <= sure["mean"] <= 1
        assert len((output / "dev.jsonl").read_text(encoding="utf-8").splitlines()) == 2
        assert not (tmp_path / "plain" / f"predict-{subject}" / "dev.jsonl").exists()


def test_both_generators_are_equally_sure_of_the_same_answer(tmp_path: Path, model: Path, files: Path) -> None:
    train = [{"id": str(n), "input": f"thing {n} of {n * n}", "output": LABEL.labels[n % 3]} for n in range(6)]
    folder = data(tmp_path / "data", LABEL, {"train": train, "dev": train, "test": train})
    ours, _ = ask(tmp_path, "weights", {"data": folder, "model": model}, confidences=True)
    theirs, _ = ask(tmp_path, "f16", {"data": folder, "files": files}, confidences=True)
    for a, b in zip(ours, theirs, strict=True):
        if a["raw"] == b["raw"]:
            assert a["confidence"]["whole"] == pytest.approx(b["confidence"]["whole"], rel=0.05)
