"""Answers that several forms ask for in their own words."""

from __future__ import annotations

from helder.certify import document_words
from helder.certify.document_facts import STATES
from helder.certify.evidence import Evidence, Fact
from helder.certify.forms.form import all_of, derived, together
from helder.certify.reading import BOUND

SHOWN_SETTINGS = (  # of a training, in forms; all of them stand in its statement
    *("learning_rate", "batch_tokens", "batch_size", "context", "optimizer", "schedule", "warmup", "floor"),
    *("weight_decay", "gradient_clip", "precision", "numerics", "seed"),
)
JOULES_PER_MWH = 3.6e9
# The ranges of the Commission's template for text, in tokens (our reading of public renderings: not verified).
RANGES = ((1e9, "less than 1 billion tokens"), (1e13, "1 billion to 10 trillion tokens"))


def authenticity(evidence: Evidence) -> Fact:
    """The digests by which the model is known."""
    files = [*evidence.weights, *evidence.formats]
    listed = all_of("statements: outputs", files, ("file", "bytes", "sha256"))
    return together(f"statement {evidence.model_stage}", artifact=evidence.model["digest"], files=listed)


def dependencies(evidence: Evidence) -> Fact:
    """The models of others that this one was made from."""
    base = evidence.base
    if base["kind"].value == "scratch":
        used = [one for one in evidence.others if one.value["stage"] != "tokenizer"]
        if not used:
            return derived("N/A: made from nothing, the first weights are drawn from a seed", base["kind"])
        return all_of("statements about imported models", used)
    keys = ("name", "title", "origin", "licence", "sha256", "quantised", "training_data")
    shown = {key: base[key] for key in keys}
    if evidence.others:
        shown["others"] = all_of("statements about imported models", evidence.others)
    # The licence is what its maker declared; that the model is made from it is bound.
    fact = together("statement base", **shown)
    return Fact(fact.value, fact.source, fact.evidence, base["kind"].grade, fact.audience)


def architecture(evidence: Evidence) -> Fact:
    """What kind of model it is, in words."""
    family = evidence.model["family"]
    return derived(f"Decoder-only transformer of the family {family.value}, as a causal language model", family)


def design(evidence: Evidence) -> Fact:
    keys = ("family", "parameters", "context_length", "vocabulary", "architecture", "chat_format")
    return together(f"{evidence.model_stage}/config.json", **{key: evidence.model[key] for key in keys})


def technical_means(evidence: Evidence) -> Fact:
    """Files and formats through which the model is used."""
    files = all_of("statements: outputs", [*evidence.formats, *evidence.weights], ("file", "format", "bytes"))
    return together("statements: outputs", files=files, chat_format=evidence.model["chat_format"])


def hardware(evidence: Evidence) -> Fact:
    """On what stages ran, and how much memory answers took."""
    machines = all_of("statements: environment", evidence.hardware, ("processor", "cpus", "machine", "device"))
    memory = all_of("statements: timings", evidence.inference, ("subject", "peak_memory"))
    return together("statements: environment and timings", machines=machines, memory_of_answering=memory)


def software(evidence: Evidence) -> Fact:
    """Versions of what it was made and run with; a package of several versions names all."""
    packages: dict[str, set[str]] = {}
    for one in evidence.software:
        for name, version in one.value["packages"].items():
            packages.setdefault(name, set()).add(version)
    first = all_of("statements: environment", evidence.software, ("helder", "code_sha256", "python"))
    value = {
        "environments": first.value,
        "packages": {name: ", ".join(sorted(versions)) for name, versions in sorted(packages.items())},
    }
    return derived(value, first)


def training_process(evidence: Evidence) -> Fact:
    """Each training with its settings, and where weights were averaged."""
    trainings = [
        Fact(
            {
                **{key: one.value[key] for key in ("stage", "objective", "method", "begins_with", "learns_from")},
                **{key: one.value[key] for key in ("steps", "tokens", "examples_seen", "trained_parameters")},
                "settings": {key: one.value["settings"].get(key) for key in SHOWN_SETTINGS},
            },
            one.source,
            one.evidence,
            one.grade,
            one.audience,
        )
        for one in evidence.trainings
    ]
    listed = all_of("statements of the trainings", trainings)
    if not evidence.averages:
        return listed
    return together("statements of the trainings", trainings=listed, averages=all_of("", evidence.averages))


def steps(evidence: Evidence) -> Fact:
    """Every stage, with what it was made from."""
    return all_of("statements of all stages", evidence.stages, ("stage", "inputs", "digest", "seed"))


def data_provenance(evidence: Evidence) -> Fact:
    """The files that no stage made, and the kinds of sources that people name."""
    keys = ("name", "stage", "sha256", "rows", "bytes", "licence")
    files = all_of(
        "statements: inputs", [one for one in evidence.sources if not evidence.imported(one.value["stage"])], keys
    )
    kinds = evidence.person("data_kinds")
    told = {"files": files.value, "kinds, as declared": kinds.value}
    if evidence.folders:
        told["folders, as declared"] = [
            {key: one.value[key] for key in ("name", "licence", "owner", "consent", "date", "sha256")}
            for one in evidence.folders
        ]
    # The files are bound, kinds and what is said of folders declared: that does not lower what is shown.
    return Fact(
        None if not files.known else told,
        files.source,
        files.evidence,
        files.grade,
        files.audience,
    )


