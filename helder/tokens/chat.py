"""Chat formats as data: which tokens stand around a question and an answer.

A template that comes with a model is a program. It is looked at once, at import (`helder.tokens.matching`), to find the
format that it stands for; a model whose template stands for none is refused with the reason. Only the name of the
format is kept, in `helder.json` beside the weights: from then on no foreign template has a part in anything.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from helder.errors import HelderError
from helder.tokens.template import canonical
from helder.tokens.tokenizer import Tokenizer

FILE_NAME = "helder.json"
# Special tokens at which llama.cpp ends an answer because of their names, whatever the file says (llama-vocab.cpp): our
# generator ends there too, or the two would go on differently.
ENDS = {
    "<|endoftext|>",
    "<|im_end|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|end_of_text|>",
    "<|end|>",
    "</s>",
    "<end_of_turn>",
}


@dataclass(frozen=True)
class ChatFormat:
    """What stands around a message.

    Attributes:
        name: how the format is called.
        messages: role → the text before and after what somebody says in it.
        answer: the text before an answer.
        closing: the special token that ends an answer.
        specials: the special tokens that occur in these texts; anywhere else they are ordinary characters.
        template: the Jinja text written into GGUF files and tokenizer_config.json for other people's programs.
        known: other templates that stand for the same format.
        begin: the text before the first message.
        markers: what opens a message without being a special token; a text that holds one is refused, since the model
            could not tell it from the real one.
        trimmed: white space around what is said is taken off, as the template does.
    """

    name: str
    messages: Mapping[str, tuple[str, str]]
    answer: str
    closing: str
    specials: tuple[str, ...]
    template: str
    known: tuple[str, ...] = ()
    begin: str = ""
    markers: tuple[str, ...] = ()
    trimmed: bool = False


def _chatml(first: str = "") -> str:
    """The ChatML template, with or without a system message that stands first when there is none."""
    default = ""
    if first:
        default = (
            "{% if loop.first and messages[0]['role'] != 'system' %}"
            "{{ '<|im_start|>system\\n" + first + "<|im_end|>\\n' }}{% endif %}"
        )
    return (
        "{% for message in messages %}" + default + "{{ '<|im_start|>' + message['role'] + '\\n' + "
        "message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
    )


ROLES = ("system", "user", "assistant")
# Some templates add a system message of their own when there is none; ours does not, and tuning gets used to it.
DEFAULT_SYSTEMS = (
    "You are a helpful AI assistant named SmolLM, trained by Hugging Face",  # SmolLM2-Instruct
    "You are a helpful assistant.",  # Qwen2-Instruct
    "You are a helpful assistant",  # Qwen1.5-Chat
)
CHATML = ChatFormat(
    name="chatml",
    messages={role: (f"<|im_start|>{role}\n", "<|im_end|>\n") for role in ROLES},
    answer="<|im_start|>assistant\n",
    closing="<|im_end|>",
    specials=("<|im_start|>", "<|im_end|>"),
    template=_chatml(),
    known=(
        *map(_chatml, DEFAULT_SYSTEMS),
        # ChatML as many models have it, with a default for what the caller may leave out.
        "{% if not add_generation_prompt is defined %}{% set add_generation_prompt = false %}{% endif %}" + _chatml(),
    ),
)
_TULU = (
    "{% for message in messages %}"
    "{% if message['role'] == 'system' %}{{ '<|system|>\\n' + message['content'] + '\\n' }}"
    "{% elif message['role'] == 'user' %}{{ '<|user|>\\n' + message['content'] + '\\n' }}"
    "{% elif message['role'] == 'assistant' %}{% if not loop.last %}"
    "{{ '<|assistant|>\\n' + message['content'] + eos_token + '\\n' }}{% else %}"
    "{{ '<|assistant|>\\n' + message['content'] + eos_token }}{% endif %}{% endif %}"
    "{% if loop.last and add_generation_prompt %}{{ '<|assistant|>\\n' }}{% endif %}{% endfor %}"
)
TULU = ChatFormat(  # Tülu 3 and OLMo 2 Instruct: roles are ordinary text, only the end is a special token
    name="tulu",
    messages={
        "system": ("<|system|>\n", "\n"),
        "user": ("<|user|>\n", "\n"),
        "assistant": ("<|assistant|>\n", "<|endoftext|>\n"),
    },
    answer="<|assistant|>\n",
    closing="<|endoftext|>",
    specials=("<|endoftext|>",),
    template=_TULU.replace("eos_token", "'<|endoftext|>'"),
    known=(_TULU,),
    markers=("<|system|>", "<|user|>", "<|assistant|>"),
)
OLMO2 = replace(
    TULU,
    name="olmo2",
    begin="<|endoftext|>",
    template="{{ '<|endoftext|>' }}" + TULU.template,
    known=("{{ bos_token }}" + _TULU,),
)
_LLAMA3 = (
    "{% set loop_messages = messages %}{% for message in loop_messages %}"
    "{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'+ message['content'] | trim + "
    "'<|eot_id|>' %}{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}"
    "{{ content }}{% endfor %}"
)
_LLAMA3_ANSWER = "{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}"
LLAMA3 = ChatFormat(
    name="llama3",
    messages={role: (f"<|start_header_id|>{role}<|end_header_id|>\n\n", "<|eot_id|>") for role in ROLES},
    answer="<|start_header_id|>assistant<|end_header_id|>\n\n",
    closing="<|eot_id|>",
    specials=("<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
    template=_LLAMA3.replace("bos_token", "'<|begin_of_text|>'")
    + "{% if add_generation_prompt %}"
    + _LLAMA3_ANSWER
    + "{% endif %}",
    known=(_LLAMA3 + "{% if add_generation_prompt %}" + _LLAMA3_ANSWER + "{% endif %}", _LLAMA3 + _LLAMA3_ANSWER),
    begin="<|begin_of_text|>",
    trimmed=True,
)
PLAIN = ChatFormat(  # for base models that know of no roles: a text, a line end, the answer
    name="plain",
    messages={role: ("", "\n") for role in ROLES},
    answer="",
    closing="<|endoftext|>",
    specials=("<|endoftext|>",),
    template="{% for message in messages %}{{ message['content'] + '\\n' }}{% endfor %}",
)
FORMATS = {form.name: form for form in (CHATML, OLMO2, TULU, LLAMA3, PLAIN)}


def known(name: str) -> ChatFormat:
    """The format with this name.

    Raises:
        HelderError: there is none.
    """
    if name not in FORMATS:
        raise HelderError(f"The chat format {name!r} is not known.", f"Known: {', '.join(FORMATS)}.")
    return FORMATS[name]


def match_template(template: str | None) -> ChatFormat:
    """The known format of which this is the template, however it is spelled. Nothing is run.

    Raises:
        HelderError: there is no template, or it is none of the known ones.
    """
    if not template:
        raise no_template()
    if (form := format_of_template(template)) is None:
        raise HelderError(
            "The chat template of this model is not a known one.",
            f"Known formats: {', '.join(FORMATS)}.",
            "Use a model that Helder made or imported.",
        )
    return form


def format_of_template(template: str) -> ChatFormat | None:
    """The known format of which this is a template, by its text alone."""
    wanted = canonical(template)
    for form in FORMATS.values():
        if wanted in {canonical(text) for text in (form.template, *form.known)}:
            return form
    return None


def default_system_of(template: str) -> str:
    """The system message that a known template adds where there is none, or an empty text."""
    wanted = canonical(template)
    return next((text for text in DEFAULT_SYSTEMS if canonical(_chatml(text)) == wanted), "")


def no_template() -> HelderError:
    return HelderError(
        "This model has no chat template, so it is not known how a question is put to it.",
        f"Known formats: {', '.join(FORMATS)}.",
        "If its tokenizer has the tokens of one, name it: helder model import SOURCE --chat-format chatml",
    )


def written(form: ChatFormat, messages: Sequence[Mapping[str, str]], begins_answer: bool) -> str:
    """A conversation as the format's own template writes it: one text, special tokens by their names."""
    text = form.begin
    for message in messages:
        before, after = form.messages[message["role"]]
        text += before + (message["content"].strip() if form.trimmed else message["content"]) + after
    return text + form.answer if begins_answer else text


