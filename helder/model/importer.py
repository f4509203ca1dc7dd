"""`helder model import`: someone else's model files → a model folder of ours, as a stage with its own statement.

Reads a GGUF file or the files of a Hugging Face folder. No pickle is read. A chat template, which is a program, serves
once to find the format that it stands for (`helder.tokens.matching`) and is not kept.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from helder.errors import HelderError
from helder.ledger.artifact import FileEntry, hash_file, manifest_digest
from helder.model.folder import write_companions, write_json
from helder.model.sources import SINGLE, Source


def settings(source: Source, chat_format: str | None) -> dict[str, Any]:
    """The resolved settings of the import stage."""
    known = source.known
    return {
        "name": source.name,
        "title": known.get("title", source.name),
        "licence": known.get("licence", ""),
        "note": known.get("note", ""),
        "origin": source.origin,
        "chat_format": chat_format,
    }


def run(
    settings: dict[str, Any], inputs: dict[str, Path], output: Path, scratch: Path, report: Callable[..., None]
) -> dict[str, Any]:
    """Stage function, see `helder.stage`: the files of a `Source` → model folder."""
    if SINGLE in inputs:
        made = _convert_gguf(inputs[SINGLE], settings, output, report)
    else:
        # The files lie where their owner keeps them; the readers of folders get them side by side.
        folder = scratch / settings["name"]
        folder.mkdir(exist_ok=True)
        for name, path in inputs.items():
            (folder / name).unlink(missing_ok=True)
            (folder / name).symlink_to(path)
        made = _convert_folder(folder, settings, output, report)
    write_json(output / "source.json", made)
    return {}


def _convert_gguf(path: Path, settings: Mapping[str, Any], output: Path, report: Callable[..., None]) -> dict[str, Any]:
    import numpy as np

    from helder.model import families, safetensors_file
    from helder.model.gguf_file import GgufFile
    from helder.tokens import tokenizer

    file = GgufFile(path)
    fields = file.fields
    family = families.of_gguf(fields.get("general.architecture"))
    config = families.config_from_gguf(fields, file.tensors)
    theirs = {family.from_gguf_name(name): name for name in file.tensors}
    shapes = {ours: file.tensors[name].shape for ours, name in theirs.items()}
    rows = shapes.get("model.embed_tokens.weight", (config.vocabulary_size,))[0]
    families.check_vocabulary(config.vocabulary_size, rows, path.name, exactly=True)
    families.check_shapes(shapes, config, path.name, family.to_gguf_name)
    text = tokenizer.from_gguf(fields)
    chat_format, default_system = _chat_format(
        settings, fields.get("tokenizer.chat_template"), _specials_of_gguf(fields), report
    )

    def tensors() -> Iterator[tuple[str, Any]]:
        for count, ours in enumerate(sorted(shapes), start=1):
            array, heads = file.read(theirs[ours]), family.heads_of(ours, config)
            _check_finite(array, ours, path.name)
            report("progress", done=count, total=len(shapes), unit="tensor")
            yield ours, np.ascontiguousarray(families.restore_heads(array, heads) if heads else array, dtype="<f4")

    layout = {name: ("F32", shape) for name, shape in shapes.items()}
    safetensors_file.write(output / "model.safetensors", layout, tensors())
    (output / "tokenizer.json").write_text(text, encoding="utf-8")
    write_companions(
        output,
        config,
        chat_format,
        begin=fields.get("tokenizer.ggml.bos_token_id"),
        padding=fields.get("tokenizer.ggml.padding_token_id"),
    )
    kinds = sorted({tensor.kind for tensor in file.tensors.values()} - {"F32"})
    quantised = [kind for kind in kinds if kind not in ("F16", "BF16")]
    return _source_record(
        settings,
        kind="gguf",
        sha256=hash_file(path)[1],
        licence=settings["licence"] or str(fields.get("general.license", "unknown")),
        quantised=quantised,
        note=settings["note"],
        **default_system,
    )


def _convert_folder(
    folder: Path, settings: Mapping[str, Any], output: Path, report: Callable[..., None]
) -> dict[str, Any]:
    from helder.model import families, safetensors_file
    from helder.tokens import tokenizer as tokenizers_
    from helder.tokens.tokenizer import Tokenizer

    name = folder.name
    config = families.read_config(folder)
    tensors = safetensors_file.open_folder(folder)
    if config.tied and (head := tensors.pop("lm_head.weight", None)) is not None:
        embedding = tensors.get("model.embed_tokens.weight")
        if embedding is not None and head.raw() != embedding.raw():
            raise HelderError(
                f"{name} says that its output head is tied to the embedding, and holds another one.",
                "Which of the two is meant cannot be known.",
                'Correct "tie_word_embeddings" in its config.json.',
            )
    families.check_shapes({tensor: info.shape for tensor, info in tensors.items()}, config, name)
    tokenizer = Tokenizer.load(folder)
    families.check_vocabulary(tokenizer.vocabulary_size, config.vocabulary_size, name)
    said = _tokenizer_config(folder)
    chat_format, default_system = _chat_format(settings, _template_of(folder, said), _specials_of(said), report)
    words, changed = tokenizers_.as_written((folder / tokenizers_.FILE_NAME).read_text(encoding="utf-8"))
    if changed:
        report("note", text=changed)

    def read() -> Iterator[tuple[str, Any]]:
        for count, (tensor, info) in enumerate(sorted(tensors.items()), start=1):
            for piece in info.pieces():
                _check_finite(piece, tensor, name)
            report("progress", done=count, total=len(tensors), unit="tensor")
            yield tensor, info.raw()

    layout = {tensor: (info.dtype, info.shape) for tensor, info in tensors.items()}
    safetensors_file.write(output / "model.safetensors", layout, read())
    if changed:
        (output / tokenizers_.FILE_NAME).write_text(words, encoding="utf-8")
    else:
        shutil.copyfile(folder / tokenizers_.FILE_NAME, output / tokenizers_.FILE_NAME)
    raw = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    write_companions(
        output,
        config,
        chat_format,
        begin=raw.get("bos_token_id"),
        padding=raw.get("pad_token_id"),
        dtype=safetensors_file.TORCH_NAMES[tensors["model.embed_tokens.weight"].dtype],
    )
    kinds = ", ".join(sorted({info.dtype for info in tensors.values()}))
    count = len({info.file for info in tensors.values()})
    return _source_record(
        settings,
        kind="folder",
        sha256=manifest_digest(
            [FileEntry(path.name, *hash_file(path.resolve())) for path in sorted(folder.iterdir())],
        ),
        licence=settings["licence"] or _licence_of(folder),
        quantised=[],
        note=settings["note"]
        or f"Weights of type {kinds} in {count} file(s), bit for bit as they were. {changed}".strip(),
        **default_system,
    )


def _check_finite(array: Any, name: str, where: str) -> None:
    """Refuse weights that are no numbers: a model with one of them answers nothing."""
    import numpy as np

    if not np.isfinite(array).all():
        raise HelderError(
            f"{name} in {where} holds weights that are not finite numbers.", "It is damaged.", "Fetch it again."
        )


def _chat_format(
    settings: Mapping[str, Any], template: str | None, specials: Mapping[str, str], report: Callable[..., None]
) -> tuple[str, dict[str, str]]:
    """The name of the chat format, and what else is to be recorded of it."""
    if settings["chat_format"]:
        return settings["chat_format"], {}
    from helder.tokens import matching

    found = matching.match(template, specials)
    if not found.default_system:
        return found.form.name, {}
    report(
        "note",
        text=f"Where there is no system message, its chat template adds {found.default_system!r}; Helder adds none.",
    )
    return found.form.name, {"default_system": found.default_system}


def _tokenizer_config(folder: Path) -> dict[str, Any]:
    """`tokenizer_config.json`, or nothing where there is none."""
    path = folder / "tokenizer_config.json"
    try:
        record = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    except (ValueError, RecursionError) as error:
        raise HelderError(f"{path} cannot be read.", str(error), "Fetch the model again.") from error
    if not isinstance(record, dict):
        raise HelderError(f"{path} cannot be read.", "It is not a JSON object.", "Fetch the model again.")
    return record


def _specials_of(said: Mapping[str, Any]) -> dict[str, str]:
    """The special tokens that a tokenizer_config.json names: as a text, or as an object that holds it."""
    from helder.tokens import matching

    found = {name: said.get(name) for name in matching.SPECIALS}
    texts = {name: one.get("content") if isinstance(one, dict) else one for name, one in found.items()}
    return {name: text for name, text in texts.items() if isinstance(text, str)}


def _specials_of_gguf(fields: Mapping[str, Any]) -> dict[str, str]:
    """The special tokens that a GGUF file names by their ids."""
    tokens = fields["tokenizer.ggml.tokens"]
    ids = {"bos_token": "bos_token_id", "eos_token": "eos_token_id", "pad_token": "padding_token_id"}
    found = {name: fields.get(f"tokenizer.ggml.{key}") for name, key in ids.items()}
    return {name: tokens[number] for name, number in found.items() if type(number) is int and 0 <= number < len(tokens)}


def _template_of(folder: Path, said: Mapping[str, Any]) -> str | None:
    """The chat template of a folder, from either of the two places where it may stand."""
    jinja = folder / "chat_template.jinja"
    if jinja.exists():
        try:
            return jinja.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise HelderError(f"{jinja} cannot be read.", str(error), "Fetch the model again.") from error
    template = said.get("chat_template")
    if isinstance(template, list):  # several under names; the one without a purpose is "default"
        named = [one for one in template if isinstance(one, dict)]
        template = next((one.get("template") for one in named if one.get("name") == "default"), None)
    return template if isinstance(template, str) else None


def _licence_of(folder: Path) -> str:
    """The licence that the model card names in its head."""
    card = folder / "README.md"
    if card.exists():
        for line in card.read_text(encoding="utf-8", errors="replace").splitlines()[:80]:
            if line.startswith("license:"):
                return line.partition(":")[2].strip()
    return "unknown"


def _source_record(settings: Mapping[str, Any], **found: Any) -> dict[str, Any]:
    record = {"name": settings["name"], "title": settings["title"], "origin": settings["origin"], **found}
    if record["quantised"]:
        record["note"] = f"Dequantised from {', '.join(record['quantised'])}. {record['note']}".strip()
    return record
