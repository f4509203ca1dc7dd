"""The small files of a model folder, beside its weights."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from helder.errors import HelderError

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
    text = json.dumps({**config, "dtype": "float32"}, indent=2, ensure_ascii=False)
    (target / "config.json").write_text(text + "\n", encoding="utf-8")
