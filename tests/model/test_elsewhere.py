"""What Helder writes is the same model in other programs: the folder in transformers, the GGUF file in llama.cpp."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from helder.compress import gguf_writer
from tests import llama_cpp
from tests.model import small
from tests.model.test_importer import run

TOKENS = 24
LENGTHS = (1, 2, 17, 90)  # of the question, in tokens
CLEAR = 1e-3  # a lead of the most probable token that no rounding undoes


@pytest.mark.parametrize(
    ("family", "tied"), [("llama", True), ("llama", False), ("qwen2", True), ("qwen2", False), ("olmo2", False)]
)
def test_transformers_and_llama_cpp_write_the_same_answers(tmp_path: Path, family: str, tied: bool) -> None:
    from transformers import AutoModelForCausalLM

    folder = run(small.make(tmp_path / "source", family=family, tied=tied), tmp_path / "made")
    gguf_writer.write(folder, tmp_path / "made.gguf", "f32", "small")
    theirs = AutoModelForCausalLM.from_pretrained(folder).eval()
    ends = [
        0,
        small.END,
    ]  # at which llama.cpp would stop; neither program may stop: an answer of one token would prove little
    random = torch.Generator().manual_seed(0)
    with llama_cpp.opened(tmp_path / "made.gguf", tmp_path) as llama:
        for length in LENGTHS:
            question = torch.randint(len(small.SPECIALS), 320, (1, length), generator=random)
            with torch.inference_mode():
                made = theirs.generate(
                    question, max_new_tokens=TOKENS, do_sample=False, suppress_tokens=ends, eos_token_id=None,
                    output_scores=True, return_dict_in_generate=True,
                )  # fmt: skip
            leads = [float(first - second) for first, second in (scores[0].topk(2).values for scores in made.scores)]
            assert min(leads) > CLEAR, "choose another seed: two tokens are as good as equally probable"
            answer = llama.post(
                "/completion", prompt=question[0].tolist(), n_predict=TOKENS, temperature=0.0, ignore_eos=True,
                return_tokens=True,
            )  # fmt: skip
            assert answer["tokens"] == made.sequences[0, length:].tolist()
            assert len(answer["tokens"]) == TOKENS
