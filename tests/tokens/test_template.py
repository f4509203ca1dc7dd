"""Templates that are written differently and mean the same are told apart from those that mean something else."""

from __future__ import annotations

import random
from typing import Any

import jinja2.sandbox
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helder.tokens.chat import CHATML
from helder.tokens.template import canonical

SPELLINGS = [
    CHATML.template,
    # one tag a line, trimmed
    """{%- for message in messages -%}
    {{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{- '<|im_start|>assistant\\n' -}}
{%- endif -%}
""",
    # attributes, double quotes, strings joined
    '{% for message in messages %}{{"<|im_start|>" + message.role + "\\n" + message.content + "<|im_end|>\\n"}}'
    '{% endfor %}{% if add_generation_prompt %}{{"<|im_start|>assistant\\n"}}{% endif %}',
    # text outside of tags
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}",
    # line ends after block tags, spaces before them, a comment, another system's line ends
    "{# ChatML #}\r\n{% for message in messages %}\r\n{{ '<|im_start|>' + message['role'] + '\\n' + "
    "message['content'] + '<|im_end|>\\n' }}  {%- endfor %}\r\n"
    "  {% if add_generation_prompt %}\r\n<|im_start|>assistant\r\n{% endif %}",
]

OTHER_MEANINGS = [
    "",
    "{{ messages }}",
    CHATML.template.replace("'<|im_end|>' + '\\n'", "'<|im_end|>'"),
    CHATML.template.replace("<|im_start|>", "<|im_start|> "),
    CHATML.template.replace("message['content']", "message['content'] | trim"),
    CHATML.template.replace("assistant\\n", "assistant"),
    CHATML.template.replace("{% endfor %}", "\n\n{% endfor %}"),
    CHATML.template.replace("{% endfor %}", " x{% endfor %}"),
    CHATML.template.replace("in messages", "in messages[1:]"),
    CHATML.template.replace("if add", "if not add"),
    CHATML.template + "{{ raise_exception('no') }}",
    CHATML.template + "\n\n\n",
    "{% set messages = [] %}" + CHATML.template,
    CHATML.template.replace("message['role']", "'+'+message['role']"),
    # a line end after an output tag is text
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + "
    "'<|im_end|>\\n' }}\n{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}",
]

CONVERSATIONS: list[dict[str, Any]] = [
    {"messages": [{"role": "user", "content": "2 tabs"}], "add_generation_prompt": True},
    {"messages": [{"role": "user", "content": "2 tabs"}], "add_generation_prompt": False},
    {
        "messages": [
            {"role": "system", "content": " Be\nbrief. "},
            {"role": "user", "content": "'{{ 1 }}'"},
            {"role": "assistant", "content": ""},
            {"role": "user", "content": "\n"},
        ],
        "add_generation_prompt": True,
    },
]


def rendered(template: str) -> list[str]:
    """What `transformers` would make of it: its environment and its settings."""
    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    return [environment.from_string(template).render(**conversation) for conversation in CONVERSATIONS]


@pytest.mark.parametrize("template", SPELLINGS)
def test_another_spelling_has_the_same_form_and_the_same_meaning(template: str) -> None:
    assert canonical(template) == canonical(CHATML.template)
    assert rendered(template) == rendered(CHATML.template)


@pytest.mark.parametrize("template", OTHER_MEANINGS)
def test_another_meaning_has_another_form(template: str) -> None:
    assert canonical(template) != canonical(CHATML.template)


@settings(max_examples=400, deadline=None)
@given(seed=st.integers(0, 1 << 32))
def test_no_change_of_meaning_keeps_the_form(seed: int) -> None:
    """Random damage: when the form is still ChatML's, so is what is written for every conversation."""
    drawn = random.Random(seed)
    text = drawn.choice(SPELLINGS)
    pieces = [
        "\n",
        " ",
        "  \n",
        "-",
        "+",
        "'",
        '"',
        "\\",
        "{{",
        "}}",
        "{%",
        "%}",
        "-%}",
        "{%-",
        "{{-",
        "-}}",
        "x",
        ".",
        "''",
    ]
    for _ in range(drawn.randint(1, 2)):
        start = drawn.randrange(len(text) + 1)
        end = min(len(text), start + drawn.choice([0, 0, 0, 1, 1, 2]))
        text = text[:start] + drawn.choice(["", *pieces]) + text[end:]
    if canonical(text) == canonical(CHATML.template):
        assert rendered(text) == rendered(CHATML.template)