def format_of(folder: Path) -> str:
    """The name of the chat format of an imported model.

    Raises:
        HelderError: the folder was not imported, or its format is not known to this version.
    """
    try:
        name = json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))["chat_format"]
    except (OSError, ValueError, KeyError) as error:
        raise HelderError(
            f"{folder.name} does not say which chat format it has.", str(error), "Import it: helder model import"
        ) from error
    return known(name).name


def render(
    tokenizer: Tokenizer, format_name: str, messages: Sequence[Mapping[str, Any]], answer: str | None = None
) -> tuple[list[int], int]:
    """Messages as token ids, up to where the answer begins, and the answer when there is one.

    What stands in a message is encoded with special tokens switched off: no text can open or close a message.

    Args:
        messages: mappings with `role` and `content`, the last one from the user.
        answer: what the model should learn to write; its end token is added.

    Returns:
        (ids, index of the answer's first token)

    Raises:
        HelderError: a role that the format does not know, or a text that would open a message.
    """
    form = FORMATS[format_name]
    text = _Text(tokenizer, form)
    text.ours(form.begin)
    for message in messages:
        if message["role"] not in form.messages:
            raise HelderError(
                f"A message has the role {message['role']!r}.", f"{form.name} knows {', '.join(form.messages)}."
            )
        before, after = form.messages[message["role"]]
        text.ours(before)
        text.said(message["content"])
        text.ours(after)
    text.ours(form.answer)
    ids = text.ids()
    start = len(ids)
    if answer is not None:
        ids += [*tokenizer.encode(answer), tokenizer.special(form.closing)]
    return ids, start


