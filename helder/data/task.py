"""What a model is asked to do: the form of its answers, and the way between an answer and the text a model
writes.

Three kinds: `label` (one of a list), `record` (an object, or a list of objects), `text` (anything that is not
empty). `encode` gives the one text for an answer; `decode` reads it back, and reads looser JSON too (spaces,
another order of keys), since an untrained model may write it; `grammar` accepts the encoded form only.

A task knows nothing of tokens and prompts (`helder/tokens/chat.py`), nor of whether an answer is right
(`helder/evaluate/score.py`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, cast

from helder.data import grammar as lark
from helder.data.schema import AnswerError, compact, conform, resolve, same, types_of, value_text
from helder.errors import HelderError

__all__ = ["AnswerError", "Kind", "Task"]

Kind = Literal["label", "record", "text"]
RECORD_LIMIT = 16  # records in a list, where nothing else is said (assumption)


@dataclass(frozen=True)
class Task:
    """The form of a job.

    Attributes:
        kind: label, record or text.
        name: short name of the job.
        purpose: what it is for, in a sentence.
        labels: label tasks: every label, in order.
        schema: record tasks: the JSON Schema of one record (resolved on construction).
        many: record tasks: the output is a list of records.
        instruction: what an untrained model is told to do.
        harm: fields whose error is the harm; the report lists them one by one.
        least, most: record lists: how many records there may be.
        texts: label tasks: what the model writes for each label, where that is not the label itself.
        groups: label tasks: name of a grouping -> label -> its group, e.g. chapter -> "A00-A09" -> "1".
    """

    kind: Kind
    name: str
    purpose: str = ""
    labels: tuple[str, ...] = ()
    schema: dict[str, Any] | None = None
    many: bool = False
    instruction: str = ""
    harm: tuple[str, ...] = ()
    least: int = 0
    most: int = RECORD_LIMIT
    texts: tuple[str, ...] = ()
    groups: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("labels", "harm", "texts"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if self.kind == "label":
            self._check_labels()
        elif self.kind == "record":
            if self.schema is None:
                raise _wrong("a record task needs a schema", "Give `schema`, or let it be derived from the data.")
            object.__setattr__(self, "schema", resolve(self.schema))
            if types_of(self.schema) != ["object"]:
                raise _wrong("the schema of a record must be of type object", "For a list of records set `many`.")
            for name in self.harm:
                if name not in self.fields:
                    raise _wrong(f"harm names {name!r}, which is not a field ({', '.join(self.fields)})", "Correct it.")
            if not 0 <= self.least <= self.most or self.most < 1:
                raise _wrong(f"{self.least} to {self.most} records are no range", "Correct `least` and `most`.")
        elif self.kind != "text":
            raise _wrong(f"the kind {self.kind!r} is unknown", "Use label, record or text.")

    def _check_labels(self) -> None:
        if not self.labels:
            raise _wrong("a label task needs labels", "Give `labels`, or let them be derived from the data.")
        for what, values in (("label", self.labels), ("text of a label", self.texts)):
            for value in values:
                if not isinstance(value, str) or not value or value != value.strip():
                    raise _wrong(f"the {what} {value!r} is empty or has white space around it", "Correct it.")
            if len(set(values)) != len(values):
                twice = next(value for value in values if values.count(value) > 1)
                raise _wrong(f"the {what} {twice!r} stands there twice", "Keep one of them.")
        if self.texts and len(self.texts) != len(self.labels):
            raise _wrong(f"{len(self.texts)} texts for {len(self.labels)} labels", "Give one text for each label.")

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields of a record, in the schema's order; empty for other kinds."""
        return tuple(self.schema["properties"]) if self.schema is not None else ()

    def default(self, name: str) -> Any:
        """The value of a field when the encoded record leaves it out."""
        return self._record_schema["properties"][name].get("default")

    def normalise(self, output: Any) -> Any:
        """The output in its normal form: defaults filled in, field order of the schema, whole floats as
        integers.

        Raises:
            AnswerError: it is not of the task's form.
        """
        if self.kind == "record":
            if not self.many:
                return conform(output, self._record_schema)
            if not isinstance(output, list):
                raise AnswerError(f"a list of records is asked for, not {type(output).__name__}")
            if not self.least <= len(output) <= self.most:
                raise AnswerError(f"{len(output)} records; {self.least} to {self.most} are allowed")
            return [conform(record, self._record_schema, f"record {place}") for place, record in enumerate(output)]
        if not isinstance(output, str):
            raise AnswerError(f"a {self.kind} is asked for, not {type(output).__name__}")
        output = output.strip()
        if self.kind == "label" and output not in self.labels:
            raise AnswerError(f"{output!r} is not one of the {len(self.labels)} labels")
        if not output:
            raise AnswerError("the text is empty")
        value_text(output)
        return output

    def encode(self, output: Any) -> str:
        """The text that a model learns to write for an output.

        Raises:
            AnswerError: the output is not of the task's form.
        """
        value = self.normalise(output)
        if self.kind == "record":
            schema = self._record_schema
            return value_text([compact(record, schema) for record in value] if self.many else compact(value, schema))
        if self.kind == "label" and self.texts:
            return self.texts[self.labels.index(value)]
        return cast(str, value)

    def decode(self, text: str) -> Any:
        """The output that a text stands for, in normal form.

        Raises:
            AnswerError: with the reason, when the text is not of the task's form.
        """
        if self.kind == "record":
            return self.normalise(_parse(text))
        text = text.strip()
        if self.kind == "label" and self.texts:
            if text not in self.texts:
                raise AnswerError(f"{text!r} is not the text of one of the {len(self.labels)} labels")
            return self.labels[self.texts.index(text)]
        return self.normalise(text)

    def grammar(self) -> str:
        """The Lark grammar (llguidance's dialect) that accepts the encoded outputs."""
        if self.kind == "record":
            return lark.record_grammar(self._record_schema, self.many, self.least, self.most)
        return lark.label_grammar(self.texts or self.labels) if self.kind == "label" else lark.text_grammar()

    def json_schema(self) -> dict[str, Any]:
        """The JSON Schema that outputs in normal form satisfy; compact answers satisfy it too."""
        if self.kind == "label":
            return {"type": "string", "enum": list(self.labels)}
        if self.kind == "text":
            return {"type": "string", "minLength": 1}
        if not self.many:
            return self._record_schema
        return {"type": "array", "items": self._record_schema, "minItems": self.least, "maxItems": self.most}

    def prompt_instruction(self) -> str:
        """What an untrained model is told: the job, and the form of the answer, a line for each field."""
        lines = [self.instruction.strip() or self.purpose or f"Do this job: {self.name}."]
        if self.kind == "label":
            lines.append("Answer with one of these and nothing else: " + "; ".join(self.texts or self.labels))
        elif self.kind == "record":
            form = "a JSON list of objects" if self.many else "a JSON object"
            lines.append(f"Answer with {form} and nothing else. Fields, in this order, only those that are said:")
            lines += [f"- {name}: {_described(rule)}" for name, rule in self._record_schema["properties"].items()]
        return "\n".join(lines)

    @property
    def _record_schema(self) -> dict[str, Any]:
        assert self.schema is not None
        return self.schema

    def to_json(self) -> dict[str, Any]:
        """A JSON object from which `from_json` makes the same task. The order of a schema's keys carries
        meaning.
        """
        record = asdict(replace(self, groups={}))
        record["groups"] = {name: dict(members) for name, members in self.groups.items()}
        return {key: list(value) if isinstance(value, tuple) else value for key, value in record.items()}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Task:
        """Raises: HelderError: an unknown key or a task that contradicts itself."""
        unknown = sorted(set(record) - set(cls.__dataclass_fields__))
        if unknown:
            raise _wrong(f"the key {unknown[0]!r} is unknown", "Was it written by a later version of Helder?")
        return cls(**dict(record))

    def save(self, path: Path) -> None:
        """Write the task as JSON, UTF-8."""
        path.write_text(json.dumps(self.to_json(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Task:
        """Read what `save` wrote.

        Raises:
            HelderError: the file is missing or is not a task.
        """
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise HelderError(
                f"The task file {path.name} cannot be read.", str(error), "Run the data stage."
            ) from error
        return cls.from_json(record)


def _described(rule: Mapping[str, Any]) -> str:
    """A rule in a few words: what it allows besides its default, and what it means."""
    if "enum" in rule:
        values = [value_text(item) for item in rule["enum"] if not ("default" in rule and same(item, rule["default"]))]
        form = " or ".join(values)
    else:
        form = " or ".join(kind for kind in types_of(dict(rule)) if kind != "null") or "null"
        if "items" in rule:
            form += f" of {_described(rule['items'])}"
        if "properties" in rule:
            form += " of " + ", ".join(f"{name}: {_described(part)}" for name, part in rule["properties"].items())
    return f"{form}; {rule['description']}" if rule.get("description") else form


def _parse(text: str) -> Any:
    """JSON without the extras that Python's parser allows: no NaN, no key twice."""

    def refuse(name: str) -> Any:
        raise AnswerError(f"{name} is not JSON")

    def once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
        result = dict(pairs)
        if len(result) < len(pairs):
            raise AnswerError("a key stands twice in one object")
        return result

    try:
        return json.loads(text, parse_constant=refuse, object_pairs_hook=once)
    except AnswerError:
        raise
    except (ValueError, RecursionError) as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else "nested too deeply"
        place = f" at character {error.pos + 1}" if isinstance(error, json.JSONDecodeError) else ""
        raise AnswerError(f"not JSON: {reason}{place}") from error


def _wrong(why: str, fix: str) -> HelderError:
    return HelderError("The task cannot be used.", f"{why[0].upper()}{why[1:]}.", fix)
