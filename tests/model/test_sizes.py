"""Named sizes: as published, and counted as the transformer counts them."""

from __future__ import annotations

import pytest
import torch

from helder.errors import HelderError
from helder.model import sizes
from helder.model.transformer import Transformer

PUBLISHED = {  # weights of the files on the hub
    "smollm2-135m": 134_515_008, "smollm2-360m": 361_821_120, "smollm2-1.7b": 1_711_376_384,
}  # fmt: skip
ROUNDED = {  # in billions, as their makers say it
    "olmo2-1b": 1.48, "olmo2-7b": 7.3, "olmo2-13b": 13.7, "olmo2-32b": 32.2,
    "qwen2.5-coder-0.5b": 0.49, "qwen2.5-coder-1.5b": 1.54, "qwen2.5-coder-3b": 3.09, "qwen2.5-coder-7b": 7.61,
    "qwen2.5-coder-14b": 14.7, "qwen2.5-coder-32b": 32.5,
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(sizes.sizes()))
def test_a_size_counts_its_parameters_as_the_transformer_does(name: str) -> None:
    size = sizes.find(name)
    with torch.device("meta"):
        model = Transformer(size.config(1000))
    assert size.config(1000).parameter_count == sum(parameter.numel() for parameter in model.parameters())
    assert size.head_width * size.heads == size.width
    assert size.source


def test_the_published_models_have_as_many_parameters_as_published() -> None:
    for name, parameters in PUBLISHED.items():
        size = sizes.find(name)
        assert size.published.parameter_count == parameters
    for name, billions in ROUNDED.items():
        size = sizes.find(name)
        assert size.published.parameter_count / 1e9 == pytest.approx(billions, rel=0.01)


def test_the_steps_of_olmo_core_have_feed_forward_widths_as_it_derives_them() -> None:
    for size in sizes.sizes().values():
        if size.family == "olmo2" and size.name != "olmo2-32b":
            inner = 8 * size.width // 3
            factor = 1.0 if size.name in ("olmo2-14m", "olmo2-30m", "olmo2-7b", "olmo2-13b") else 1.5
            assert size.feed_forward_width == -(-int(factor * inner) // 256) * 256


def test_a_name_that_is_nearly_right_is_guessed() -> None:
    with pytest.raises(HelderError, match="Did you mean olmo2-1b?"):
        sizes.find("OLMo2-1B")
    with pytest.raises(HelderError, match="There is no size 'huge'"):
        sizes.find("huge")
