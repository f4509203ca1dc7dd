"""A model card as the Hugging Face hub reads it: a head in YAML with the scores in it, and text for people.

It says what evidence shows, with intervals and baselines, the bad scores among them; what only people can say and did
not stays open in it. Text from data, recipe and models is shown as text, in the head as quoted strings.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from helder.certify import document_words, licences, markdown
from helder.certify.evidence import Evidence, Fact
from helder.certify.forms import annex_iv, answers, gpai

HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
TASKS = {"label": ("text-classification", "Text classification")}  # the hub's names; of all others:
GENERATES = ("text-generation", "Text generation")
# Our measures by the names that the hub has for metrics.
METRICS = {"whole": "accuracy", "fields": "accuracy", "stated": "accuracy", "text": "chrf", "macro_f1": "f1"}
SECTIONS = (  # title, key of [release]
    ("Intended use", "intended_use"),
    ("Out of scope", "out_of_scope"),
    ("Risks", "risks"),
    ("Oversight", "oversight"),
    ("Personal data", "personal_data"),
    ("Bias", "bias"),
)


def to_json(evidence: Evidence) -> dict[str, Any]:
    """What the card says, each fact with evidence and grade.

    {head, purpose, people, contamination, scores, facts, not_proved}
    """
    reader = str(evidence.release.get("audience", "public"))
    facts = {
        "model": answers.design(evidence),
        "dependencies": answers.dependencies(evidence),
        "data": answers.data_provenance(evidence),
        "cleaning": answers.curation(evidence),
        "training": answers.training_process(evidence),
        "computation": gpai.computation(evidence),
        "energy_MWh": answers.energy_mwh(evidence),
        "energy_method": answers.energy_method(evidence),
        "hardware": answers.hardware(evidence),
        "integrity": annex_iv.integrity(evidence),
    }
    return {
        "head": head(evidence),
        "purpose": evidence.task["purpose"].to_json(),
        "people": {key: evidence.person(key).to_json() for _, key in SECTIONS},
        "contamination": [fact.to_json() for fact in evidence.contamination],
        "scores": [fact.to_json() for fact in evidence.scores],
        "recommendation": answers.recommendation(evidence).to_json(),
        "facts": {name: fact.to_json() for name, fact in facts.items() if fact.for_(reader)},
        "not_proved": [fact.value for fact in evidence.not_proved],
    }


def to_markdown(evidence: Evidence) -> str:
    told = to_json(evidence)
    name = evidence.release.get("name") or evidence.task["name"].value
    lines = [*yaml(told["head"]), "", f"# {markdown.text(name)}", "", _words(told["purpose"])]
    lines += ["", "This card was made from the signed ledger of the model; a grade says how well each answer is shown."]
    for title, key in SECTIONS:
        lines += ["", f"## {title}", _words(told["people"][key])]
        if key == "personal_data" and (found := document_words.personal(evidence)) is not None:
            lines += ["", markdown.text(found)]
    lines += ["", "## Scores", *_contamination(evidence), *_scores(evidence), "", _words(told["recommendation"])]
    for name, fact in told["facts"].items():
        lines += ["", f"## {name.replace('_', ' ').capitalize()}"]
        if fact["value"] is None:
            lines += ["**Open: not known.**"]
            continue
        shown = f"evidence {fact['evidence'][:16]}…" if fact["evidence"] else "declared"
        lines += [
            *markdown.value(fact["value"]),
            "",
            f"*Grade {fact['grade']}; {shown}; {markdown.text(fact['source'])}*",
        ]
    lines += ["", "## What this does not show"]
    lines += [f"- {markdown.text(sentence['text'])}" for sentence in told["not_proved"]]
    return "\n".join(lines) + "\n"


def head(evidence: Evidence) -> dict[str, Any]:
    """The card's metadata, in the hub's names."""
    name = markdown.plain(evidence.release.get("name") or evidence.task["name"].value or "model")
    task, _ = _task(evidence)
    found: dict[str, Any] = {**_licence(evidence.person("licence")), "library_name": "helder", "pipeline_tag": task}
    languages = evidence.person("data_languages").value
    if languages:
        found["language"] = [markdown.plain(language) for language in languages]
    origin = str(evidence.base["origin"].value or "").split(" ")[0].removeprefix("https://huggingface.co/")
    if HUB_NAME.fullmatch(origin):
        found["base_model"] = origin
    found["tags"] = ["helder", "gguf", str(evidence.model["family"].value or "transformer")]
    if evidence.scores:
        found["model-index"] = [{"name": name, "results": _results(evidence)}]
    return found


def yaml(record: Mapping[str, Any]) -> list[str]:
    """A record as YAML between two lines of dashes; every text is quoted, so that none is taken for something else."""
    return ["---", *_yaml(record, 0), "---"]


def _licence(stated: Fact) -> dict[str, str]:
    """The hub writes SPDX identifiers in lower case; others go under "other" with a name."""
    if not stated.known:
        return {"license": "unknown"}
    known = licences.find(str(stated.value))
    if known is None or known.id.startswith("LicenseRef"):
        return {"license": "other", "license_name": markdown.plain(stated.value).lower().replace(" ", "-")}
    return {"license": known.id.lower()}


def _task(evidence: Evidence) -> tuple[str, str]:
    return TASKS.get(str(evidence.task["kind"].value), GENERATES)


def _results(evidence: Evidence) -> list[dict[str, Any]]:
    """One entry a test set, with the scores of our own models; those of baselines stand in the text."""
    task, title = _task(evidence)
    found = []
    sets = dict.fromkeys(fact.value["test_set"] for fact in evidence.scores)
    digest = evidence.scores[0].evidence
    for test_set in sets:
        metrics = [
            {
                "type": METRICS.get(one["measure"], "accuracy"),
                "value": one["value"],
                "name": f"{one['measure']} ({one['title']})",
                "args": {key: one[key] for key in ("low", "high", "n") if one[key] is not None},
            }
            for one in (fact.value for fact in evidence.scores)
            if one["test_set"] == test_set and one["role"] == "model" and one["value"] is not None
        ]
        if metrics:
            found.append(
                {
                    "task": {"type": task, "name": title},
                    "dataset": {"name": f"{evidence.task['name'].value}: {test_set}", "type": f"helder-{test_set}"},
                    "metrics": metrics,
                    "source": {"name": f"scores.json, SHA-256 {digest}", "url": "scores.json"},
                }
            )
    return found


def _contamination(evidence: Evidence) -> list[str]:
    """Before any score: what of the test stands in the documents that were learnt from."""
    told = document_words.contamination(evidence)
    return [*(f"- {markdown.text(sentence)}" for sentence in told), ""] if told else []


def _scores(evidence: Evidence) -> list[str]:
    if not evidence.scores:
        return ["**Open: the scores are withheld, or were not made.**"]
    confidence = evidence.verdict["confidence"].value
    rows = [
        [one["test_set"], one["title"], one["measure"], one["value"], one["low"], one["high"], one["n"]]
        for one in (fact.value for fact in evidence.scores)
    ]
    heads = ["test set", "who", "measure", "value", "low", "high", "n"]
    return [
        f"Intervals at {markdown.scalar(confidence)}; every subject that was scored.",
        "",
        *markdown.table(heads, rows),
    ]


def _words(fact: Mapping[str, Any]) -> str:
    if fact["value"] is None:
        return f"**Open: {markdown.text(fact['source'])}.**"
    return markdown.line(markdown.text(fact["value"]))


def _yaml(value: Mapping[str, Any] | list[Any], depth: int) -> list[str]:
    lines, indent = [], "  " * depth
    pairs = (
        [("- ", item) for item in value]
        if isinstance(value, list)
        else [(f"{key}: ", one) for key, one in value.items()]
    )
    for mark, item in pairs:
        if isinstance(item, Mapping | list) and item:
            inner = _yaml(item, depth + 1)
            if mark == "- ":
                lines += [f"{indent}- {inner[0].lstrip()}", *inner[1:]]
            else:
                lines += [f"{indent}{mark.rstrip()}", *inner]
        else:
            lines.append(f"{indent}{mark}{_quoted(item)}")
    return lines


def _quoted(value: Any) -> str:
    """A scalar. JSON's strings are YAML's double-quoted ones, once what cannot be seen is gone."""
    return json.dumps(markdown.plain(value) if isinstance(value, str) else value, ensure_ascii=False)