def data_points(evidence: Evidence) -> Fact:
    splits = all_of("data/summary.json: splits", evidence.splits, ("split", "kept"))
    if not evidence.texts:
        return splits
    texts = all_of("statements: facts", evidence.texts, ("stage", "documents", "tokens", "held_out_documents"))
    return together("data/summary.json and statements", records=splits, documents=texts)


def data_scope(evidence: Evidence) -> Fact:
    """What the data are about, without what they say."""
    task = {key: evidence.task[key] for key in ("kind", "fields", "labels")}
    return together("data/summary.json: task", **task)


def curation(evidence: Evidence) -> Fact:
    """How the data were cleaned, with counts."""
    method = derived(
        "Exact duplicates of a record are removed within each part; records whose input stands in a test set are "
        "removed from training; different answers to one input are counted and kept; what is held out is chosen by "
        "hash.",
        evidence.data["records"],
    )
    keys = ("split", "read", "kept", "duplicates", "leaked", "over_limit", "held_out", "contradictions")
    parts = {"method": method, "splits": all_of("data/summary.json: splits", evidence.splits, keys)}
    if evidence.texts:
        parts["documents"] = all_of("statements: facts", evidence.texts, ("stage", "documents", "empty"))
    if evidence.cleaning["documents"].known:
        parts |= {"folders": documents(evidence), "personal_data": personal_data(evidence)}
    return together("data/summary.json: splits", **parts)


def documents(evidence: Evidence) -> Fact:
    """What became of the documents of folders, in counts; nothing where there are none."""
    method = derived(
        "Files are read with limits in a process of their own; exact copies are left out, then near-duplicates, found "
        "by MinHash and measured; those that contradict each other wait for a person.",
        evidence.cleaning["documents"],
    )
    keys = ("documents", *STATES, "conflicts", "threshold", "repeated", "decisions")
    if evidence.cleaning["repeated"].value is None:
        keys = tuple(key for key in keys if key != "repeated")  # nobody looked for them
    files = together("statement extract: facts", **evidence.files)
    return together("clean/summary.json", method=method, files=files, **{key: evidence.cleaning[key] for key in keys})


def personal_data(evidence: Evidence) -> Fact:
    """What was found in documents, by whom and by kind, and what was done: never what stands there."""
    keys = ("policy", "engine", "findings", "note")
    told = together("clean/summary.json: personal_data", **{key: evidence.cleaning[key] for key in keys})
    if not told.known:
        return told
    records = document_words.NOT_SEARCHED
    return derived({**told.value, "documents redacted": evidence.cleaning["redacted"].value, "records": records}, told)


def contamination(evidence: Evidence) -> Fact:
    """Test items whose words stand in documents that were learnt from; known where documents were looked through."""
    keys = ("test_set", "items", "not_checked", "contaminated")
    return all_of("clean/summary.json: contamination", evidence.contamination, keys)


def energy_mwh(evidence: Evidence) -> Fact:
    """Energy of all stages, and of the trainings alone."""
    if not evidence.energy.known:
        return evidence.energy
    stages = evidence.energy.value["stages"]
    trained = sum(stages.get(one.value["stage"], 0.0) for one in evidence.trainings)
    value = {
        "all_stages_MWh": evidence.energy.value["joules"] / JOULES_PER_MWH,
        "trainings_MWh": trained / JOULES_PER_MWH,
        "base model": "not known" if evidence.base["kind"].value == "imported" else "there is none",
    }
    return derived(value, evidence.energy)


def energy_method(evidence: Evidence) -> Fact:
    if not evidence.energy.known:
        return evidence.energy
    return derived("; ".join(evidence.energy.value["how"]), evidence.energy)


def testing(evidence: Evidence) -> Fact:
    """Test sets, scores of all subjects, what follows from them."""
    keys = ("subject", "role", "test_set", "measure", "value", "low", "high", "n")
    scores = all_of("scores/scores.json: results", evidence.scores, keys)
    before = {"items_in_documents": contamination(evidence)} if evidence.contamination else {}
    return together(
        "scores/scores.json",
        **before,
        confidence=evidence.verdict["confidence"],
        scores=scores,
        recommendation=recommendation(evidence),
        warnings=evidence.verdict["warnings"],
        round_trip=evidence.round_trip,
    )


def limits(evidence: Evidence) -> Fact:
    """What the certificate does not show, the errors that do harm, and the scores of parts."""
    sentences = [fact.value["text"] for fact in evidence.not_proved]
    return together(
        "scores/scores.json and statements",
        harm=evidence.verdict["harm"],
        recommendation=recommendation(evidence),
        not_proved=derived(sentences, Fact(True, "", evidence.model["digest"].evidence, BOUND)),
    )


def recommendation(evidence: Evidence) -> Fact:
    """The paragraph that says what to use."""
    told = evidence.verdict["recommendation"]
    return derived((told.value or {}).get("text"), told)


def tried_before(evidence: Evidence) -> Fact:
    """How often a stage was run before and what it made was not kept."""
    evident = evidence.model["digest"]
    if not evidence.superseded:
        words = "Nothing else was made under the name of one of these stages in this ledger."
        return derived(words, evident, "release: ledger")
    return all_of("release: ledger", evidence.superseded, ("stage", "count"))


def size_range(tokens: int) -> str:
    return next((words for limit, words in RANGES if tokens < limit), "more than 10 trillion tokens")
