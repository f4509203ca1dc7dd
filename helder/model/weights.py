"""Weights from a Hugging Face folder into the transformer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from helder.model import safetensors_file
from helder.model.families import check_shapes

if TYPE_CHECKING:
    from helder.model.transformer import Transformer


def load_weights(model: Transformer, folder: Path) -> None:
    """Fill every parameter of `model` from the safetensors files in `folder`.

    Raises:
        HelderError: a file is damaged; tensors are missing, extra or of another shape (named).
    """
    tensors = safetensors_file.open_folder(folder)
    if model.config.tied:
        tensors.pop("lm_head.weight", None)  # some folders hold the tied head a second time
    check_shapes({name: info.shape for name, info in tensors.items()}, model.config, folder.name)
    parameters = dict(model.named_parameters())
    with torch.no_grad():
        for name, info in tensors.items():
            parameters[name].copy_(torch.from_numpy(info.read()))
