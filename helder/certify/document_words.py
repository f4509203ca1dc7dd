"""What is known of folders of documents, in sentences for forms and bills of materials: counts and kinds, no texts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from helder.certify.document_facts import SAID, OfDocuments

NOT_SEARCHED = "In the records nobody looked for personal data."
STATED = {"licence": "licence", "owner": "owner", "consent": "consent", "date": "as of"}
POLICIES = {
    "report": "what was found was left standing",
    "redact": "what was found was replaced by a word for its kind",
    "refuse": "documents in which something was found were left out",
    "hold": "documents in which something was found wait for a person, or a person accepted them",
}


def account(evidence: OfDocuments) -> list[str]:
    """What became of files and documents; nothing where no folder was taken in."""
    facts = evidence.cleaning
    if not facts["documents"].known:
        return []
    files = {key: fact.value for key, fact in evidence.files.items()}
    told = []
    if files["paths"] is not None:
        told.append(
            f"Of {files['paths']} files in the folders {files['accepted']} were read, {files['held']} wait for a "
            f"person or did when they were read, {files['refused']} cannot be used."
        )
    counts = {key: fact.value for key, fact in facts.items()}
    told.append(
        f"Of {counts['documents']} documents {counts['kept']} were kept as they were read and {counts['redacted']} "
        f"redacted; {counts['duplicates']} were left out as copies, {counts['near_duplicates']} as near-duplicates; "
        f"{counts['held']} wait for a person, {counts['refused']} were refused."
    )
    if (cut := counts["repeated"]) is not None:
        told.append(
            f"{cut['passages']} passages of {cut['least_words']} words or more that other documents hold, or that "
            f"stand twice in one, were taken out of {cut['documents']} documents ({cut['bytes']} bytes)."
        )
        if cut["parts"] and cut["parts"] > 1:
            told.append(f"They were looked for within {cut['parts']} parts of the documents, not between these.")
    if counts["conflicts"]:
        told.append(f"{counts['conflicts']} pairs contradict each other.")
    if (decided := counts["decisions"]["accepted"]) is not None:
        told.append(f"People accepted {decided} documents and refused {counts['decisions']['refused']}.")
    return told


def personal(evidence: OfDocuments) -> str | None:
    """What was looked for and found; None where nobody looked."""
    policy = evidence.cleaning["policy"].value
    if policy is None:
        return None
    kinds: Mapping[str, int] = evidence.cleaning["findings"].value
    listed = ", ".join(f"{kind} {count}" for kind, count in kinds.items()) or "nothing"
    did = POLICIES.get(policy, "what was done is not known here")
    note = evidence.cleaning["note"].value
    return f"{_searched(evidence)} in the documents; found: {listed}. Policy {policy}: {did}. {note} {NOT_SEARCHED}"


def _searched(evidence: OfDocuments) -> str:
    engine: Mapping[str, Any] = evidence.cleaning["engine"].value
    if engine["name"] == "patterns":
        return "Patterns were looked for"
    return f"Patterns were looked for, and {presidio(engine)} looked,"


def presidio(engine: Mapping[str, Any]) -> str:
    """The engine beside the patterns, with its versions and what it goes by."""
    versions = ", ".join(f"{name} {version}" for name, version in sorted((engine.get("versions") or {}).items()))
    model = (
        "a blank pipeline, without a model that knows names" if engine.get("model") == "blank" else engine.get("model")
    )
    return f"{engine['name']} ({versions or 'version not known'}; language {engine.get('language')}; {model})"


def contamination(evidence: OfDocuments) -> list[str]:
    """Of each test set how many items stand in the documents; of those never looked for, that nobody looked."""
    told = []
    for fact in evidence.contamination:
        one = fact.value
        short = f", {one['not_checked']} too short to check" if one["not_checked"] else ""
        told.append(
            f"{one['test_set']}: {one['contaminated']} of {one['items']} items stand in the documents that were learnt "
            f"from{short}. Their scores can come from memory."
            if one["contaminated"]
            else f"{one['test_set']}: none of {one['items']} items was found in the documents that were learnt "
            f"from{short}."
        )
    return told


def folder(value: Mapping[str, Any]) -> str:
    """What is declared of a folder."""
    said = [f"{STATED[key]}: {value[key] if value[key] is not None else 'not stated'}" for key in SAID]
    return f"Folder {value['name']}, as declared: {'; '.join(said)}."
