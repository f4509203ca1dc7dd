"""The stage "files": tuned weights → GGUF files, and the proof that they are the same model.

The proof is a round trip: questions of the test set are continued greedily by our transformer and by llama.cpp on an
F32 file of the same weights, and the tokens must be equal. Where two tokens are so close that rounding decides, the
two may part; that is counted as a tie. Accuracy of each format is not assumed from that; the evaluation measures it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helder.compress import gguf_writer
from helder.errors import ExitCode, HelderError
from helder.ledger.artifact import hash_file

if TYPE_CHECKING:
    from helder.model.transformer import Transformer

ROUND_TRIP_PROMPTS = 8
ROUND_TRIP_TOKENS = 24
# Nats between two tokens that count as a tie: five times the largest difference between log-probabilities of our
# transformer and of llama.cpp at F32 (2.0e-4, measured at 32 places of a text with SmolLM2-135M).
TIE = 1e-3


def run(
    settings: dict[str, Any], inputs: dict[str, Path], output: Path, scratch: Path, report: Callable[..., None]
) -> dict[str, Any]:
    """Stage function, see `helder.stage`.

    Args:
        settings: formats, a list of names of `gguf_writer.FORMATS`.
        inputs: "train", a model folder; "data", the artifact with the questions of the round trip.

    Raises:
        HelderError: code 3 when the tokens of the round trip differ.
    """
    folder, formats = inputs["train"], list(settings["formats"])
    name = json.loads((inputs["data"] / "task.json").read_text(encoding="utf-8"))["name"]
    files: dict[str, Any] = {}
    for form in formats:
        target = output / f"model-{form}.gguf"
        _write(folder, target, form, name, report)
        size, digest = hash_file(target)
        files[target.name] = {"format": form, "bytes": size, "sha256": digest}

    exact = scratch / "exact.gguf"
    _write(folder, exact, "f32", name, report)
    trip = round_trip(folder, exact, questions(inputs["data"]), report)
    exact.unlink()
    record = {"files": files, "round_trip": trip}
    (output / "files.json").write_text(json.dumps(record, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    return {}


def _write(folder: Path, target: Path, form: str, name: str, report: Callable[..., None]) -> None:
    def progress(done: int, total: int) -> None:
        report("progress", done=done, total=total, unit="tensor", file=target.name)

    gguf_writer.write(folder, target, form, name, progress)


def questions(data: Path) -> list[str]:
    """The first questions of the test set."""
    with (data / "test.jsonl").open(encoding="utf-8") as lines:
        return [json.loads(line)["input"] for _, line in zip(range(ROUND_TRIP_PROMPTS), lines, strict=False)]


def round_trip(folder: Path, exact: Path, texts: Sequence[str], report: Callable[..., None]) -> dict[str, Any]:
    """Continue every text with our transformer and with llama.cpp, and compare the tokens.

    Args:
        folder: the model folder.
        exact: the F32 GGUF file of the same weights.
        texts: user messages.

    Returns:
        How many prompts and tokens were compared, and at how many of the prompts a tie ended the comparison.

    Raises:
        HelderError: code 3, the tokens differ; the prompt is named.
    """
    from helder.model.transformer import Transformer
    from helder.serve.engine import Engine
    from helder.serve.generate import generate
    from helder.tokens import chat
    from helder.tokens.tokenizer import Tokenizer

    tokenizer, form = Tokenizer.load(folder), chat.format_of(folder)
    prompts = [chat.render(tokenizer, form, [{"role": "user", "content": text}])[0] for text in texts]
    stop = chat.stop_ids(tokenizer, form)
    model = Transformer.from_folder(folder)
    context = model.config.context_length
    prompts = [prompt for prompt in prompts if len(prompt) + ROUND_TRIP_TOKENS < context]
    if not prompts:
        raise HelderError(
            "There is no question with which the GGUF files could be checked.",
            f"Each of the first {ROUND_TRIP_PROMPTS} of the test set leaves no room in {context} tokens.",
            "Put shorter questions into the test set.",
        )
    report("note", text=f"{len(prompts)} questions through our transformer and through llama.cpp")
    ours = generate(model, prompts, stop_ids=stop, max_tokens=ROUND_TRIP_TOKENS, decode=tokenizer.decode)
    with Engine.open(exact, context=max(len(prompt) for prompt in prompts) + ROUND_TRIP_TOKENS + 8) as engine:
        theirs = [engine.complete(prompt, max_tokens=ROUND_TRIP_TOKENS) for prompt in prompts]
    tokens = ties = 0
    for prompt, mine, other in zip(prompts, ours, theirs, strict=True):
        equal = _equal_tokens(mine.ids, other.ids)
        tokens += equal
        if mine.ids == other.ids:
            continue
        # An answer that ended earlier wrote the end-of-answer token there.
        chosen = [answer.ids[equal] if equal < len(answer.ids) else stop[0] for answer in (mine, other)]
        if _gap(model, [*prompt, *mine.ids[:equal]], *chosen) > TIE:
            raise HelderError(
                "The GGUF file does not answer as the weights do.",
                f"On {tokenizer.decode(prompt)!r} our transformer wrote {mine.text!r} and llama.cpp {other.text!r}.",
                "This is a defect of ours or of the engine; the files are not kept. Please report it.",
                ExitCode.FAILED,
            )
        ties += 1
    return {"prompts": len(prompts), "tokens": tokens, "ties": ties, "equal": True}


def _equal_tokens(mine: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens two answers have in common at their beginning."""
    count = 0
    while count < min(len(mine), len(other)) and mine[count] == other[count]:
        count += 1
    return count


def _gap(model: Transformer, ids: Sequence[int], first: int, second: int) -> float:
    """How much more probable our transformer holds one next token than another, in nats, without sign."""
    import torch

    with torch.inference_mode():
        logits = model.lm_head(model.hidden(torch.tensor([list(ids)]))[0, -1])
    return abs(float(logits[first] - logits[second]))
