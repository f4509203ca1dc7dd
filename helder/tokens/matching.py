"""Which known chat format the template of somebody else's model stands for.

A template that is written like a known one is found by its text alone (`helder.tokens.template`). Any other is run on
test conversations, shut in (`helder.tokens.rendering`), and stands for a format when it writes each of them exactly as
that format does. What it does elsewhere, with tools or pictures, is not looked at: Helder puts no such thing to a
model. The template itself is not kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from os.path import commonprefix

from helder.errors import HelderError
from helder.tokens import chat, rendering
from helder.tokens.chat import ChatFormat

SPECIALS = ("bos_token", "eos_token", "pad_token", "unk_token")  # names that templates use
SHOWN = 30  # characters of a difference
COMPARED = 1000  # characters, to find the nearest format
_SYSTEM = {"role": "system", "content": "Be brief; write 'ja' or \"nee\"."}
_QUESTION = {"role": "user", "content": "Is 2 × 3 = {{ 6 }}?\n\n\t<b>&amp;</b> \\n {% x %}"}
_ANSWER = {"role": "assistant", "content": "ja\nJa!"}
_SECOND = {"role": "user", "content": "日本語 too?"}
CONVERSATIONS: tuple[tuple[str, tuple[Mapping[str, str], ...], bool], ...] = (
    ("a question", (_QUESTION,), True),
    ("a question after a system message", (_SYSTEM, _QUESTION), True),
    ("a second question", (_QUESTION, _ANSWER, _SECOND), True),
    ("a second question after a system message", (_SYSTEM, _QUESTION, _ANSWER, _SECOND), True),
    (
        "texts with spaces around them",
        tuple({**one, "content": f" \n{one['content']}\n "} for one in (_SYSTEM, _QUESTION, _ANSWER, _SECOND)),
        True,
    ),
    ("a question and its answer", (_QUESTION, _ANSWER), False),
)


@dataclass(frozen=True)
class Match:
    """What a template stands for.

    Attributes:
        form: the format.
        default_system: the system message that it adds where there is none; Helder adds none.
    """

    form: ChatFormat
    default_system: str = ""


def match(template: str | None, specials: Mapping[str, str]) -> Match:
    """The known format that a template from outside stands for.

    Args:
        specials: `SPECIALS` → token, as far as the model has them.

    Raises:
        HelderError: there is no template, or it writes something else than every known format, or was not run to its
            end.
    """
    if not template:
        raise chat.no_template()
    if (form := chat.format_of_template(template)) is not None:
        return Match(form, chat.default_system_of(template))
    try:
        written = rendering.rendered(template, [(messages, begins) for _, messages, begins in CONVERSATIONS], specials)
    except rendering.Refused as error:
        raise _unknown(f"It was run on test conversations, shut in, and did not come to its end. {error}") from None
    near: list[tuple[int, float, str]] = []
    for form in chat.FORMATS.values():
        default = _default_system(form, written[0])
        wanted = [_expected(form, messages, begins, default) for _, messages, begins in CONVERSATIONS]
        equal = [
            _same(found, text, begins)
            for found, text, (_, _, begins) in zip(written, wanted, CONVERSATIONS, strict=True)
        ]
        if all(equal):
            return Match(form, default)
        first = equal.index(False)
        found, text = written[first], wanted[first]
        near.append((sum(equal), _alike(found, text), _difference(form, CONVERSATIONS[first][0], found, text)))
    raise _unknown(max(near, key=lambda one: one[:2])[2])


def _expected(form: ChatFormat, messages: Sequence[Mapping[str, str]], begins_answer: bool, default: str) -> str:
    if default and messages[0]["role"] != "system":
        messages = [{"role": "system", "content": default}, *messages]
    return chat.written(form, messages, begins_answer)


def _same(found: str | rendering.Refused, expected: str, begins_answer: bool) -> bool:
    """The line end after the last message matters only when something follows."""
    if isinstance(found, rendering.Refused):
        return False
    return found == expected if begins_answer else found.rstrip("\n") == expected.rstrip("\n")


def _default_system(form: ChatFormat, found: str | rendering.Refused) -> str:
    """What stands before the first question as a system message would, though there was none."""
    expected = chat.written(form, CONVERSATIONS[0][1], True)
    if isinstance(found, rendering.Refused) or found == expected:
        return ""
    before, after = form.messages["system"]
    begin, end = form.begin + before, after + expected[len(form.begin) :]
    if not (found.startswith(begin) and found.endswith(end)):
        return ""
    default = found[len(begin) : max(len(begin), len(found) - len(end))]
    return "" if any(sign in default for sign in (*form.specials, *form.markers)) else default


def _alike(found: str | rendering.Refused, expected: str) -> float:
    """How much of two texts is the same, from 0 to 1."""
    if isinstance(found, rendering.Refused):
        return 0.0
    return SequenceMatcher(None, found[:COMPARED], expected, autojunk=False).ratio()


def _difference(form: ChatFormat, what: str, found: str | rendering.Refused, expected: str) -> str:
    """Where a template and a format part, for people."""
    if isinstance(found, rendering.Refused):
        return f"For {what} the template ends with an error: {found}"
    start = len(commonprefix([found, expected]))  # noqa: RUF071  of texts, as it does it
    begin = max(0, start - SHOWN)
    shown = [repr(text[begin : start + SHOWN]) for text in (found, expected)]
    return (
        f"Nearest is {form.name}. For {what}, from character {begin + 1} on, the template writes {shown[0]}, and "
        f"{form.name} {shown[1]}."
    )


def _unknown(why: str) -> HelderError:
    return HelderError(
        "The chat template of this model is not a known one.",
        why,
        f"Use a model with a known format ({', '.join(chat.FORMATS)}); or, if you know which of them the model was "
        "tuned with, name it: helder model import SOURCE --chat-format chatml",
    )
