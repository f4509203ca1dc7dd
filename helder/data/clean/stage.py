"""The stage "clean": extracted documents → those that may be learnt from, with an account of every one.

In this order: what people refused, and what waits for them, goes; exact copies (`forms.exact_form`); near-duplicates,
found by MinHash (`near`), measured and picked (`pick`), contradicting ones held, and so those of what is out already;
personal data and secrets (`helder.data.personal`) by the policy; passages that stand in several of the documents that
are left (`passages`); and test items that stand in what is left then (`helder.data.contamination`).

Memory is bounded: texts are read one after the other and never held together. What stays for each document is its id
and some 60 bytes (`entries`). Repeated passages are looked for in parts of `passages.WORDS` words.

Artifact:

    documents.jsonl     the kept documents in the form of the stage "extract", sorted by id; redacted ones with
                        `redacted`, how many places, shortened ones with `shortened`, how many passages, and both
                        with `offsets` that follow the new text
    account.json        {total: n, counts: {state: n}, documents: [{id, path, row?, state, why?, of?, similarity?,
                        personal_data?, repeated?}]}: every document that came in, once, sorted; counts add up to n;
                        repeated: {passages, bytes, of: [{id, path, row?}]}, where they stay
    findings.jsonl      {document, kind, start, end}: places in bytes of the text as it came in, never what stands there
    repeats.jsonl       {document, start, end, of: [id]}: passages that were taken out, in bytes of the text as it came
                        in, and which documents hold them
    conflicts.json      pairs that contradict each other, side by side
    contamination.json  test items whose words stand in the kept documents, by set
    summary.json        counts, settings, libraries, and what was not looked for
"""

from __future__ import annotations

import itertools
import json
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from helder.data import contamination, personal, presidio
from helder.data.clean import LEAST_PASSAGE, near, passages, pick
from helder.data.clean.edits import Edit, applied, followed, joined
from helder.data.clean.entries import Entries, Entry, Known, Numbers, Some
from helder.data.clean.forms import exact_digest, exact_form, near_form
from helder.data.decisions import Decisions
from helder.data.lines import without_offsets
from helder.errors import HelderError

DEFAULTS: dict[str, Any] = {
    "near_duplicates": 0.8,  # least similarity of near-duplicates; 1.0 drops exact copies only
    "personal_data": "report",  # report | redact | refuse | hold
    "personal_data_engine": "patterns",  # or "presidio", beside them
    "repeated_passages": 0,  # words of the shortest passage of which only the first stays; 0: all stay
    "runner": "native",  # or "ray": where the plan that looks for near-duplicates runs
    "ray_address": None,  # of a Ray cluster; None for this machine
}
DOCUMENTS = "documents.jsonl"
TOGETHER = (
    1 << 18
)  # bytes of texts that personal data are looked for in at once: short ones cost little more (measured)
Judged = tuple[Entry, bytes, dict[str, Any], list[personal.Finding]]  # a document, its line, what it says


