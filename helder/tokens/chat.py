"""Chat formats as data: which tokens stand around a question and an answer.

A template that comes with a model is a program; it is never run. It is compared with the texts of known templates, and
a model whose template is none of them is refused with the reason. The name of the format is kept in `helder.json`
beside the weights.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
        opening, closing: special tokens around each message; the closing one also ends an answer.
        roles: the roles that it knows.
        template: the Jinja text written into GGUF files and tokenizer_config.json for other people's programs.
        known: other templates that stand for the same format.
    """

    name: str
    opening: str
    closing: str
    roles: tuple[str, ...]
    template: str
    known: tuple[str, ...] = ()


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


CHATML = ChatFormat(
    name="chatml",
    opening="<|im_start|>",
    closing="<|im_end|>",
    roles=("system", "user", "assistant"),
    template=_chatml(),
    known=(
        # These add a system message of their own when there is none; ours does not, and tuning gets used to it.
        _chatml("You are a helpful AI assistant named SmolLM, trained by Hugging Face"),  # SmolLM2-Instruct
        _chatml("You are a helpful assistant."),  # Qwen2-Instruct
        _chatml("You are a helpful assistant"),  # Qwen1.5-Chat
        # ChatML as many models have it, with a default for what the caller may leave out.
        "{% if not add_generation_prompt is defined %}{% set add_generation_prompt = false %}{% endif %}" + _chatml(),
    ),
)
FORMATS = {CHATML.name: CHATML}


def known(name: str) -> ChatFormat:
    """The format with this name.

    Raises:
        HelderError: there is none.
    """
    if name not in FORMATS:
        raise HelderError(f"The chat format {name!r} is not known.", f"Known: {', '.join(FORMATS)}.")
    return FORMATS[name]


def match_template(template: str | None) -> ChatFormat:
    """The known format that a template stands for.

    Raises:
        HelderError: there is no template, or it is none of the known ones.
    """
    if not template:
        raise HelderError(
            "This model has no chat template, so it is not known how a question is put to it.",
            f"Known formats: {', '.join(FORMATS)}.",
            "If its tokenizer has the tokens of one, name it: helder model import SOURCE --chat-format chatml",
        )
    wanted = canonical(template)
    for form in FORMATS.values():
        if wanted in {canonical(text) for text in (form.template, *form.known)}:
            return form
    raise HelderError(
        "The chat template of this model is not a known one.",
        f"Templates are programs, and Helder runs none from outside. Known formats: {', '.join(FORMATS)}.",
        "Use a model with one of these formats, or name it: helder model import SOURCE --chat-format chatml",
    )


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
        HelderError: a role that the format does not know.
    """
    form = FORMATS[format_name]
    opening, closing = tokenizer.special(form.opening), tokenizer.special(form.closing)
    newline = tokenizer.encode("\n")
    ids: list[int] = []
    for message in messages:
        if message["role"] not in form.roles:
            raise HelderError(
                f"A message has the role {message['role']!r}.", f"{form.name} knows {', '.join(form.roles)}."
            )
        ids += [opening, *tokenizer.encode(f"{message['role']}\n{message['content']}"), closing, *newline]
    ids += [opening, *tokenizer.encode("assistant\n")]
    start = len(ids)
    if answer is not None:
        ids += [*tokenizer.encode(answer), closing]
    return ids, start


def stop_ids(tokenizer: Tokenizer, format_name: str) -> tuple[int, ...]:
    """Tokens that end an answer: the one of the format first, then others that end a text whatever the format."""
    closing = FORMATS[format_name].closing
    others = sorted(number for name, number in tokenizer.specials.items() if name in ENDS and name != closing)
    return (tokenizer.special(closing), *others)
