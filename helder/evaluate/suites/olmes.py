"""The suite `olmes`: standard tasks (`tasks.py`), scored by log-likelihood or written and graded, item by item.

A model is given the text of the package and nothing else: no chat format, and no token at the beginning unless one is
named (lm-evaluation-harness leaves that to the tokenizer; those of SmolLM2 and Qwen2 add none). Contexts and
continuations are cut into tokens together, and the continuation is what comes after the tokens of the context alone;
spaces at the end of a context go over to it.

What a task has given lies in `parts/` as soon as it is done; a run that was interrupted goes on behind it.

A GGUF file is read into fp32 weights and computed here, not by llama.cpp, which rounds activations as well: what is
measured is the file's weights. A service cannot be measured so, for it gives no log-likelihoods of given texts.
"""

from __future__ import annotations

import hashlib
import json
import math
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helder.errors import HelderError
from helder.evaluate import statistics
from helder.evaluate.suites import OnEvent, Options, Subject, graders, scoring
from helder.evaluate.suites import tasks as shelves
from helder.evaluate.suites.tasks import Item, Shelf, Task
from helder.ledger import canonical
from helder.ledger.artifact import write_atomic
from helder.tokens.tokenizer import Tokenizer

if TYPE_CHECKING:
    from helder.evaluate.suites.loglikelihood import Scored
    from helder.model.transformer import Transformer

VERSION = 1  # of what is kept of an item; another version does not go on with what an older one kept
BATCH = 32  # answers written together


def run(
    model: Subject, options: Options, folder: Path, on_event: OnEvent, shelf: Shelf | None = None
) -> dict[str, Any]:
    """Measure a model on standard tasks.

    Args:
        options: `tasks` are names, forms and groups (`tasks.Shelf.expand`), the ten of OLMES without any. Settings:
            `window`, tokens that the model is given at most, as many as it holds if not said; `begin`, the special
            token in front of every context, such as <|begin_of_text|>.
        shelf: where the tasks lie; None for the installed package.

    Raises:
        HelderError: a service; the package is missing; there is no such task.
    """
    options.only("window", "begin")
    window = _window(options.settings.get("window"))
    if model.kind == "service":
        raise HelderError(
            f"{model.name} gives no log-likelihoods of given texts.",
            "A service answers; these tasks ask how probable each choice is.",
            "Compare answers instead: helder compare --items",
        )
    shelf = shelf or Shelf.installed()
    names = shelf.expand(options.tasks or ("olmes",))
    results, lines, written = [], [], []
    with opened(model, on_event) as (transformer, tokenizer):
        begin = [tokenizer.special(options.settings["begin"])] if "begin" in options.settings else []
        for name in names:
            task = shelf.task(name)
            items = shelves.choose(task.items, options.limit, options.seed)
            part = folder / "parts" / f"{name.replace('/', '.').replace(':', '.')}.jsonl"
            key = canonical.digest(
                {"version": VERSION, "task": name, "sources": dict(task.sources), "items": [one.id for one in items]}
            )
            found = _kept(part, key)
            if found is None:
                on_event({"event": "started", "stage": name})
                progress = _counter(on_event, name, len(items))
                if task.form == "gen":
                    found = write(transformer, tokenizer, task, items, progress, begin)
                else:
                    found = weigh(transformer, tokenizer, task, items, window, progress, begin)
                head = json.dumps({"key": key, "items": len(found)})
                body = "".join(f"{json.dumps(one, ensure_ascii=False)}\n" for one in [*found])
                write_atomic(part, f"{head}\n{body}".encode("utf-8", "surrogatepass"))
            results.append((task, found))
            lines += [{"task": name, **{k: v for k, v in one.items() if k != "text"}} for one in found]
            written += [{"task": name, "id": one["id"], "text": one["text"]} for one in found if "text" in one]
    _write(folder / "instances.jsonl", lines)
    if written:
        _write(folder / "generations.jsonl", written)
    rows = [row(task, found, options.seed) for task, found in results]
    sources = {name: digest for task, _ in results for name, digest in task.sources.items()}
    return {
        "rows": rows,
        "columns": [["other", "other normalisations"]],
        "sentences": _sentences(rows, shelf),
        "warnings": _warnings(rows),
        "inputs": {
            f"tasks-{hashlib.sha256(name.encode()).hexdigest()[:8]}": {"name": Path(name).name, "sha256": digest}
            for name, digest in sorted(sources.items())
        },
        "sources": dict(sorted(sources.items())),
        "package": {"name": shelves.PACKAGE, "version": shelf.version},
    }


