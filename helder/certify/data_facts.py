"""Facts about what a model is asked to do and what it learnt from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from helder.certify.reading import BOUND, DECLARED, TOKENIZES, Fact, Facts, Reading

COMMITMENT = "commitment"  # the stage that commits to the records


@dataclass(frozen=True)
class OfData(Reading):
    """What can be asked about task and data."""

    @cached_property
    def task(self) -> Facts:
        """name, purpose, kind, instruction, fields, labels, harm: what the model is asked to do."""
        found = {
            key: self._fact("data", "settings", key, DECLARED) for key in ("name", "purpose", "instruction", "harm")
        }
        read = self._json("data", "summary.json")
        about = read[0].get("task", {}) if read else {}
        for key in ("kind", "many", "fields", "labels"):
            found[key] = (
                Fact(about[key], f"data/summary.json: task.{key}", read[1], BOUND)
                if read is not None and key in about
                else self._fact("data", "settings", key)
            )
        return found

    @cached_property
    def sources(self) -> list[Fact]:
        """{name, stage, as, kind, sha256, rows, bytes, format, licence, in_bundle} of all that no stage made."""
        declared = {(one["stage"], one["name"]): one for one in self.release.get("sources", ())}
        made = {said.digest for said in self.statements.values()}
        read = self._json("data", "summary.json")
        counted = read[0].get("sources", {}) if read else {}
        found = []
        for stage, said in self.statements.items():
            if stage == COMMITMENT:  # it commits to what others read, with a secret that is no data
                continue
            settings, imported = said.predicate["settings"], self.imported(stage)
            for known_as, one in sorted(said.predicate["inputs"].items()):
                digest = one["digest"]["sha256"]
                if digest in made:
                    continue
                told = declared.get((stage, known_as), {})
                own = settings.get("licence") if stage == "data" or imported else None
                licence = own if imported else told.get("licence") or own
                files = counted.get(known_as, []) if stage == "data" else []
                value = {
                    "name": one["name"],
                    "stage": stage,
                    "as": known_as,
                    "kind": one["kind"],
                    "sha256": digest,
                    "rows": sum(file["rows"] for file in files) if files else None,
                    "bytes": sum(file["bytes"] for file in files) if files else None,
                    "format": "+".join(sorted({file["format"] for file in files})) or None,
                    "licence": None if licence in (None, "", "unknown") else licence,
                    "in_bundle": told.get("path") is not None,
                }
                found.append(Fact(value, f"statement {stage}: inputs.{known_as}", self._payload(stage), BOUND))
        return found

    @cached_property
    def licence_of_data(self) -> Fact:
        """The licence of the data, as the recipe says."""
        said = self._fact("data", "settings", "licence", DECLARED)
        return said if said.value != "unknown" else Fact(None, said.source, said.evidence)

    @cached_property
    def splits(self) -> list[Fact]:
        """{split, read, kept, duplicates, leaked, over_limit, from_train, held_out, contradictions} of each split."""
        read = self._json("data", "summary.json")
        if read is None:
            return []
        summary, digest = read
        conflicts = {  # a list of them where it was made before they stood in account.json
            split: len(found) if isinstance(found, list) else found
            for split, found in summary.get("contradictions", {}).items()
        }
        return [
            Fact(
                {"split": split, **counts, "contradictions": conflicts.get(split, 0)},
                f"data/summary.json: splits.{split}",
                digest,
                BOUND,
            )
            for split, counts in summary.get("splits", {}).items()
        ]

    @cached_property
    def data(self) -> Facts:
        """What was read and cleaned.

        records, duplicates, leaked, contradictions (counts over all splits), warnings, derived, labels, tags; and for
        regulators left_out and contradicting, record by record.
        """
        read = self._json("data", "summary.json")
        keys = ("records", "duplicates", "leaked", "contradictions", "warnings", "derived", "labels", "tags")
        account = self._json("data", "account.json")
        held = Fact(None, "data/account.json, which is withheld", audience="regulator")
        found = dict.fromkeys(keys, Fact(None, "data/summary.json, which is withheld"))
        found |= dict.fromkeys(("left_out", "contradicting"), held)
        if account is not None:
            for name, key in (("left_out", "left_out"), ("contradicting", "contradictions")):
                found[name] = Fact(account[0].get(key, {}), f"data/account.json: {key}", account[1], BOUND, "regulator")
        if read is None:
            return found
        summary, digest = read
        splits = [fact.value for fact in self.splits]

        def said(value: Any, key: str) -> Fact:
            return Fact(value, f"data/summary.json: {key}", digest, BOUND)

        found["records"] = said(sum(split["kept"] for split in splits), "splits")
        found |= {key: said(sum(split[key] for split in splits), "splits") for key in keys[1:3]}
        found["contradictions"] = said(sum(split["contradictions"] for split in splits), "contradictions")
        found |= {key: said(summary.get(key, []), key) for key in ("warnings", "derived")}
        found |= {key: said(summary.get(key, {}), key) for key in ("labels", "tags")}
        return found

    @cached_property
    def canaries(self) -> Fact:
        """How many made-up examples were planted in what was learnt from; None when none were."""
        return self._fact("data", "settings", "canaries")

    @cached_property
    def commitment(self) -> Fact:
        """{root, leaves}: the salted digest over every record and document, by which one can be revealed later."""
        facts = {key: self._fact(COMMITMENT, "facts", key) for key in ("root", "leaves")}
        root = facts["root"]
        value = {key: fact.value for key, fact in facts.items()} if root.known else None
        return Fact(value, root.source, root.evidence, root.grade)

    @cached_property
    def texts(self) -> list[Fact]:
        """{stage, documents, tokens, bytes, held_out_documents, held_out_tokens, empty} of documents learnt from."""
        found = []
        for stage in self._stages(TOKENIZES):
            facts = self.statements[stage].facts
            train, dev = facts.get("train", {}), facts.get("dev", {})
            value = {
                "stage": stage,
                "documents": train.get("documents"),
                "tokens": train.get("tokens"),
                "bytes": train.get("bytes"),
                "held_out_documents": dev.get("documents"),
                "held_out_tokens": dev.get("tokens"),
                "empty": facts.get("empty"),
            }
            found.append(Fact(value, f"statement {stage}: facts", self._payload(stage), BOUND))
        return found
