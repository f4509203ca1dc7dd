"""The same loop on a GPU: bf16, torch's own and flex attention, compiled blocks; skipped where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from helder.errors import HelderError
from helder.ledger.artifact import digest_path
from helder.model.transformer import Transformer
from helder.train import devices
from helder.train.settings import TrainSettings, environment, resolve
from tests.train.test_many import FSDP, REWARD, Place, place  # noqa: F401  # a fixture
from tests.train.test_stage import losses, train

there = torch.cuda.device_count()
on_gpu = pytest.mark.skipif(there < 1, reason="needs a GPU of NVIDIA and a torch that is built for it")
on_gpus = pytest.mark.skipif(there < 2, reason=f"needs two GPUs of NVIDIA, torch finds {there}")


@pytest.fixture(autouse=True)
def variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a training's process is started with."""
    for name, value in environment("fast", "cuda").items():
        monkeypatch.setenv(name, value)


@on_gpu
@pytest.mark.parametrize(
    "kind", [{}, {"packing": True, "context": 128}, {"compile": True}, {"method": "lora"}], ids=str
)
def test_a_gpu_gives_the_same_bits_twice_and_about_the_losses_of_a_processor(
    base: Path, data: Path, tmp_path: Path, kind: dict[str, str]
) -> None:
    first = train(base, data, tmp_path / "first", device="cuda", **kind)
    second = train(base, data, tmp_path / "second", device="cuda", **kind)
    assert digest_path(first) == digest_path(second)
    plain = {key: value for key, value in kind.items() if key != "compile"}
    processor = train(base, data, tmp_path / "processor", device="cpu", precision="fp32", **plain)
    assert losses(first) == pytest.approx(losses(processor), rel=0.05)


@on_gpu
def test_answers_are_drawn_and_rewarded_on_a_gpu(base: Path, data: Path, tmp_path: Path) -> None:
    settings = {**REWARD, "precision": "bf16", "device": "cuda"}
    made = [train(base, data, tmp_path / name, **settings) for name in ("first", "second")]
    assert digest_path(made[0]) == digest_path(made[1])


@on_gpus
@pytest.mark.parametrize("shard", ["ddp", "fsdp"])
def test_two_gpus_give_the_same_bits_twice(place: Place, shard: str) -> None:  # noqa: F811  # the fixture
    settings = {**FSDP, "shard": shard, "device": "cuda"}
    first, _ = place.run(place.stage({"trainings": {"gpus": settings}, "attempt": "first"}))
    second, facts = place.run(place.stage({"trainings": {"gpus": settings}, "attempt": "second"}))
    assert digest_path(first) == digest_path(second)
    assert facts["gpus"]["world_size"] == 2


@pytest.mark.filterwarnings("ignore:flex_attention called without")
def test_flex_attention_sees_what_the_explicit_one_sees(base: Path) -> None:
    """On a processor torch computes it forward only, which is enough to compare what is seen."""
    ids = torch.arange(2 * 160).reshape(2, 160) % 300
    documents = torch.tensor([[0] * 50 + [1] * 70 + [-1] * 40, [0] * 1 + [1] * 159])
    seen = documents >= 0
    logits = {}
    for kernel in ("explicit", "flex"):
        model = Transformer.from_folder(base, attention=kernel)
        with torch.no_grad():
            logits[kernel] = model(ids, documents=documents)[seen]
    assert torch.allclose(logits["flex"], logits["explicit"], atol=1e-4, rtol=1e-4)
    with torch.no_grad():
        assert Transformer.from_folder(base, attention="flex")(ids).equal(Transformer.from_folder(base)(ids))


def test_the_kernel_is_chosen_by_device_and_length() -> None:
    assert devices.attention(torch.device("cuda"), 64) == "flex"
    assert devices.attention(torch.device("cpu"), 64) == "explicit"
    assert devices.attention(torch.device("cpu"), 4096) == "sdpa"


def test_each_process_has_a_gpu_of_its_own_or_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    chosen: list[int] = []
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    monkeypatch.setattr(torch, "use_deterministic_algorithms", lambda wanted: None)
    settings = TrainSettings(**resolve({"device": "cuda", "processes": 3}))
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert devices.choose(settings) == torch.device("cuda", 1)
    assert chosen == [1]
    monkeypatch.setenv("LOCAL_RANK", "2")
    with pytest.raises(HelderError, match="3 processes on this machine, and torch finds 2 GPUs") as caught:
        devices.choose(settings)
    assert "processes = 2" in caught.value.fix


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_training_for_a_gpu_is_refused_without_one() -> None:
    with pytest.raises(HelderError, match="torch finds none") as caught:
        devices.choose(TrainSettings(**resolve({"device": "cuda"})))
    assert 'device = "cpu"' in caught.value.fix
