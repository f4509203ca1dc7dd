"""The small files of a model folder, beside its weights."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helder.errors import HelderError

if TYPE_CHECKING:
    from helder.model.config import TransformerConfig

COMPANIONS = (
    "config.json",
    "generation_config.json",
    "helder.json",
    "source.json",
    "tokenizer.json",
    "tokenizer_config.json",
)


def copy_companions(source: Path, target: Path) -> None:
    """Copy everything but the weights from an imported model folder, for weights that are written in fp32.

    Raises:
        HelderError: the folder was not imported by Helder.
    """
    for name in COMPANIONS:
        if not (source / name).is_file():
            raise HelderError(f"The model folder {source.name} has no {name}.", fix="Import it: helder model import")
        shutil.copyfile(source / name, target / name)
    config = json.loads((target / "config.json").read_text(encoding="utf-8"))
    write_json(target / "config.json", {**config, "dtype": "float32"})


def write_companions(
    output: Path, config: TransformerConfig, chat_format: str, *, begin: Any, padding: Any, dtype: str = "float32"
) -> None:
    """The small files beside weights and tokenizer.json.

    What ends an answer is what the chat format says, whatever the source names as the end of a text.

    Args:
        begin, padding: ids that the source names, or whatever else stands there.
        dtype: type of the weights, as torch calls it.
    """
    from helder.model import families
    from helder.tokens import chat
    from helder.tokens.tokenizer import Tokenizer, pre_tokenizer_name

    form, tokenizer = chat.known(chat_format), Tokenizer.load(output)
    tokenizer.check_identity()
    pre_tokenizer_name(tokenizer.path)  # refused now, not when a GGUF file is to be written after hours of training
    for name in form.specials:
        tokenizer.special(name)
    end = tokenizer.special(form.closing)
    names = {number: name for name, number in tokenizer.specials.items()}
    begin = begin if type(begin) is int and begin in names else None
    padding = padding if type(padding) is int and padding in names else end
    ends = {"bos_token_id": begin, "eos_token_id": end, "pad_token_id": padding}
    write_json(output / "config.json", families.to_config_json(config, dtype=dtype) | ends)
    write_json(output / "generation_config.json", ends)
    write_json(
        output / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": names[begin] if begin is not None else None,
            "eos_token": names[end],
            "pad_token": names[padding],
            "model_max_length": config.context_length,
            "clean_up_tokenization_spaces": False,
            "chat_template": form.template,
        },
    )
    write_json(output / chat.FILE_NAME, {"chat_format": chat_format})


def write_json(path: Path, record: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