class _Text:
    """A conversation in the making: special tokens where the format puts them, and text between them.

    What stands between two special tokens is encoded in one piece, whoever wrote it, as other programs do it.
    """

    def __init__(self, tokenizer: Tokenizer, form: ChatFormat) -> None:
        self._tokenizer, self._form, self._plain, self._ids = tokenizer, form, "", list[int]()
        self._cut = re.compile("(" + "|".join(map(re.escape, form.specials)) + ")")

    def ours(self, text: str) -> None:
        """Text of the format, in which special tokens are meant."""
        for place, piece in enumerate(self._cut.split(text)):
            if place % 2:
                self._ids += [*self._tokenizer.encode(self._plain), self._tokenizer.special(piece)]
                self._plain = ""
            else:
                self._plain += piece

    def said(self, text: str) -> None:
        """Text of somebody, in which nothing is meant but characters."""
        for marker in self._form.markers:
            if marker in text:
                raise HelderError(
                    f"A text holds {marker}, with which the format {self._form.name} opens a message.",
                    "The model could not tell it from the beginning of a message.",
                    "Take it out of the text, or use a base model whose format has special tokens for it.",
                )
        self._plain += text.strip() if self._form.trimmed else text

    def ids(self) -> list[int]:
        return self._ids + self._tokenizer.encode(self._plain)


def stop_ids(tokenizer: Tokenizer, format_name: str) -> tuple[int, ...]:
    """Tokens that end an answer: the one of the format first, then others that end a text whatever the format."""
    closing = FORMATS[format_name].closing
    others = sorted(number for name, number in tokenizer.specials.items() if name in ENDS and name != closing)
    return (tokenizer.special(closing), *others)