@contextmanager
def opened(model: Subject, on_event: OnEvent = lambda event: None) -> Iterator[tuple[Transformer, Tokenizer]]:
    """The weights of a folder or a GGUF file in fp32, and their tokenizer.

    Raises:
        HelderError: they cannot be read, or torch is missing.
    """
    try:
        from helder.model.transformer import Transformer
    except ModuleNotFoundError as error:
        raise HelderError(f"This needs {error.name}.", "", "pip install 'helder[train]'") from error
    if model.kind == "folder":
        yield Transformer.from_folder(model.path), Tokenizer.load(model.path)
        return
    from helder.model import importer
    from helder.model.sources import SINGLE, Source

    with tempfile.TemporaryDirectory(prefix="helder-") as place:
        folder = Path(place) / "weights"
        folder.mkdir()
        source = Source({SINGLE: model.path}, model.name)

        def report(event: str, **fields: Any) -> None:
            on_event({"event": event, "stage": "read the file", **fields})

        # No chat format is used, and base models have none.
        importer.run(importer.settings(source, "plain"), {SINGLE: model.path}, folder, Path(place), report)
        yield Transformer.from_folder(folder), Tokenizer.load(folder)


def pair(tokenizer: Tokenizer, context: str, continuation: str, known: dict[str, list[int]]) -> tuple[list[int], ...]:
    """Token ids of a context and of what follows it.

    Args:
        known: context → its ids, filled here: the choices of an item share one.

    Raises:
        HelderError: a character that the vocabulary cannot write.
    """
    plain = context.rstrip()
    continuation = context[len(plain) :] + continuation
    if plain not in known:
        known.clear()  # they come in the order of the items
        known[plain] = tokenizer.encode(plain)
    ids = known[plain]
    return ids, tokenizer.encode(plain + continuation)[len(ids) :]


