"""Several texts for each prompt: drawn from a model that lies here, or asked of a service.

Of a model here each text is a function of the model, the prompt, the seed and its number, so that the same command
draws the same texts: the seed of a text is made of them, all texts of a prompt are drawn in one go, and a prompt that
a killed attempt left half drawn is drawn anew. A service takes no seed that would bind it: what it wrote is kept to the
byte, and is recorded, not repeatable. It is asked by the rules of `helder compare`: hosts by name, a list of all that
leaves, agreed to by its digest, and a budget.

    FOLDER/generations.jsonl   every text: prompt, number, seed, text, why it ended, tokens
    FOLDER/leaving.jsonl       what would leave, before it does     FOLDER/record.jsonl   every byte, as it came
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from helder.data.task import Task
from helder.errors import ExitCode, HelderError
from helder.evaluate.compare import asking, record
from helder.evaluate.compare import leaving as leavings
from helder.evaluate.compare.budget import Budget, Limits
from helder.evaluate.compare.gate import Gate
from helder.evaluate.compare.items import Asked, Item
from helder.evaluate.compare.leaving import Leaving
from helder.evaluate.compare.services import Service
from helder.evaluate.records import Example
from helder.evaluate.suites import OnEvent, Options, Subject
from helder.ledger import artifact as artifacts
from helder.ledger import canonical
from helder.ledger.artifact import Artifact
from helder.tokens import chat
from helder.tokens.tokenizer import Tokenizer

GENERATIONS, LEAVING, RECORD = "generations.jsonl", "leaving.jsonl", "record.jsonl"
SHORTEST_CONSENT = 12  # digits of the list's digest that agree to it, as `helder compare` has it
BATCH_TOKENS = 24_576  # cached positions of one batch, as `helder.evaluate.predict` has it


@dataclass(frozen=True)
class Drawn:
    """How texts are drawn.

    Attributes:
        samples: texts for each prompt.
        temperature: 0 for the most probable text, which is always the same.
        top_p: only the most probable tokens are drawn from, as few as have this much of the probability together.
        max_tokens: the longest text.
        seed: of all texts together.
    """

    samples: int
    temperature: float
    top_p: float
    max_tokens: int
    seed: int

    def seed_of(self, prompt: str, number: int) -> int:
        """The seed of a text: 31 bits."""
        digest = hashlib.sha256(f"{self.seed}/{prompt}/{number}".encode()).digest()
        return int.from_bytes(digest[:4], "big") >> 1


@dataclass(frozen=True)
class Prompt:
    """What is asked.

    Attributes:
        key: by which generations know it.
        messages: the conversation.
    """

    key: str
    messages: tuple[dict[str, str], ...]

    @property
    def digest(self) -> str:
        """SHA-256 of the conversation."""
        return canonical.digest([dict(message) for message in self.messages])


@dataclass(frozen=True)
class Generation:
    """A text.

    Attributes:
        prompt, number: which of which prompt.
        prompt_sha256: of the conversation.
        seed: that it was drawn with; None of a service.
        text: as it came.
        finish: why it ended: "stop", "length", or a service's own word; "refused" where a service gave none.
        tokens: that it has, as whoever wrote it counts; None where that is not told.
    """

    prompt: str
    number: int
    prompt_sha256: str
    seed: int | None
    text: str
    finish: str
    tokens: int | None

    @property
    def length(self) -> int:
        """Tokens, or characters where nobody counted tokens."""
        return len(self.text) if self.tokens is None else self.tokens


def sample(
    model: Subject,
    prompts: Sequence[Prompt],
    drawn: Drawn,
    options: Options,
    folder: Path,
    source: Artifact,
    on_event: OnEvent = lambda event: None,
) -> list[Generation]:
    """Several texts for each prompt, in order; what `folder` holds already is not asked for again.

    Args:
        source: what the prompts were made of; a file or folder in a project does not leave it.

    Raises:
        HelderError: the model cannot be loaded, a prompt does not fit, or a service may not be asked.
    """
    folder.mkdir(parents=True, exist_ok=True)
    total = drawn.samples * len(prompts)
    done = 0

    def progress(count: int) -> None:
        nonlocal done
        done += count
        on_event({"event": "progress", "stage": "texts", "done": done, "total": total, "unit": "text"})

    on_event({"event": "started", "stage": "texts"})
    if model.service is not None:
        found = _of_service(model.service, prompts, drawn, options, folder, source, progress)
        _write(folder / GENERATIONS, found, "w")
        return found
    return _of_model(model, prompts, drawn, folder, progress)


def _of_model(
    model: Subject, prompts: Sequence[Prompt], drawn: Drawn, folder: Path, progress: Callable[[int], None]
) -> list[Generation]:
    known = _known(folder / GENERATIONS, drawn)
    left = [prompt for prompt in prompts if (prompt.key, prompt.digest) not in known]
    # Whole prompts only: half a line, or half a prompt, of a killed attempt goes.
    kept = [one for key in known for one in known[key]]
    _write(folder / GENERATIONS, kept, "w")
    progress(len(prompts) * drawn.samples - len(left) * drawn.samples)
    if left:
        with tempfile.TemporaryDirectory(prefix="helder-") as scratch:
            draw, close = _open(model, left, drawn, Path(scratch))
            try:
                for prompt in left:
                    texts = draw(prompt, progress)
                    _write(folder / GENERATIONS, texts, "a")
                    known[prompt.key, prompt.digest] = texts
            finally:
                close()
    found = [one for prompt in prompts for one in known[prompt.key, prompt.digest]]
    _write(folder / GENERATIONS, found, "w")
    return found


Draw = Callable[[Prompt, Callable[[int], None]], list[Generation]]


def _open(model: Subject, prompts: Sequence[Prompt], drawn: Drawn, scratch: Path) -> tuple[Draw, Callable[[], None]]:
    """What draws the texts of a prompt, and what closes the model."""
    from helder.evaluate.predict import words_of_file

    if model.kind == "file":
        tokenizer, format_name = words_of_file(model.path, scratch)
    else:
        tokenizer, format_name = Tokenizer.load(model.path), chat.format_of(model.path)
    ids = {prompt.key: chat.render(tokenizer, format_name, prompt.messages)[0] for prompt in prompts}
    context = max(map(len, ids.values())) + drawn.max_tokens + 1
    if model.kind == "file":
        return _from_file(model.path, ids, drawn, context)
    return _from_folder(model.path, ids, drawn, context, tokenizer, format_name)


def _from_file(path: Path, ids: Mapping[str, list[int]], drawn: Drawn, context: int) -> tuple[Draw, Callable[[], None]]:
    from helder.serve.engine import Engine

    engine = Engine.open(path, context=context)

    def draw(prompt: Prompt, progress: Callable[[int], None]) -> list[Generation]:
        seeds = [drawn.seed_of(prompt.key, number) for number in range(drawn.samples)]
        answers = engine.complete_many(
            [ids[prompt.key]] * drawn.samples,
            max_tokens=drawn.max_tokens,
            progress=progress,
            temperature=drawn.temperature,
            top_p=drawn.top_p,
            seeds=seeds,
        )
        return [
            Generation(
                prompt.key, number, prompt.digest, seeds[number], one.text, one.finish_reason, one.completion_tokens
            )
            for number, one in enumerate(answers)
        ]

    return draw, engine.close


def _from_folder(
    path: Path, ids: Mapping[str, list[int]], drawn: Drawn, context: int, tokenizer: Tokenizer, format_name: str
) -> tuple[Draw, Callable[[], None]]:
    from helder.model.transformer import Transformer
    from helder.serve.generate import Drawing, generate

    model = Transformer.from_folder(path).eval()
    stops = chat.stop_ids(tokenizer, format_name)

    def draw(prompt: Prompt, progress: Callable[[int], None]) -> list[Generation]:
        # One seed for the prompt: each text is told apart by its place, which is its number.
        seed = drawn.seed_of(prompt.key, 0)
        drawing = Drawing(drawn.temperature, str(seed), drawn.top_p) if drawn.temperature else None
        answers = generate(
            model,
            [ids[prompt.key]] * drawn.samples,
            stop_ids=stops,
            max_tokens=drawn.max_tokens,
            decode=tokenizer.decode,
            drawing=drawing,
            batch=max(1, BATCH_TOKENS // context),
            progress=progress,
        )
        return [
            Generation(prompt.key, number, prompt.digest, seed, one.text, one.finish_reason, one.completion_tokens)
            for number, one in enumerate(answers)
        ]

    return draw, lambda: None


def _known(path: Path, drawn: Drawn) -> dict[tuple[str, str], list[Generation]]:
    """Prompts all of whose texts were drawn before: (key, digest) → texts."""
    found: dict[tuple[str, str], list[Generation]] = {}
    if path.is_file():
        data = path.read_bytes()
        for line in data[: data.rfind(b"\n") + 1].split(b"\n"):
            if line:
                one = Generation(**json.loads(line))
                found.setdefault((one.prompt, one.prompt_sha256), []).append(one)
    return {key: texts for key, texts in found.items() if [one.number for one in texts] == list(range(drawn.samples))}


def _write(path: Path, texts: Sequence[Generation], mode: str) -> None:
    with path.open(mode, encoding="utf-8") as file:
        for one in texts:
            file.write(json.dumps(asdict(one), ensure_ascii=False, separators=(",", ":")) + "\n")


# --- services ----------------------------------------------------------------------------------------------------


def _of_service(
    service: Service,
    prompts: Sequence[Prompt],
    drawn: Drawn,
    options: Options,
    folder: Path,
    source: Artifact,
    progress: Callable[[int], None],
) -> list[Generation]:
    """Ask a service every prompt several times.

    Raises:
        HelderError: code 5, its host was not named, what leaves or what is spent was not agreed to; code 4, it cannot
            be asked. What it answered is kept.
    """
    gate = Gate.of(options.hosts)
    gate.check(service.host, service.name)
    service = service.model_copy(
        update={"max_tokens": drawn.max_tokens, **({} if service.thinks else {"temperature": drawn.temperature})}
    )
    asked = _asked(prompts, drawn.samples, source)
    going = leavings.leaving([service], asked)
    leavings.check(asked, going)
    artifacts.write_atomic(folder / LEAVING, going.lines)
    before = record.read(folder / RECORD)
    open_ = [one for one in going.requests if (service.name, one.item.key, one.sha256) not in before.replies]
    limits = _agreed(service, going, len(open_), options, folder) if open_ else Limits(before.requests, 0.0, "")
    journal = record.Record(folder / RECORD, going.digest)
    try:
        budget = Budget(limits, before.requests, before.money)
        requests = going.of(service)
        answered = asking.ask_all(requests, gate, budget, journal, before, seed=drawn.seed, progress=progress)
    finally:
        journal.close()
        artifacts.fsync_file(folder / RECORD)
    found = []
    for prompt in prompts:
        for number in range(drawn.samples):
            key = _key(prompt, number)
            reply = answered.replies.get(key)
            if reply is None:
                found.append(
                    Generation(prompt.key, number, prompt.digest, None, answered.refused[key], "refused", None)
                )
            else:
                finish = reply.finish
                found.append(
                    Generation(prompt.key, number, prompt.digest, None, reply.text, finish, reply.output_tokens)
                )
    return found


def _asked(prompts: Sequence[Prompt], samples: int, source: Artifact) -> Asked:
    """The questions as a comparison knows them, each as often as it is asked."""
    items = []
    for prompt in prompts:
        for number in range(samples):
            key = _key(prompt, number)
            example = Example(key, prompt.messages[-1]["content"], "")
            items.append(Item(key, "problems", example, prompt.key, prompt.messages))
    task = Task(kind="text", name="program")
    return Asked(task, tuple(items), {"problems": len(items)}, (), {"items": source}, None)


def _key(prompt: Prompt, number: int) -> str:
    return f"{prompt.key}#{number}"


def _agreed(service: Service, going: Leaving, open_: int, options: Options, folder: Path) -> Limits:
    """What may be spent, after what leaves was agreed to.

    Raises:
        HelderError: code 5, it was not.
    """
    digest, given = going.digest, options.consent or ""
    if len(given) < SHORTEST_CONSENT or not digest.startswith(given.lower()):
        raise HelderError(
            f"{open_:,} requests to {service.host} were not agreed to, and nothing was sent.",
            f"The list that {given} agrees to is another one." if given else "",
            f"Read {folder / LEAVING}; if all of it may leave: --consent {digest[:SHORTEST_CONSENT]}",
            ExitCode.REFUSED,
        )
    price = service.price
    if options.most_requests is None or (options.most_money is None and price is not None):
        raise HelderError(
            "There is no budget.",
            f"{open_:,} requests would be sent, and faults would add to them.",
            f"Say how much may be spent: --most-requests {2 * open_} --most-money AMOUNT",
            ExitCode.REFUSED,
        )
    if options.most_money is not None and price is None:
        raise HelderError(
            f"No price of {service.name} is given, so that a budget in money cannot be kept.",
            "Prices change and are not shipped.",
            f"In the file of --services:  [{service.name}]  price = {{ input = …, output = … }}, for a million tokens. "
            "Or leave --most-money out.",
        )
    money = float("inf") if options.most_money is None else options.most_money
    return Limits(options.most_requests, money, price.currency if price else "")
