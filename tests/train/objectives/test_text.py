"""Language modelling: it beats counting, sees every token once an epoch, and counts bits as a hand would."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from helder.errors import HelderError
from helder.model.transformer import Transformer
from helder.tokens.shards import Shard
from helder.train import objectives
from helder.train.objectives.answers import cross_entropy
from helder.train.objectives.text import Text, collate, measure
from helder.train.settings import TrainSettings, resolve
from tests.train.conftest import ignore
from tests.train.objectives import ngram, small_world
from tests.train.objectives.conftest import World


def test_pre_training_beats_counting_five_tokens_on_held_out_text(pretrained: Path, world: World) -> None:
    train, held_out = Shard.load(world.shards, "train"), Shard.load(world.shards, "dev")
    counted = [ngram.bits_per_byte(train, held_out, order, small_world.VOCABULARY) for order in (3, 5, 6)]
    assert counted[1] == min(counted)  # the strongest of its kind, not a straw man
    before = measure(cross_entropy, Transformer.from_folder(world.base), held_out, 128)["bits_per_byte"]
    after = measure(cross_entropy, Transformer.from_folder(pretrained), held_out, 128)["bits_per_byte"]
    assert after < 0.97 * counted[1] < counted[1] < before


def test_bits_per_byte_are_those_of_a_count_by_hand(pretrained: Path, world: World) -> None:
    model, held_out = Transformer.from_folder(pretrained), Shard.load(world.shards, "dev").first_documents(600)
    nats, size = 0.0, 0
    with torch.no_grad():
        for document, bytes_of in zip(ngram.documents(held_out), held_out.sizes.tolist(), strict=True):
            logits = model(torch.tensor([document]))[0]
            nats += F.cross_entropy(logits[:-1], torch.tensor(document[1:]), reduction="sum").item()
            size += bytes_of
    found = measure(cross_entropy, model, held_out, 100_000)
    assert found["bits_per_byte"] == pytest.approx(nats / math.log(2) / size, rel=1e-5)
    assert found["loss"] == pytest.approx(nats / (held_out.tokens - len(held_out)), rel=1e-5)


def test_a_packed_row_has_the_loss_of_its_documents_alone(pretrained: Path, world: World) -> None:
    model, shard = Transformer.from_folder(pretrained), Shard.load(world.shards, "dev").first_documents(700)
    with torch.no_grad():
        together = cross_entropy(model, collate(shard, [range(shard.tokens)])).item()
        ends = [*shard.starts.tolist()[1:], shard.tokens]
        alone = [
            cross_entropy(model, collate(shard, [range(start, end)])).item()
            for start, end in zip(shard.starts.tolist(), ends, strict=True)
        ]
    assert len(alone) > 3
    assert together == pytest.approx(sum(alone), rel=1e-5)


def test_every_token_is_seen_once_an_epoch(world: World) -> None:
    settings = TrainSettings(**resolve({"objective": "text", "batch_tokens": 1000, "context": 96, "epochs": 1.0}))
    shard = Shard.load(world.shards, "train").first_documents(20_000)
    text = Text(settings, shard, None)
    text.model = Transformer.from_folder(world.base)
    seen: Counter[int] = Counter()
    targets = 0
    for step in range(text.steps(settings)):
        work = text.work(step, 2)
        for index in text.order.batch(step):
            seen.update(text.rows[index])
        targets += sum((shard.targets(text.rows[index]) >= 0).sum() for index in text.order.batch(step))
        assert work.tokens == text.padded_tokens(step)
    assert seen == Counter(range(shard.tokens))
    assert targets == shard.tokens - len(shard)  # all but the mark that each document begins with


def test_the_loss_of_a_step_is_the_mean_over_its_tokens_in_parts_or_whole(world: World) -> None:
    settings = TrainSettings(**resolve({"objective": "text", "batch_tokens": 400, "context": 50, "steps": 1}))
    text = Text(settings, Shard.load(world.shards, "train").first_documents(3000), None)
    text.model = Transformer.from_folder(world.base)
    whole, parts = (sum(loss().item() for loss in text.work(0, count).losses) for count in (1, 3))
    assert whole == pytest.approx(parts, rel=1e-6)
    assert whole == pytest.approx(math.log(small_world.VOCABULARY), rel=0.02)  # drawn weights know nothing


def test_a_row_that_ends_within_a_document_still_says_what_comes_next() -> None:
    shard = Shard(np.arange(10, dtype=np.int32), np.array([0, 6]), np.array([4, 2]), ["a", "b"])
    assert [shard.targets(row).tolist() for row in shard.rows(4)] == [[1, 2, 3, 4], [5, -1, 7, 8], [9, -1]]


def test_no_text_is_an_error(world: World) -> None:
    with pytest.raises(HelderError, match="no text to learn from"):
        objectives.read(TrainSettings(objective="text", steps=1), {"base": world.base}, ignore)