def weigh(
    model: Transformer,
    tokenizer: Tokenizer,
    task: Task,
    items: Sequence[Item],
    window: int | None = None,
    progress: Callable[[int], None] = lambda count: None,
    begin: Sequence[int] = (),
) -> list[dict[str, Any]]:
    """Score every choice of every item; one record for each item, in their order.

    An item that cannot be put into tokens is recorded with the reason, and is no part of any share.
    """
    from helder.evaluate.suites.loglikelihood import Request, score

    requests: list[Request] = []
    places: list[tuple[int, int, bool]] = []
    refused: dict[int, str] = {}
    known: dict[str, list[int]] = {}
    for number, item in enumerate(items):
        # Of bits per byte only the right answer is asked.
        asked = range(len(item.choices)) if task.form != "bpb" else [item.gold]
        own: list[tuple[Request, tuple[int, int, bool]]] = []
        try:
            for bare in (False, True):
                for place in asked:
                    choice = item.choices[place]
                    context = choice.bare_context if bare else choice.context
                    if context is None or (bare and task.form == "bpb"):
                        continue
                    ids, follow = pair(tokenizer, context, choice.text, known)
                    if not (begin or ids) or not follow:
                        raise HelderError(f"Choice {place} has no tokens.")
                    group = ("bare",) if bare else ("item", item.group)
                    own.append((Request((*begin, *ids), tuple(follow), group), (number, place, bare)))
        except HelderError as error:
            refused[number] = error.what
            continue
        requests += [request for request, _ in own]
        places += [where for _, where in own]
    done = 0

    def told(count: int) -> None:
        nonlocal done
        before, done = done, done + count
        total = max(1, len(requests))
        progress(len(items) * done // total - len(items) * before // total)

    found: dict[int, dict[tuple[int, bool], Scored]] = {}
    if requests:
        for (number, place, bare), one in zip(
            places, score(model, requests, window=window, progress=told), strict=True
        ):
            found.setdefault(number, {})[place, bare] = one
    return [
        {"id": item.id, "prompt_sha256": item.prompt_sha256, "refused": refused[number]}
        if number in refused
        else _weighed(task, item, found[number])
        for number, item in enumerate(items)
    ]


def _weighed(task: Task, item: Item, found: Mapping[tuple[int, bool], Scored]) -> dict[str, Any]:
    choices = {
        place: scoring.Weighed(
            item.choices[place].text,
            one.logprob,
            one.tokens,
            one.greedy,
            one.cut,
            found[place, True].logprob if (place, True) in found else None,
        )
        for (place, bare), one in found.items()
        if not bare
    }
    record: dict[str, Any] = {
        "id": item.id,
        "prompt_sha256": item.prompt_sha256,
        "cluster": item.cluster,
        "gold": item.gold,
        "choices": [
            {
                "text": one.text,
                "logprob": one.logprob,
                "tokens": one.tokens,
                "chars": len(one.text),
                "bytes": len(one.text.encode("utf-8", "surrogatepass")),
                "greedy": one.greedy,
                "cut": one.cut,
                "bare_logprob": one.bare_logprob,
            }
            for _, one in sorted(choices.items())
        ],
        "bits_per_byte": choices[item.gold].bits_per_byte,
    }
    if task.form != "bpb":
        picked = scoring.chosen([one for _, one in sorted(choices.items())])
        record["chosen"] = picked
        record["right"] = {name: place == item.gold for name, place in picked.items()}
    return record


def write(
    model: Transformer,
    tokenizer: Tokenizer,
    task: Task,
    items: Sequence[Item],
    progress: Callable[[int], None] = lambda count: None,
    begin: Sequence[int] = (),
) -> list[dict[str, Any]]:
    """Have the model write an answer to every item, greedily, and grade it; one record for each, in their order."""
    from helder.serve.generate import generate

    prompts: list[list[int]] = []
    asked: list[int] = []
    records: dict[int, dict[str, Any]] = {}
    for number, item in enumerate(items):
        head = {"id": item.id, "prompt_sha256": item.prompt_sha256, "cluster": item.cluster}
        try:
            ids = [*begin, *tokenizer.encode(item.choices[item.gold].context)]
        except HelderError as error:
            records[number] = {**head, "refused": error.what}
            continue
        if len(ids) + 1 >= model.config.context_length:
            records[number] = {**head, "refused": f"The context has {len(ids)} tokens, and none is left to answer in."}
            continue
        records[number] = head
        prompts.append(ids)
        asked.append(number)
    stops = [name for name in ("<|endoftext|>", "<|im_end|>", "</s>") if name in tokenizer.specials]
    answers = generate(
        model,
        prompts,
        stop_ids=[tokenizer.special(name) for name in stops],
        max_tokens=task.max_tokens,
        decode=tokenizer.decode,
        stop_texts=task.stop,
        batch=BATCH,
        progress=progress,
    )
    for number, answer in zip(asked, answers, strict=True):
        text = answer.text
        for stop in task.stop:
            text = text.partition(stop)[0]
        graded = graders.grade(task.grader, text, items[number].accepted)
        records[number] |= {
            "text": text,
            "read": graded.read,
            "accepted": list(items[number].accepted),
            "right": graded.right,
            "share": graded.share,
            "finish": answer.finish_reason,
            "tokens": answer.completion_tokens,
        }
    return [records[number] for number in range(len(items))]


def row(task: Task, found: Sequence[Mapping[str, Any]], seed: int) -> dict[str, Any]:
    """The line of a task in the result."""
    asked = [one for one in found if "refused" not in one]
    made: dict[str, Any] = {
        "task": task.name,
        "form": task.form,
        "split": task.split,
        "n": len(asked),
        "of": len(task.items),
        "refused": len(found) - len(asked),
        "cut": sum(any(choice["cut"] for choice in one.get("choices", ())) for one in asked),
    }
    if task.form == "gen":
        made |= {"metric": f"{task.grader}: exact", **_share([one["right"] for one in asked], asked)}
        if task.grader == "words":
            made["f1"] = _mean([one["share"] for one in asked], seed)
            made["other"] = f"F1 {made['f1']['value']:.3f}" if asked else ""
        made["cut_answers"] = sum(one["finish"] == "length" for one in asked)
        return made
    if task.metric in scoring.BITS:
        return made | {"metric": "bits_per_byte", **_mean([one["bits_per_byte"] for one in asked], seed)}
    measures = {
        name: _share([one["right"][name] for one in asked], asked)
        for name in scoring.CHOOSING
        if asked and name in asked[0]["right"]
    }
    main = task.metric if task.metric in measures else scoring.CHOOSING[0]
    made |= {"metric": main, **measures.get(main, {"value": None, "low": None, "high": None})}
    made["measures"] = measures
    made["bits_per_byte"] = _mean([one["bits_per_byte"] for one in asked], seed)
    others = [(name, one["value"]) for name, one in measures.items() if name != main]
    # With one token to each choice all normalisations but the last are the same.
    made["other"] = "" if task.form == "mc" else ", ".join(f"{name[4:]} {value:.3f}" for name, value in others)
    if task.name.startswith(f"{shelves.MMLU}:") and asked:
        by_subject: dict[str, list[bool]] = {}
        for one in asked:
            by_subject.setdefault(one["cluster"], []).append(one["right"][main])
        shares = {name: sum(rights) / len(rights) for name, rights in sorted(by_subject.items())}
        made["subjects"] = shares
        made["mean_of_subjects"] = math.fsum(shares.values()) / len(shares)
        made["other"] = f"mean of {len(shares)} subjects {made['mean_of_subjects']:.3f}"
    return made


def _share(rights: Sequence[bool], records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A proportion with its interval: Wilson's, at the effective number of items where they share a text."""
    clusters: dict[str, list[bool]] = {}
    for place, (right, record) in enumerate(zip(rights, records, strict=True)):
        clusters.setdefault(record["cluster"] or f"#{place}", []).append(right)
    if len(clusters) == len(rights):
        found = statistics.wilson(sum(rights), len(rights))
    else:
        found = statistics.clustered([sum(one) for one in clusters.values()], [len(one) for one in clusters.values()])
    return {"value": found.value, "low": found.low, "high": found.high, "right": sum(rights)}


def _mean(values: Sequence[float], seed: int) -> dict[str, Any]:
    found = statistics.mean_interval(values, seed=seed)
    return {"value": found.value, "low": found.low, "high": found.high}


def _sentences(rows: Sequence[Mapping[str, Any]], shelf: Shelf) -> list[str]:
    said = [
        f"Items and examples of {shelves.PACKAGE} {shelf.version}, to the letter; weights computed in fp32. "
        "Intervals: 95%, Wilson's for shares, at the effective number of items where they share a text; "
        "a bootstrap over the items for means."
    ]
    best: dict[str, float] = {}
    for one in rows:
        name, _, form = str(one["task"]).partition(":")
        if name in shelves.OLMES and form in ("rc", "mc") and one["value"] is not None:
            value = float(one.get("mean_of_subjects", one["value"]))
            best[name] = max(best.get(name, 0.0), value)
    forms = [str(one["task"]) for one in rows]
    if len(best) == len(shelves.OLMES) and all(f"{name}:{form}" in forms for name in best for form in ("rc", "mc")):
        mean = math.fsum(best.values()) / len(best)
        said.append(
            f"Mean of the ten tasks, each in the form that suits the model better: {mean:.3f}. "
            "OLMES takes the better form so; choosing it on the same items makes the mean a little too high."
        )
    readers = {str(one["metric"]).partition(":")[0] for one in rows if one["form"] == "gen"}
    if "math" in readers:
        said.append("Mathematical answers are compared as they are written, so their share is a lower bound.")
    return said


def _warnings(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    said = []
    for one in rows:
        if one["refused"]:
            said.append(f"{one['task']}: {one['refused']} items could not be asked, and are no part of the share.")
        if one["cut"]:
            said.append(f"{one['task']}: {one['cut']} items were longer than the window and lost their beginning.")
        if one.get("cut_answers"):
            said.append(
                f"{one['task']}: {one['cut_answers']} answers were cut at the most tokens that the task allows."
            )
    return said


def _kept(part: Path, key: str) -> list[dict[str, Any]] | None:
    """What an earlier run found of a task; None when it found nothing, or of other items."""
    if not part.is_file():
        return None
    head, *lines = part.read_text(encoding="utf-8").splitlines()
    said = json.loads(head)
    if said.get("key") != key or said.get("items") != len(lines):
        return None
    return [json.loads(line) for line in lines]


def _window(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isdigit() or int(text) < 1:
        raise HelderError(f"window = {text!r} is no number of tokens.", "", "Write a whole number: --set window=2048")
    return int(text)


def _write(path: Path, lines: Sequence[Mapping[str, Any]]) -> None:
    text = "".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in lines)
    write_atomic(path, text.encode("utf-8", "surrogatepass"))


def _counter(on_event: OnEvent, stage: str, total: int) -> Callable[[int], None]:
    done = 0

    def progress(count: int) -> None:
        nonlocal done
        done += count
        on_event({"event": "progress", "stage": stage, "done": done, "total": total, "unit": "item"})

    return progress