class Documents:
    """The documents of a file, read one at a time; after `read`, all that is known of them but their texts.

    Attributes:
        entries: one for each. forms: for each, the number of its exact form, in the order in which those first came.
        empty: the form of those without text.
    """

    def __init__(self, file: IO[bytes], name: str) -> None:
        self._file, self._name = file, name
        self.entries = Entries()
        self.forms: NDArray[np.int32] = np.zeros(0, dtype=np.int32)
        self.empty: int | None = None

    def read(self) -> Iterator[bytes]:
        """Read all lines, filling `entries` and `forms`; gives the exact form of every text that is new.

        Raises:
            HelderError: a line that is not a document, by number.
        """
        at = 0
        known, forms = Known(), array("i")
        for number, line in enumerate(self._file, 1):
            try:
                record = without_offsets(line)
                text = record["text"]
                size = len(text if text.isascii() else text.encode("utf-8"))
                named = (record["id"], record.get("path") or "", str(record.get("row") or ""))
                self.entries.add(*named, record.get("date") or "", at, size, record.get("held") or "")
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                raise HelderError(
                    f"{self._name}, line {number} is not a document.",
                    f"{type(error).__name__}: {error}",
                    'A line is {"id": …, "path": …, "text": …}, as the stage "extract" writes it.',
                ) from error
            at += len(line)
            form = exact_form(text)
            new = len(known)
            forms.append(known.number(exact_digest(form)))
            if forms[-1] == new:
                if not form:
                    self.empty = new
                yield form
        self.forms = np.frombuffer(forms, dtype=np.int32)

    def firsts(self) -> Numbers:
        """The first document of each exact form."""
        new = np.diff(np.maximum.accumulate(self.forms), prepend=np.int32(-1)) > 0
        return np.flatnonzero(new).astype(np.int32)

    def groups(self, chosen: NDArray[np.bool_]) -> Iterator[tuple[int, Some]]:
        """Some of the exact forms with their documents, both in the order of the file.

        Args:
            chosen: which, (forms,).
        """
        numbers = np.flatnonzero(chosen[self.forms]).astype(np.int32)
        numbers = numbers[np.argsort(self.forms[numbers], kind="stable")]
        forms = self.forms[numbers]
        begins = np.flatnonzero(np.diff(forms, prepend=-1))
        for begin, end in itertools.pairwise([*begins.tolist(), len(forms)]):
            yield int(forms[begin]), Some(self.entries, numbers[begin:end])

    def line(self, entry: Entry) -> bytes:
        """The line of an entry, read again."""
        self._file.seek(entry.at)
        return self._file.readline()


def run(
    settings: dict[str, Any],
    inputs: dict[str, Path],
    output: Path,
    scratch: Path,
    report: Callable[..., None],
) -> dict[str, Any]:
    """Stage function, see `helder.stage` and the module docstring.

    Args:
        settings: any of `DEFAULTS`.
        inputs: "extract", the folder that the stage of that name made, or a file of documents; perhaps "decisions", a
            file of `helder.data.decisions`; "evaluations", "evaluations-2", …: files of test items.

    Returns:
        what stands in summary.json.

    Raises:
        HelderError: a setting or a file is not what it must be, or daft is not installed.
    """
    config = _configured(settings)
    decided: Mapping[str, str] = Decisions.read(inputs["decisions"]).documents() if "decisions" in inputs else {}
    engine = presidio.engine() if config["personal_data_engine"] == "presidio" else None
    source = inputs["extract"] / DOCUMENTS if inputs["extract"].is_dir() else inputs["extract"]
    with source.open("rb") as file:
        texts = Documents(file, source.name)
        candidates = _candidates(texts, config, scratch)
        entries = texts.entries
        choices = {**decided, **_sort_out(texts, decided)}
        representatives = _drop_copies(texts)
        report("progress", done=1, total=3, unit="step")
        conflicts = pick.drop_near(
            candidates,
            representatives,
            lambda entry: str(without_offsets(texts.line(entry))["text"]),
            config["near_duplicates"],
            choices,
        )
        report("progress", done=2, total=3, unit="step")
        checks = contamination.Index.of(_evaluations(inputs))
        found = _write_documents(texts, representatives, config, choices, output, checks, engine)
    pick.follow_out(entries)
    report("progress", done=3, total=3, unit="step")
    _write(output / "conflicts.json", {"conflicts": [conflict.to_json() for conflict in _in_order(conflicts)]})
    told = checks.told()
    _write(output / "contamination.json", told)
    counts = _account(entries, output)
    about = {entry.id for entry in entries if entry.id in decided} if decided else set()
    missing = sorted(set(decided) - about)
    summary = {
        "format": 1,
        "documents": len(entries),
        "counts": counts,
        "bytes": {"read": sum(entries.size), "kept": found.pop("bytes")},
        "conflicts": len(conflicts),
        "near_duplicates": _near_facts(config),
        "repeated_passages": found["repeated"],
        "personal_data": {
            "policy": config["personal_data"],
            "engine": {"name": "patterns"} if engine is None else engine.facts,
            "findings": found["findings"],
            "note": personal.WARNING,
        },
        "contamination": {
            name: {key: of[key] for key in ("items", "not_checked", "contaminated")}
            for name, of in told["sets"].items()
        },
        "decisions": {
            "read": len(decided),
            "accepted": sum(decided[id] == "accept" for id in about),
            "refused": sum(decided[id] == "refuse" for id in about),
            "about_no_document": missing,
        },
    }
    _write(output / "summary.json", summary)
    _tell(summary, report)
    return summary


