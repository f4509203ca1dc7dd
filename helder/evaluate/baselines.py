"""The simple ways beside which a model has to earn its place; each is a prediction stage like the model's own.

    trivial      the answer that the training data hold most often
    nearest      the answer of the training example whose input is nearest (TF-IDF of character n-grams, cosine)
    linear       labels: TF-IDF of words (1-2) and characters (3-5), linear SVM with C = 1
    linear-all   the same on every training example, when the model saw only some

All but `linear-all` learn from the examples that the model saw. Where labels have groups (chapters), `linear` also
trains on the groups themselves and its answer to that question is the one that counts: the stronger opponent.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from helder.data.task import Task
from helder.errors import HelderError
from helder.evaluate.records import Example, Prediction, load_examples, save_predictions, test_sets

Matrix = Any  # scipy.sparse.csr_matrix, which has no types of its own
MIN_DF_FROM = 100  # training examples from which a character n-gram must occur twice (the icd10cm baseline has 2)
BLOCK = 512  # test inputs compared at once
DIGITS = 9  # similarities that agree to so many places are a tie, which goes to the earlier example

Answers = list[tuple[Any, dict[str, str] | None]]  # the output, and the groups that were answered directly


def run(
    settings: dict[str, Any],
    inputs: dict[str, Path],
    output: Path,
    scratch: Path,
    report: Callable[..., None],
) -> dict[str, Any]:
    """Answer every test set.

    Args:
        settings: subject (see the module docstring), seed (not used: nothing here is drawn by chance).
        inputs: "data"; and "train" when its seen.json says which examples the model saw: {"ids": [id]}.

    Raises:
        HelderError: a subject that does not fit the task.
    """
    subject = settings["subject"]
    task = Task.load(inputs["data"] / "task.json")
    train = load_examples(inputs["data"] / "train.jsonl")
    if subject != "linear-all":
        train = seen_examples(train, inputs.get("train"))
    methods: Mapping[str, Callable[[Task, Sequence[Example], Sequence[str]], Answers]] = {
        "trivial": trivial,
        "nearest": nearest,
        "linear": linear,
        "linear-all": linear,
    }
    if subject not in methods:
        raise HelderError(f"There is no baseline {subject!r}.", "", f"Choose one of {', '.join(methods)}.")
    sets = {name: load_examples(inputs["data"] / f"{name}.jsonl") for name in test_sets(inputs["data"])}
    answers = methods[subject](task, train, [example.input for members in sets.values() for example in members])
    rest = iter(answers)
    for name, members in sets.items():
        predictions = []
        for example in members:
            given, groups = next(rest)
            predictions.append(Prediction(example.id, task.encode(given), given, None, groups))
        save_predictions(output / f"{name}.jsonl", predictions)
        report("progress", done=len(members), total=len(members), unit="item", test_set=name)
    about = {"subject": subject, "limit": None, "constrained": True, "examples_in_prompt": 0, "trained_on": len(train)}
    (output / "about.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    return {"items": len(answers), "trained_on": len(train)}


def seen_examples(train: Sequence[Example], trained: Path | None) -> list[Example]:
    """The training examples that the model saw; all of them when the training does not say.

    Raises:
        HelderError: the training names an example that the data do not have.
    """
    if trained is None or not (trained / "seen.json").is_file():
        return list(train)
    ids = set(json.loads((trained / "seen.json").read_text(encoding="utf-8"))["ids"])
    unknown = sorted(ids - {example.id for example in train})
    if unknown:
        raise HelderError(
            f"The model saw an example {unknown[0]!r} that the data do not have.",
            "Training and data do not belong together.",
            "Run the training again.",
        )
    return [example for example in train if example.id in ids]


def trivial(task: Task, train: Sequence[Example], questions: Sequence[str]) -> Answers:
    """The most frequent answer to every question; of equally frequent ones the first in the data."""
    encoded = [task.encode(example.output) for example in train]
    counts = Counter(encoded)
    best = max(range(len(train)), key=lambda place: (counts[encoded[place]], -place))
    groups = {
        name: Counter(members.get(example.output, example.output) for example in train).most_common(1)[0][0]
        for name, members in task.groups.items()
    }
    return [(train[best].output, groups or None)] * len(questions)


def nearest(task: Task, train: Sequence[Example], questions: Sequence[str]) -> Answers:
    """The answer of the nearest training example; ties go to the earlier one."""
    import numpy as np
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectors = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True, lowercase=True)
    known = vectors.fit_transform([example.input for example in train])
    answers: Answers = []
    for start in range(0, len(questions), BLOCK):
        asked = vectors.transform(list(questions[start : start + BLOCK]))
        similar = np.round((asked @ known.T).toarray(), DIGITS)  # (questions, training examples)
        answers += [(train[int(place)].output, None) for place in similar.argmax(axis=1)]
    return answers


def linear(task: Task, train: Sequence[Example], questions: Sequence[str]) -> Answers:
    """The label that a linear model gives; and, for each grouping of labels, the group that another one gives.

    Raises:
        HelderError: not a label task.
    """
    if task.kind != "label":
        raise HelderError(
            f"The linear model cannot answer a {task.kind} task.", "It chooses among labels.", "Use `nearest`."
        )
    known, asked = _features([example.input for example in train], questions)
    labels = _linear(known, [example.output for example in train], asked)
    groups = {
        name: _linear(known, [members.get(example.output, example.output) for example in train], asked)
        for name, members in task.groups.items()
    }
    return [
        (label, {name: given[place] for name, given in groups.items()} or None) for place, label in enumerate(labels)
    ]


def _features(train: Sequence[str], questions: Sequence[str]) -> tuple[Matrix, Matrix]:
    """TF-IDF matrices of the training inputs and of the questions: (texts, features)."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_union

    least = 2 if len(train) >= MIN_DF_FROM else 1
    parts = [TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True, min_df=least)]
    if any(re.search(r"\w\w", text) for text in train):
        parts.insert(0, TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True))
    union = make_union(*parts)
    return union.fit_transform(list(train)), union.transform(list(questions))


def _linear(known: Matrix, labels: Sequence[str], asked: Matrix) -> list[str]:
    from sklearn.svm import LinearSVC

    if len(set(labels)) == 1:
        return [labels[0]] * asked.shape[0]
    # random_state: liblinear visits the examples in a drawn order; fixed, so that the answers are too
    model = LinearSVC(C=1.0, random_state=0).fit(known, list(labels))
    return [str(label) for label in model.predict(asked)]
