"""A shelf of tiny tasks in the form of the package, and a tiny model that reads them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa

from helder.evaluate.suites.tasks import UNCONDITIONAL, Shelf

SHOTS = "Question: how often\nAnswer: at night\n\nQuestion: how many\nAnswer: two tablets\n\n"
WORDS = ("every morning", "at night", "for 5 days", "one tablet")


def _write(folder: Path, settings: dict[str, Any], rows: list[dict[str, Any]], packed: bool = True) -> None:
    folder.mkdir(parents=True)
    base = {"primary_metric": "acc_raw", "split": "test", "generation_kwargs": {}}
    (folder / "config.json").write_text(json.dumps({"task_config": base | settings}), encoding="utf-8")
    text = "".join(json.dumps(row) + "\n" for row in rows)
    if packed:
        (folder / "requests.jsonl.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
    else:
        (folder / "requests.jsonl").write_text(text, encoding="utf-8")


def _row(number: int, place: int, context: str, text: str, label: Any, doc: dict[str, Any]) -> dict[str, Any]:
    request = {"context": context, "continuation": text}
    return {"doc_id": number, "idx": place, "request": request, "label": label, "doc": doc}


def make(root: Path, items: int = 6) -> Shelf:
    """arc_easy in both forms, winogrande with a context for each choice, squad and gsm8k to be written, MMLU."""
    tasks = root / "oe_eval_tasks"
    cloze, letters, cut = [], [], []
    for number in range(items):
        question = f"Question: {WORDS[number % 4]} prn {number}\n"
        for place, word in enumerate(WORDS):
            cloze.append(_row(number, place, f"{SHOTS}{question}Answer:", f" {word}", number % 4, {}))
            listed = "".join(f" {letter}. {one}\n" for letter, one in zip("ABCD", WORDS, strict=True))
            letters.append(_row(number, place, f"{SHOTS}{question}{listed}Answer:", f" {'ABCD'[place]}", 1, {}))
        for place, word in enumerate(("tablet", "puff")):
            cut.append(_row(number, place, f"take {number} then one {word}", " at night", 0, {}))
    for number in range(items):
        for place, word in enumerate(WORDS):
            cloze.append(_row(UNCONDITIONAL + number, place, "Answer:", f" {word}", number % 4, {}))
    _write(tasks / "arc_easy" / "test_rc_5shot", {"primary_metric": "acc_per_char"}, cloze)
    _write(tasks / "arc_easy" / "test_mc_5shot", {}, letters, packed=False)
    _write(tasks / "winogrande" / "val_rc_5shot", {"split": "validation"}, cut)
    writing = {"generation_kwargs": {"stop_sequences": ["\n\n"], "max_gen_toks": 6}}
    squad = [
        _row(n, 0, f"{SHOTS}Question: {n}\nAnswer:", " at night", ["at night", "night"], {"title": f"page {n // 3}"})
        for n in range(items)
    ]
    _write(tasks / "squad" / "bpb_5shot", writing | {"primary_metric": "logits_per_byte"}, squad)
    sums = [
        _row(n, 0, f"Question: {n} + 1\nAnswer:", f" So the answer is {n + 1}.", "x", {"short_answer": str(n + 1)})
        for n in range(items)
    ]
    _write(tasks / "gsm8k" / "gold_bpb_5shot", writing | {"primary_metric": "bits_per_byte"}, sums)
    for subject in ("first_aid", "pharmacy"):
        for split, count in (("dev", 5), ("test", 3)):
            folder = root / "hf_datasets" / "hails" / "mmlu_no_train" / subject / split
            folder.mkdir(parents=True)
            rows = [
                {"question": f"{subject} {n} ", "subject": subject, "choices": list(WORDS), "answer": n % 4}
                for n in range(count)
            ]
            table = pa.Table.from_pylist(rows)
            path = str(folder / "data-00000-of-00001.arrow")
            with pa.OSFile(path, "wb") as file, pa.ipc.new_stream(file, table.schema) as stream:
                stream.write_table(table)
    return Shelf(root, "0.9.test")