def _configured(settings: Mapping[str, Any]) -> dict[str, Any]:
    unknown = sorted(set(settings) - set(DEFAULTS))
    if unknown:
        raise HelderError(f"The setting {unknown[0]!r} is unknown.", f"Known: {', '.join(DEFAULTS)}.", "Correct it.")
    config = DEFAULTS | {key: value for key, value in settings.items() if value is not None}
    if not 0.1 <= float(config["near_duplicates"]) <= 1:
        raise HelderError(
            f"near_duplicates is {config['near_duplicates']}.",
            "It is the least similarity of near-duplicates, a part of the shingles of five words that both texts have.",
            "Choose 0.7 to 0.9, or 1.0 to drop exact copies only.",
        )
    personal.check_policy(config["personal_data"])
    presidio.check_engine(config["personal_data_engine"])
    if config["repeated_passages"] and config["repeated_passages"] < LEAST_PASSAGE:
        raise HelderError(
            f"repeated_passages is {config['repeated_passages']}.",
            f"Runs of less than {LEAST_PASSAGE} words are repeated everywhere: they are ordinary language.",
            "Choose 40 or more, or 0 to leave all passages where they are.",
        )
    return config


def _candidates(texts: Documents, config: Mapping[str, Any], scratch: Path) -> list[tuple[int, ...]]:
    """Read everything, and find what is worth comparing; a row is the number of an exact form."""
    if config["near_duplicates"] == 1:
        for _ in texts.read():
            pass
        return []
    near.start(config["runner"], config["ray_address"])
    scratch.mkdir(parents=True, exist_ok=True)
    parts = near.write_parts(((row, near_form(form)) for row, form in enumerate(texts.read())), scratch)
    try:
        return near.groups(parts, config["near_duplicates"])
    finally:
        for part in parts:
            part.unlink()


def _sort_out(texts: Documents, choices: Mapping[str, str]) -> dict[str, str]:
    """Take out what people refused, what waits for them since it was extracted, and what has no text.

    What holds for one document holds for its copies: a text cannot be in and out, nor wait in one folder and be learnt
    from out of another.

    Returns:
        The copies of what people accepted, as accepted.
    """
    entries, accepted = texts.entries, dict[str, str]()
    chosen = np.zeros(len(texts.firsts()), dtype=np.bool_)
    chosen[texts.forms[entries.held()]] = True
    chosen[[texts.forms[entry.number] for entry in entries if entry.id in choices] if choices else []] = True
    if texts.empty is not None:
        chosen[texts.empty] = True
    for form, members in texts.groups(chosen):
        words = {choices.get(entry.id) for entry in members}
        held = next((entry.held for entry in members if entry.held), "")
        if "refuse" in words:
            state, why = "refused", "a person refused it"
        elif form == texts.empty:
            state, why = "refused", "it has no text"
        elif held and "accept" not in words:
            state, why = "held", held
        else:
            if "accept" in words:
                accepted.update((entry.id, "accept") for entry in members)
            continue
        for entry in members:
            entry.state, entry.why = state, why
    return accepted


def _drop_copies(texts: Documents) -> Some:
    """Let one document of each exact form stay; those, in the order of the forms."""
    stay = texts.firsts()
    for form, members in texts.groups(np.bincount(texts.forms) > 1):
        stay[form] = pick.drop_copies(members).number
    return Some(texts.entries, stay)


