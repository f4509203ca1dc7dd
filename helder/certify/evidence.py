"""What statements and artifacts say, as facts: each with where it stands, how well it is shown and who may see it.

Everything that a certificate, a form or a page says is taken from here, so that nothing is said that nothing shows. The
same release, statements and files give the same facts in the same order, whoever reads them and whenever. Light: it
needs no torch.

It believes what is signed; whether a signature fits and whether a stage did what it says is for `helder verify`. What
is withheld is told from the statements alone, and what nobody said stays unknown: `value` is None.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from helder.certify import compute
from helder.certify.data_facts import OfData
from helder.certify.document_facts import OfDocuments
from helder.certify.reading import (
    AVERAGES,
    BOUND,
    DECLARED,
    EXERCISED,
    IMPORTS,
    PRESENT,
    SCRATCH,
    TEACHES,
    TOKENIZES,
    TRAINS,
    Audience,
    Fact,
    Facts,
    in_order,
    payload_digest,
)
from helder.certify.score_facts import OfScores
from helder.ledger import canonical
from helder.ledger.statement import Statement
from helder.model import families
from helder.model.config import TransformerConfig
from helder.sealed import room

__all__ = [
    "AVERAGES",
    "BOUND",
    "DECLARED",
    "EXERCISED",
    "IMPORTS",
    "PRESENT",
    "SCRATCH",
    "TEACHES",
    "TOKENIZES",
    "TRAINS",
    "Audience",
    "Evidence",
    "Fact",
    "payload_digest",
]


@dataclass(frozen=True)
class Evidence(OfData, OfDocuments, OfScores):
    """A release that can be asked for facts: each question gives a Fact, a list of them, or several by name."""

    @classmethod
    def of(
        cls, release: Mapping[str, Any], statements: Mapping[str, Statement], places: Mapping[str, Path | None]
    ) -> Evidence:
        """Take up a release, in whatever order its statements are given."""
        return cls(release, in_order(statements), dict(places))

    def to_json(self) -> dict[str, Any]:
        """All that can be asked: name → a fact, a list of facts, or facts by name."""
        names = {
            name
            for kind in type(self).__mro__
            for name, value in vars(kind).items()
            if isinstance(value, cached_property)
        }
        told = {name: getattr(self, name) for name in sorted(names) if not name.startswith("_")}
        return {name: _told(value) for name, value in told.items() if isinstance(value, Fact | dict | list)}

    # -- the model ---------------------------------------------------------------------------------------------------

    @property
    def model_stage(self) -> str:
        """The stage that made the final weights."""
        named = self.release.get("model")
        return str(named) if named else (self._stages(TRAINS) or ["train"])[-1]

    @cached_property
    def config(self) -> tuple[TransformerConfig, str] | None:
        """The architecture of the model, and the digest of the file that says so."""
        return self._config(self.model_stage) or self._config("base")

    @cached_property
    def model(self) -> Facts:
        """family, architecture, parameters, trained_parameters, context_length, vocabulary, chat_format, weights."""
        stage = self.model_stage
        unknown = Fact(None, f"{stage}/config.json, which is withheld")
        found: Facts = dict.fromkeys(("family", "architecture", "parameters", "context_length", "vocabulary"), unknown)
        if self.config is not None:
            config, digest = self.config

            def said(value: Any, key: str) -> Fact:
                return Fact(value, f"{stage}/config.json: {key}", digest, BOUND)

            shape = {
                "layers": config.layers,
                "width": config.width,
                "heads": config.heads,
                "kv_heads": config.kv_heads,
                "head_width": config.head_width,
                "feed_forward_width": config.feed_forward_width,
                "rope_theta": config.rope_theta,
                "tied": config.tied,
            }
            found = {
                "family": said(families.of_settings(config).model_type, "model_type"),
                "architecture": said(shape, "sizes"),
                "parameters": said(config.parameter_count, "sizes, a tied head counted once"),
                "context_length": said(config.context_length, "max_position_embeddings"),
                "vocabulary": said(config.vocabulary_size, "vocab_size"),
            }
        trained = self._said(stage)
        if trained is not None and "parameters" in trained.facts:  # as counted by the training itself
            found["parameters"] = self._fact(stage, "facts", "parameters")
        found["trained_parameters"] = self._fact(stage, "facts", "trained_parameters")
        form = self._json(stage, "helder.json")
        found["chat_format"] = (
            Fact(None, f"{stage}/helder.json, which is withheld")
            if form is None
            else Fact(form[0].get("chat_format"), f"{stage}/helder.json", form[1], BOUND)
        )
        found["digest"] = self._digest(stage)
        return found

    @cached_property
    def weights(self) -> list[Fact]:
        """{file, format: "safetensors", bytes, sha256} of each file of the final weights."""
        return self._outputs(self.model_stage, ".safetensors", lambda path: "safetensors")

    @cached_property
    def formats(self) -> list[Fact]:
        """{file, format, bytes, sha256} of each file made of the weights, as they are handed out."""
        return self._outputs("files", ".gguf", lambda path: path.removesuffix(".gguf").rpartition("-")[2])

    @cached_property
    def round_trip(self) -> Fact:
        """{equal, prompts, tokens, ties}: our transformer and llama.cpp wrote the same tokens."""
        read = self._json("files", "files.json")
        if read is None or not isinstance(read[0].get("round_trip"), dict):
            return Fact(None, "files/files.json, which is withheld")
        trip = read[0]["round_trip"]
        return Fact(trip, "files/files.json: round_trip", read[1], EXERCISED if trip.get("equal") else BOUND)

    # -- what it began with ------------------------------------------------------------------------------------------

    @cached_property
    def base(self) -> Facts:
        """kind ("scratch", "imported"), name, title, origin, licence, sha256, quantised, training_data, note, seed."""
        keys = ("kind", "name", "title", "origin", "licence", "sha256", "quantised", "training_data", "note", "seed")
        said = self._said("base")
        if said is None:
            return dict.fromkeys(keys, Fact(None, "no statement about a base model"))
        settings = said.predicate["settings"]
        read = self._json("base", "source.json") or self._json(self.model_stage, "source.json")
        record, scratch = (read[0] if read else {}), self._does("base", SCRATCH)
        found: Facts = {"kind": self._shown("base", "scratch" if scratch else "imported", "stage.function")}
        for key in ("name", "title", "origin", "licence", "sha256", "quantised", "note"):
            if read is not None and key in record:
                # What a licence or a note says is what somebody declared, however well it is kept.
                grade = DECLARED if key in ("licence", "note", "title") else BOUND
                found[key] = Fact(
                    record[key] or (None if key != "quantised" else []), f"base/source.json: {key}", read[1], grade
                )
            else:
                grade = DECLARED if key in ("licence", "note", "title") else BOUND
                found[key] = Fact(
                    settings.get(key) or None, f"statement base: settings.{key}", self._payload("base"), grade
                )
        if scratch:
            found["training_data"] = self._shown("base", "none: weights drawn from a seed", "stage.function")
            found["seed"] = self._fact("base", "settings", "seed")
            found["licence"] = Fact(None, "statement base: nothing of others is in it", self._payload("base"), BOUND)
        else:
            found["training_data"] = self._shown("base", "not on site", "no statement says how it was trained")
            found["seed"] = Fact(None, "statement base: no seed, it was imported")
            sources = said.predicate["inputs"]
            if not found["sha256"].known and len(sources) == 1:
                only = next(iter(sources.values()))["digest"]["sha256"]
                found["sha256"] = self._shown("base", only, "inputs")
        return found

    @cached_property
    def others(self) -> list[Fact]:
        """{stage, name, licence, sha256}: models of others beside the base: teachers, and where a tokenizer is from."""
        found = []
        for stage, said in self.statements.items():
            if stage != "base" and self.imported(stage):
                settings = said.predicate["settings"]
                value = {
                    "stage": stage,
                    "name": settings.get("name"),
                    "licence": settings.get("licence"),
                    "sha256": said.digest,
                }
                found.append(Fact(value, f"statement {stage}", self._payload(stage), BOUND))
        return found

    # -- training ----------------------------------------------------------------------------------------------------

    @cached_property
    def trainings(self) -> list[Fact]:
        """Each training in its order: {stage, objective, method, begins_with, learns_from, settings, steps, tokens,
        tokens_how, examples, examples_seen, too_long, parameters, trained_parameters, seconds, cpu_seconds, flops,
        flops_how, processes, device, precision, numerics, optimizer, seed, last_loss, log_sha256, states}."""
        return [self._training(stage) for stage in self._stages(TRAINS)]

    @cached_property
    def averages(self) -> list[Fact]:
        """{stage, of: [stage]}: where weights are the mean of several trainings."""
        makers = {said.digest: stage for stage, said in self.statements.items()}
        found = []
        for stage in self._stages(AVERAGES):
            inputs = self.statements[stage].predicate["inputs"]
            of = [makers.get(one["digest"]["sha256"], one["name"]) for _, one in sorted(inputs.items())]
            found.append(Fact({"stage": stage, "of": of}, f"statement {stage}: inputs", self._payload(stage), BOUND))
        return found

    @cached_property
    def compute(self) -> Facts:
        """steps, tokens, seconds, flops of all trainings together; flops is None when one cannot be counted."""
        trainings = [fact.value for fact in self.trainings]
        last = self.trainings[-1].evidence if trainings else None

        def total(key: str) -> Fact:
            values = [training[key] for training in trainings]
            whole = None if not values or None in values else sum(values)
            return Fact(whole, f"statements of the trainings: {key}, summed", last, BOUND)

        return {key: total(key) for key in ("steps", "tokens", "seconds", "flops")}

    def _training(self, stage: str) -> Fact:
        said = self.statements[stage]
        settings, facts = said.predicate["settings"], said.facts
        makers = {other.digest: name for name, other in self.statements.items()}
        inputs = {
            known_as: makers.get(one["digest"]["sha256"], one["name"])
            for known_as, one in sorted(said.predicate["inputs"].items())
        }
        lines = self._lines(stage, "log.jsonl")
        tokens: int | None
        if lines:
            tokens, how = (
                sum(int(line.get("tokens", 0)) for line in lines[0]),
                f"summed over the steps of {stage}/log.jsonl",
            )
        elif "tokens_seen" in facts:
            tokens, how = facts["tokens_seen"], f"statement {stage}: facts.tokens_seen"
        else:
            tokens, how = facts.get("tokens"), f"statement {stage}: facts.tokens, of the last attempt"
        steps = facts.get("steps")
        flops = None
        if self.config is not None and tokens and steps and "objective" in settings:
            teacher = next((self._config(name) for name in self.statements if name == inputs.get("teacher")), None)
            flops = compute.training_flops(self.config[0], settings, tokens, steps, teacher and teacher[0])
        losses = [line[key] for line in (lines[0] if lines else [])[-1:] for key in ("loss",) if key in line]
        value = {
            "stage": stage,
            "objective": settings.get("objective"),
            "method": settings.get("method"),
            "begins_with": inputs.pop("base", None),
            "learns_from": inputs,
            "settings": dict(settings),
            "steps": steps,
            "tokens": tokens,
            "tokens_how": how,
            "examples": facts.get("examples"),
            "examples_seen": facts.get("examples_seen"),
            "too_long": None if "too_long" not in facts else len(facts["too_long"]),
            "parameters": facts.get("parameters"),
            "trained_parameters": facts.get("trained_parameters"),
            "seconds": said.predicate["timings"].get("seconds"),
            "cpu_seconds": said.predicate["timings"].get("cpu_seconds"),
            "flops": flops,
            "flops_how": compute.HOW,
            "processes": facts.get("world_size", settings.get("processes", 1) * settings.get("hosts", 1)),
            **{key: settings.get(key) for key in ("device", "precision", "numerics", "optimizer", "seed")},
            "last_loss": losses[0] if losses else None,
            "log_sha256": facts.get("log_sha256"),  # of the chain of its steps, where the log is one
            "states": None if "states" not in facts else len(facts["states"]),
        }
        return Fact(value, f"statement {stage}", self._payload(stage), BOUND)

    # -- what it cost, and where it ran ------------------------------------------------------------------------------

    @cached_property
    def energy(self) -> Fact:
        """{joules, how: [words], stages: {stage: joules}, without: [stage]} of all stages of the way."""
        stages: dict[str, float] = {}
        hows: set[str] = set()
        for stage, said in self.statements.items():
            used = said.predicate["timings"].get("energy")
            if used:
                stages[stage] = used["joules"]
                hows.add(used["how"])
        if not stages:
            return Fact(None, "no statement says how much energy a stage took")
        value = {
            "joules": sum(stages.values()),
            "how": sorted(hows),
            "stages": stages,
            "without": [stage for stage in self.statements if stage not in stages],
        }
        return Fact(value, "statements of all stages: timings.energy", self._payload(self.model_stage), BOUND)

    @cached_property
    def stages(self) -> list[Fact]:
        """Each in order: {stage, function, digest, inputs, seed, seconds, cpu_seconds, peak_memory, joules, seal}."""
        makers = {said.digest: stage for stage, said in self.statements.items()}
        found = []
        for stage, said in self.statements.items():
            timings = said.predicate["timings"]
            value = {
                "stage": stage,
                "function": said.predicate["stage"]["function"],
                "digest": said.digest,
                "inputs": {
                    known_as: makers.get(one["digest"]["sha256"], one["name"])
                    for known_as, one in sorted(said.predicate["inputs"].items())
                },
                "seed": said.predicate["seed"],
                **{key: timings.get(key) for key in ("seconds", "cpu_seconds", "peak_memory")},
                "joules": timings.get("energy", {}).get("joules"),
                "seal": said.predicate["seal"].get("level"),
            }
            found.append(Fact(value, f"statement {stage}", self._payload(stage), BOUND))
        return found

    @cached_property
    def inference(self) -> list[Fact]:
        """{subject, answers, tokens, flops, seconds, peak_memory}: what an answer of each model took, on average.

        `flops` is counted, of a question and its answer together.
        """
        found = []
        for stage, said in self.statements.items():
            facts, subject = said.facts, stage.removeprefix("predict-")
            if subject == stage or "completion_tokens" not in facts or not facts.get("items"):
                continue
            tokens = (facts["prompt_tokens"] + facts["completion_tokens"]) / facts["items"]
            value = {
                "subject": subject,
                "answers": facts["items"],
                "tokens": tokens,
                "flops": None if self.config is None else compute.answer_flops(self.config[0], tokens),
                "seconds": said.predicate["timings"].get("seconds", 0.0) / facts["items"],
                "peak_memory": said.predicate["timings"].get("peak_memory"),
            }
            found.append(Fact(value, f"statement {stage}: facts", self._payload(stage), BOUND))
        return found

    @cached_property
    def seconds(self) -> Fact:
        """Wall time of all stages of the way together."""
        known = [said.predicate["timings"].get("seconds") for said in self.statements.values()]
        whole = (
            sum(value for value in known if value is not None) if any(value is not None for value in known) else None
        )
        return Fact(whole, "statements of all stages: timings.seconds", self._payload(self.model_stage), BOUND)

    @cached_property
    def hardware(self) -> list[Fact]:
        """{processor, cpus, machine, kernel, device, stages}: each kind of machine that stages ran on."""
        kinds: dict[str, tuple[dict[str, Any], list[str]]] = {}
        for stage, said in self.statements.items():
            environment = said.predicate["environment"]
            if not environment:
                continue
            processor, system = environment.get("processor", {}), environment.get("system", {})
            value = {
                "processor": processor.get("model"),
                "cpus": processor.get("cpus"),
                "machine": system.get("machine"),
                "kernel": system.get("kernel"),
                "device": said.predicate["settings"].get("device", "cpu"),
            }
            kinds.setdefault(canonical.digest(value), (value, []))[1].append(stage)
        return [
            Fact({**value, "stages": stages}, f"statement {stages[0]}: environment", self._payload(stages[0]), BOUND)
            for value, stages in kinds.values()
        ]

    @cached_property
    def software(self) -> list[Fact]:
        """{helder, code_sha256, python, packages, stages}: each environment that stages ran in."""
        kinds: dict[str, tuple[dict[str, Any], list[str]]] = {}
        for stage, said in self.statements.items():
            environment, code = said.predicate["environment"], said.predicate["code"]
            value = {
                "helder": code.get("helder"),
                "code_sha256": code.get("sha256"),
                "python": environment.get("python"),
                "packages": environment.get("packages", {}),
            }
            kinds.setdefault(canonical.digest(value), (value, []))[1].append(stage)
        return [
            Fact({**value, "stages": stages}, f"statement {stages[0]}: environment", self._payload(stages[0]), BOUND)
            for value, stages in kinds.values()
        ]

    @cached_property
    def seal(self) -> Fact:
        """The lowest seal level of all stages, as proved by attack: 3 is closed (see `helder.sealed.room`)."""
        levels = {stage: said.predicate["seal"].get("level", 0) for stage, said in self.statements.items()}
        if not levels:
            return Fact(None, "there is no statement")
        lowest = min(levels, key=lambda stage: (levels[stage], stage))
        return Fact(levels[lowest], f"statement {lowest}: seal.level", self._payload(lowest), BOUND)

    @cached_property
    def packets(self) -> Fact:
        """{left, loopback, stages, without}: packets that left the rooms of all stages, and those that stayed within.

        Counted by the kernel in the network of each room; `without` are stages whose rooms had none of their own.
        """
        counted = {
            stage: said.predicate["seal"]["packets"]
            for stage, said in self.statements.items()
            if said.predicate["seal"].get("packets") is not None
        }
        if not counted:
            return Fact(None, "no room had a network of its own, in which packets are counted")
        value = {
            "left": sum(one["left"] for one in counted.values()),
            "loopback": sum(one["loopback"] for one in counted.values()),
            "stages": len(counted),
            "without": sorted(set(self.statements) - set(counted)),
        }
        last = list(counted)[-1]
        return Fact(value, "statements of all stages: seal.packets, summed", self._payload(last), BOUND)

    @cached_property
    def made(self) -> Facts:
        """began, ended: the first and the last stage's own clock, in UTC; the maker's, which nobody checked."""
        started = {stage: said.predicate["timings"].get("started") for stage, said in self.statements.items()}
        known = sorted((time, stage) for stage, time in started.items() if time)
        if not known:
            return dict.fromkeys(("began", "ended"), Fact(None, "no statement says when a stage began"))
        return {
            key: Fact(time, f"statement {stage}: timings.started", self._payload(stage), DECLARED)
            for key, (time, stage) in (("began", known[0]), ("ended", known[-1]))
        }

    # -- what is not shown -------------------------------------------------------------------------------------------

    @cached_property
    def superseded(self) -> list[Fact]:
        """{stage, count, statements: [SHA-256]}: what was tried before under the name of the same stage."""
        found: dict[str, list[str]] = {}
        for entry in self.release.get("ledger", ()):
            if entry["role"] == "superseded":
                found.setdefault(entry["stage"], []).append(entry["sha256"])
        return [
            Fact({"stage": stage, "count": len(digests), "statements": digests}, "release: ledger", digests[-1], BOUND)
            for stage, digests in sorted(found.items())
        ]

    @cached_property
    def withheld(self) -> list[Fact]:
        """{path, size, sha256, why} of each file that is listed and not in the bundle."""
        listed = sorted(self.release.get("withheld", ()), key=lambda one: str(one["path"]))
        return [Fact(dict(one), "release: withheld", one["sha256"], BOUND) for one in listed]

    @cached_property
    def people(self) -> Facts:
        """What only people can say, by the keys of [release] in the recipe; nothing of it is checked."""
        return {
            key: Fact(value, f"release: people.{key}") for key, value in sorted(self.release.get("people", {}).items())
        }

    def person(self, key: str) -> Fact:
        """One answer of people; open when nobody gave it."""
        return self.people.get(key, Fact(None, f"to be filled by a person: {key} in [release] of the recipe"))

    @property
    def _personal_data(self) -> tuple[str, Fact | None]:
        """What is not proved about personal data, and what was looked for."""
        found, policy = self.cleaning["found"], self.cleaning["policy"].value
        if not found.known:
            return "That no personal data are in the data: nobody looked for them here.", None
        engine = self.cleaning["engine"].value["name"]
        by = "patterns" if engine == "patterns" else f"patterns and {engine}"
        told = (
            f"That no personal data are in the documents: {by} found {found.value} places (policy: {policy}), and "
            "patterns do not de-identify. In the records nobody looked for them."
        )
        return told, found

    @cached_property
    def not_proved(self) -> list[Fact]:
        """{id, text}: what nobody should believe because of this certificate."""
        said: list[tuple[str, str, Fact | None]] = [
            ("data-right", "Whether the data are right, and whether the work to come looks like the test set.", None),
            (
                "data-licence",
                "That the data may be used under the licence that is named: it is what the recipe says.",
                self.licence_of_data,
            ),
            ("personal-data", *self._personal_data),
            ("outside-tries", "That nothing was tried before in another folder: only this ledger is known.", None),
            ("clock", "When it was made: times are those of the maker's own clock.", self.made["began"]),
            ("other-processors", "That another class of processor gives the same weights.", None),
        ]
        if self.base["kind"].value == "imported":
            title = self.base["title"].value or self.base["name"].value or "without a name"
            said.append(
                (
                    "base-training",
                    f"How the base model {title} was trained: only its file is known, by digest.",
                    self.base["sha256"],
                )
            )
            if quantised := self.base["quantised"].value:
                what = ", ".join(quantised)
                said.append(
                    (
                        "base-quantised",
                        f"What the base model lost when it was quantised ({what}) before.",
                        self.base["quantised"],
                    )
                )
        if self.seal.value in (1, 2):
            open_ = room.LEFT_OPEN[self.seal.value]
            said.append(("seal-inner", f"That a stage saw nothing but its inputs: {open_}.", self.seal))
        if self.seal.value == 0:
            said.append(
                ("seal", "That a stage read nothing but its inputs: the room was not closed (seal level 0).", self.seal)
            )
        if self.withheld:
            said.append(
                (
                    "withheld",
                    f"What stands in the {len(self.withheld)} files that are withheld: their digests are known.",
                    None,
                )
            )
        if self.energy.known and any(how.startswith("estimated") for how in self.energy.value["how"]):
            said.append(
                ("energy", "How much energy it took: the figure is an estimate from processor time.", self.energy)
            )
        if not self.scores:
            said.append(("scores", "How well it works: the scores are withheld, or were not made.", None))
        if self.people:
            said.append(
                ("people", "What people declared about use, risks and oversight: it is theirs to answer for.", None)
            )
        return [
            Fact(
                {"id": name, "text": text}, "what the statements do not show", shown.evidence if shown else None, BOUND
            )
            for name, text, shown in sorted(said)
        ]


def _told(value: Fact | Facts | list[Fact]) -> Any:
    if isinstance(value, Fact):
        return value.to_json()
    if isinstance(value, dict):
        return {name: fact.to_json() for name, fact in value.items()}
    return [fact.to_json() for fact in value]
