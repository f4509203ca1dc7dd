"""Facts about folders of documents: whose they are, what became of every document, and what was found in them.

They are counts and kinds: what stands at a place where personal data were found, and what a held document is called, is
no part of any of them. What the stage "clean" says is taken from its `summary.json`, which is in every bundle and is
made again with everything else of that stage.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from helder.certify.reading import BOUND, DECLARED, Fact, Facts, Reading

EXTRACTS, CLEANS = "helder.data.extract.stage:run", "helder.data.clean.stage:run"
SAID = ("licence", "owner", "consent", "date")  # of a folder, as the recipe says
# What became of a document: name of the fact → name in the account.
STATES = {
    "kept": "kept",
    "redacted": "redacted",
    "duplicates": "duplicate",
    "near_duplicates": "near-duplicate",
    "held": "held",
    "refused": "refused",
}


@dataclass(frozen=True)
class OfDocuments(Reading):
    """What can be asked about folders of documents; nothing of it is known where a run begins with records."""

    @property
    def takes_in_documents(self) -> bool:
        """Whether a stage of the way read folders of documents."""
        return bool(self._stages(EXTRACTS) or self._stages(CLEANS))

    @cached_property
    def folders(self) -> list[Fact]:
        """{name, licence, owner, consent, date, sha256, in_bundle} of each folder, as the recipe says of it."""
        given = {one["digest"]: one.get("path") for one in self.release.get("sources", ())}
        found = []
        for stage in self._stages(EXTRACTS):
            predicate = self.statements[stage].predicate
            named = [name for name in predicate["inputs"] if name.startswith("folder")]
            digests = [
                predicate["inputs"][name]["digest"]["sha256"] for name in sorted(named, key=lambda n: (len(n), n))
            ]
            for said, digest in zip(predicate["settings"].get("sources") or (), digests, strict=False):
                value = {"name": said.get("name"), **{key: said.get(key) or None for key in SAID}}
                value["licence"] = None if value["licence"] == "unknown" else value["licence"]
                value |= {"sha256": digest, "in_bundle": given.get(digest) is not None}
                source = f"statement {stage}: settings.sources"
                found.append(Fact(value, source, self._payload(stage), DECLARED))
        return found

    @cached_property
    def files(self) -> Facts:
        """paths, accepted, held, refused, documents: what reading the folders came to, in counts."""
        stage = next(iter(self._stages(EXTRACTS)), "extract")
        return {key: self._fact(stage, "facts", key) for key in ("paths", "accepted", "held", "refused", "documents")}

    @cached_property
    def cleaning(self) -> Facts:
        """What became of the documents.

        documents (all that were read), kept, redacted, duplicates, near_duplicates, held, refused, conflicts (counts:
        kept to refused add up to documents), threshold (least likeness of near-duplicates), decisions {read, accepted,
        refused}, policy (report, redact, refuse, hold), findings {kind: count}, found (their sum), note: what looking
        for patterns does not do; engine: who looked, {name, and of presidio versions, language, model}; repeated
        {passages, documents, bytes, least_words, parts}: what was taken out because other documents hold it, None where
        nobody looked for it.
        """
        keys = ("documents", *STATES, "conflicts", "threshold", "decisions", "policy", "findings", "found", "note")
        keys += ("engine", "repeated")
        if self._cleaned is None:
            why = "no folder of documents was taken in" if not self.takes_in_documents else "clean/summary.json is gone"
            return dict.fromkeys(keys, Fact(None, why))
        summary, digest = self._cleaned

        def said(value: Any, key: str) -> Fact:
            return Fact(value, f"clean/summary.json: {key}", digest, BOUND)

        found = {key: said(summary["counts"].get(name, 0), f"counts.{name}") for key, name in STATES.items()}
        found |= {key: said(summary.get(key), key) for key in ("documents", "conflicts")}
        found["threshold"] = said((summary.get("near_duplicates") or {}).get("threshold"), "near_duplicates.threshold")
        decided: Mapping[str, Any] = summary.get("decisions") or {}
        counts = {key: decided.get(key) for key in ("read", "accepted", "refused")}
        found["decisions"] = said(counts, "decisions")
        personal: Mapping[str, Any] = summary["personal_data"]
        found |= {key: said(personal.get(key), f"personal_data.{key}") for key in ("policy", "findings", "note")}
        engine: Mapping[str, Any] = personal.get("engine") or {"name": "patterns"}
        shown = {key: engine[key] for key in ("name", "versions", "language", "model") if key in engine}
        found["engine"] = said(shown, "personal_data.engine")
        repeated: Mapping[str, Any] = summary.get("repeated_passages") or {}
        parts = {key: repeated.get(key) for key in ("passages", "documents", "bytes", "least_words", "parts")}
        found["repeated"] = said(parts if repeated.get("looked_for") else None, "repeated_passages")
        found["found"] = said(sum(personal["findings"].values()), "personal_data.findings, summed")
        return found

    @cached_property
    def contamination(self) -> list[Fact]:
        """{test_set, items, not_checked, contaminated} of each test set that was looked for in the documents.

        `test_set` is called as in the scores. An item is contaminated when 13 of its words in a row, or all of 8 to 12,
        stand in a document that was kept; shorter ones are not checked.
        """
        if self._cleaned is None:
            return []
        summary, digest = self._cleaned
        stage = self._stages(CLEANS)[0]
        inputs = self.statements[stage].predicate["inputs"]
        known = self._said("data")
        sets = {
            one["digest"]["sha256"]: name
            for name, one in (known.predicate["inputs"] if known else {}).items()
            if name == "test" or name.startswith("test-")
        }
        found = []
        for name, counts in sorted(summary.get("contamination", {}).items(), key=lambda one: (len(one[0]), one[0])):
            read = inputs.get(name)
            called = name if read is None else sets.get(read["digest"]["sha256"], read["name"])
            value = {"test_set": called, **{key: counts.get(key) for key in ("items", "not_checked", "contaminated")}}
            found.append(Fact(value, f"clean/summary.json: contamination.{name}", digest, BOUND))
        return found

    @cached_property
    def _cleaned(self) -> tuple[dict[str, Any], str] | None:
        """summary.json of the stage "clean", and its digest."""
        stage = next(iter(self._stages(CLEANS)), None)
        return None if stage is None else self._json(stage, "summary.json")