def _write_documents(
    texts: Documents,
    representatives: Some,
    config: Mapping[str, Any],
    choices: Mapping[str, str],
    output: Path,
    checks: contamination.Index,
    engine: presidio.Engine | None,
) -> dict[str, Any]:
    """Look for personal data in what is kept so far, do what the policy says, and write what stays, sorted by id."""
    total: Counter[str] = Counter()
    size = 0
    cuts: dict[int, list[passages.Cut]] = {}
    told: dict[str, Any] = {"looked_for": False}
    with (
        (output / DOCUMENTS).open("wb") as documents,
        (output / "findings.jsonl").open("w", encoding="utf-8") as places,
    ):

        def judged(entries: Some) -> Iterator[Judged]:
            for part in _parts(entries):
                lines = [texts.line(entry) for entry in part]
                records = [without_offsets(line) for line in lines]
                named = [(record["text"], entry.id) for entry, record in zip(part, records, strict=True)]
                found = personal.find_all(named) if engine is None else [engine(*one) for one in named]
                for entry, line, record, findings in zip(part, lines, records, found, strict=True):
                    if findings:
                        entry.findings = personal.count(findings)
                        total.update(entry.findings)
                        places.writelines(json.dumps(finding.to_json()) + "\n" for finding in findings)
                        _judge(entry, findings, config["personal_data"], choices)
                    yield entry, line, record, findings

        waiting = representatives.in_state("kept").sorted()
        known: dict[int, list[personal.Finding]] = {}
        if config["repeated_passages"]:  # only what is sure to stay may keep a passage that others lose
            for entry, _, _, found in judged(waiting):
                if entry.state == "redacted":
                    known[entry.at] = found
            waiting = waiting.in_state("kept", "redacted")
            cuts, told = _repeated(texts, waiting, config["repeated_passages"], output)
        left: Iterator[Judged]
        if config["repeated_passages"]:
            lines = ((entry, texts.line(entry)) for entry in waiting)
            left = ((entry, line, without_offsets(line), known.get(entry.at, [])) for entry, line in lines)
        else:
            left = judged(waiting)
        for entry, line, record, findings in left:
            if entry.state == "redacted" or entry.at in cuts:
                record = _changed(
                    json.loads(line), findings if entry.state == "redacted" else [], cuts.get(entry.at, [])
                )
            elif record.get("held"):
                record = json.loads(line)
            if entry.state == "redacted" or entry.at in cuts or record.get("held"):
                record["held"] = None  # whoever held it was answered
                line = json.dumps(record, ensure_ascii=False).encode("utf-8") + b"\n"
            if entry.state in ("kept", "redacted"):
                documents.write(line if line.endswith(b"\n") else line + b"\n")
                size += len(record["text"].encode("utf-8"))
                checks.look_in(entry.id, record["text"])
    order = {kind: total[kind] for kind in sorted(total)}
    return {"findings": order, "bytes": size, "repeated": told}


