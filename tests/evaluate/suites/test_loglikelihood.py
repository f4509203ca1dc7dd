"""Log-likelihoods in packs are those of one sequence at a time."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from helder.errors import HelderError
from helder.evaluate.suites import loglikelihood
from helder.evaluate.suites.loglikelihood import Request, score
from helder.model.transformer import Transformer
from tests.serve import tiny

IDS = st.integers(3, 60)
SEQUENCES = st.lists(IDS, min_size=1, max_size=9).map(tuple)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Transformer:
    return tiny.make(tmp_path_factory.mktemp("tiny")).model


def one_at_a_time(model: Transformer, request: Request) -> tuple[float, bool]:
    ids = torch.tensor([request.context + request.continuation[:-1]])
    with torch.inference_mode():
        odds = model(ids)[0, -len(request.continuation) :].log_softmax(-1)
    wanted = torch.tensor(request.continuation)
    return float(odds.gather(1, wanted[:, None]).sum()), bool((odds.argmax(-1) == wanted).all())


@settings(max_examples=40, deadline=None)
@given(
    start=st.lists(IDS, min_size=0, max_size=20),
    pairs=st.lists(st.tuples(SEQUENCES, SEQUENCES), min_size=1, max_size=8),
    pack=st.sampled_from([1, 7, 32, 256]),
)
def test_packs_change_no_score(
    model: Transformer, start: list[int], pairs: list[tuple[tuple[int, ...], tuple[int, ...]]], pack: int
) -> None:
    requests = [Request((*start, *context), follow, "g") for context, follow in pairs]
    found = score(model, requests, pack=pack)
    for request, one in zip(requests, found, strict=True):
        logprob, greedy = one_at_a_time(model, request)
        assert one.logprob == pytest.approx(logprob, abs=2e-4)
        assert (one.tokens, one.greedy, one.cut) == (len(request.continuation), greedy, 0)


def test_what_sequences_share_is_computed_once(model: Transformer, monkeypatch: pytest.MonkeyPatch) -> None:
    computed = 0
    plain = torch.nn.Embedding.forward

    def counted(self: torch.nn.Embedding, ids: torch.Tensor) -> torch.Tensor:
        nonlocal computed
        computed += ids.numel()
        return plain(self, ids)

    monkeypatch.setattr(torch.nn.Embedding, "forward", counted)
    shots, choices = tuple(range(3, 33)), [(40,), (41, 42), (41, 43)]
    requests = [Request((*shots, 50 + item), choice) for item in range(4) for choice in choices]
    score(model, requests)
    # The shots once; of each item its own token, and 41, which two of its choices begin with.
    assert computed == len(shots) + 4 * 2


def test_the_order_of_requests_changes_no_bit(model: Transformer) -> None:
    requests = [Request((5, 6, 7, item), (9, 10 + item)) for item in range(6)]
    assert score(model, requests[::-1])[::-1] == score(model, requests)


def test_a_long_context_loses_its_beginning_and_says_so(model: Transformer) -> None:
    long = Request(tuple(range(3, 43)), (7, 8))
    (found,) = score(model, [long], window=10)
    assert found.cut == 31
    assert found.logprob == pytest.approx(
        one_at_a_time(model, Request(long.context[31:], long.continuation))[0], abs=2e-4
    )
    with pytest.raises(HelderError, match="cannot be scored"):
        score(model, [Request((3,), (4,) * 11)], window=10)
    with pytest.raises(HelderError, match="cannot be scored"):
        score(model, [Request((), (4,))])


def test_logits_are_read_in_parts(model: Transformer, monkeypatch: pytest.MonkeyPatch) -> None:
    requests = [Request((5, 6), (9, 10, 11)), Request((5, 7), (9, 12))]
    whole = score(model, requests)
    monkeypatch.setattr(loglikelihood, "ROWS", 2)
    for a, b in zip(whole, score(model, requests), strict=True):
        assert a.logprob == pytest.approx(b.logprob, abs=1e-5)
