"""The stage "export": a model as it was imported → one GGUF file, tensor by tensor.

For models that are used as they are, and for those too large to be held in memory: unlike the stage "files" it makes no
round trip, which would need the whole model in fp32. That a small model of the same family makes it is shown by the
tests (tests/compress/test_stage.py).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from helder.compress import gguf_writer


def run(
    settings: dict[str, Any], inputs: dict[str, Path], output: Path, scratch: Path, report: Callable[..., None]
) -> dict[str, Any]:
    """Stage function, see `helder.stage`.

    Args:
        settings: format, one of `gguf_writer.FORMATS`; name, the model's name in the file.
        inputs: "model", a model folder as its import left it.
    """

    def progress(done: int, total: int) -> None:
        report("progress", done=done, total=total, unit="tensor")

    target = output / f"{settings['name']}-{settings['format']}.gguf"
    gguf_writer.write(inputs["model"], target, settings["format"], settings["name"], progress)
    return {}