def _parts(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """Documents in their order, up to `TOGETHER` bytes or one of any length at a time."""
    part: list[Entry] = []
    size = 0
    for entry in entries:
        if part and size + entry.size > TOGETHER:
            yield part
            part, size = [], 0
        part.append(entry)
        size += entry.size
    if part:
        yield part


def _repeated(
    texts: Documents, entries: Some, length: int, output: Path
) -> tuple[dict[int, list[passages.Cut]], dict[str, Any]]:
    """(the passages to take out of each document, what summary.json says of them); entries keep their account."""
    cuts, parts = passages.find(entries, lambda entry: str(without_offsets(texts.line(entry))["text"]), length)
    with (output / "repeats.jsonl").open("w", encoding="utf-8") as places:
        for entry in entries:
            mine = cuts.get(entry.at, [])
            if not mine:
                continue
            of = {one.at: one for cut in mine for one in cut.of}
            firsts = sorted(of.values(), key=lambda one: (one.id, one.path, one.row))
            entry.repeated = {
                "passages": len(mine),
                "bytes": sum(cut.edit.end - cut.edit.start for cut in mine),
                "of": [one.named for one in firsts],
            }
            if mine[0].whole:
                entry.state, entry.of = "duplicate", mine[0].of[0]
                entry.why = "all of it stands in other documents"
            for cut in mine:
                where = {"start": cut.edit.start, "end": cut.edit.end, "of": [one.id for one in cut.of]}
                places.write(json.dumps({"document": entry.id, **where}) + "\n")
    changed = [entry.repeated for entry in entries if entry.repeated]
    return cuts, {
        "looked_for": True,
        "least_words": length,
        "parts": parts,
        "passages": sum(one["passages"] for one in changed),
        "documents": len(changed),
        "bytes": sum(one["bytes"] for one in changed),
    }


def _judge(entry: Entry, findings: list[personal.Finding], policy: str, choices: Mapping[str, str]) -> None:
    """What a policy does with a document in which something was found."""
    told = personal.told(findings)
    if policy == "refuse":
        entry.state, entry.why = "refused", f"it holds personal data or secrets: {told}"
    elif policy == "hold" and choices.get(entry.id) != "accept":
        entry.state, entry.why = "held", f"it holds personal data or secrets: {told}; a person decides"
    elif policy == "redact":
        entry.state, entry.why = "redacted", told


def _changed(record: dict[str, Any], findings: list[personal.Finding], cuts: list[passages.Cut]) -> dict[str, Any]:
    """The document with placeholders, without repeated passages, and with offsets that follow."""
    hidden = [Edit(finding.start, finding.end, personal.placeholder(finding.kind)) for finding in findings]
    edits = joined([cut.edit for cut in cuts], hidden)
    record["text"] = applied(record["text"], edits)
    if findings:
        record["redacted"] = len(findings)
    if findings and record.get("title"):
        record["title"] = personal.redact(record["title"], personal.find(record["title"]))
    if cuts:
        record["shortened"] = len(cuts)
    if record.get("offsets"):
        record["offsets"] = followed(record["offsets"], edits)
    return record


def _account(entries: Entries, output: Path) -> dict[str, int]:
    """Write the account of every document and give back the counts, which must add up."""
    counts = entries.counts()
    ordered = Some(entries, entries.numbers).sorted()
    told = np.zeros(len(entries), dtype=np.bool_)
    told[ordered.numbers] = True
    if sum(counts.values()) != len(entries) or len(ordered) != len(entries) or not told.all():
        raise AssertionError(f"documents do not add up: {len(entries)} came in, {counts} accounted for")
    with (output / "account.json").open("w", encoding="utf-8") as file:
        file.write(json.dumps({"format": 1, "total": len(entries), "counts": counts})[:-1] + ', "documents": [')
        for place, entry in enumerate(ordered):
            file.write(("," if place else "") + "\n" + json.dumps(entry.to_json(), ensure_ascii=False))
        file.write("\n]}\n")
    return counts


def _evaluations(inputs: Mapping[str, Path]) -> Iterator[contamination.Question]:
    for name in sorted(name for name in inputs if name.startswith("evaluations")):
        yield from contamination.items_of(inputs[name], name)


def _near_facts(config: Mapping[str, Any]) -> dict[str, Any]:
    if config["near_duplicates"] == 1:
        return {"threshold": 1.0, "looked_for": False}
    count, rows = near.bands(config["near_duplicates"])
    return {
        "threshold": config["near_duplicates"],
        "looked_for": True,
        "measure": "Jaccard of runs of five words",
        "signature": {"bands": count, "rows": rows, "hash": near.HASH, "seed": near.SEED},
        "daft": version("daft"),
    }


def _in_order(conflicts: list[pick.Conflict]) -> list[pick.Conflict]:
    return sorted(conflicts, key=lambda conflict: (conflict.one.id, conflict.other.id))


def _tell(summary: Mapping[str, Any], report: Callable[..., None]) -> None:
    report("note", text=", ".join(f"{state} {count}" for state, count in summary["counts"].items() if count))
    if summary["personal_data"]["findings"]:
        found = ", ".join(f"{kind} {count}" for kind, count in summary["personal_data"]["findings"].items())
        report("warning", text=f"Personal data or secrets stand in the documents: {found}. {personal.WARNING}")
    if summary["conflicts"]:
        report(
            "warning", text=f"{summary['conflicts']} pairs of documents contradict each other and wait for a person."
        )
    repeated = summary["repeated_passages"]
    if repeated["looked_for"]:
        told = f"{repeated['passages']:,} repeated passages ({repeated['bytes']:,} bytes) were taken out of "
        report("note", text=f"{told}{repeated['documents']:,} documents.")
        if repeated["parts"] > 1:
            why = f"{passages.WORDS:,} words are held in memory at once"
            told = (
                f"Repeated passages were looked for within {repeated['parts']} parts of the documents, because {why}."
            )
            report("warning", text=f"{told} What stands once in each of two parts is not found.")
    for name, of in summary["contamination"].items():
        if of["contaminated"]:
            report("warning", text=f"{of['contaminated']} of {of['items']} items of {name} stand in the documents.")
    if summary["decisions"]["about_no_document"]:
        report(
            "warning", text=f"{len(summary['decisions']['about_no_document'])} decisions are about no document here."
        )


def _write(path: Path, record: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
