"""Foreign templates: one that writes what a known format writes is that format; others are refused with the reason."""

from __future__ import annotations

import pytest

from helder.errors import HelderError
from helder.tokens import chat, matching, rendering
from helder.tokens.matching import match

# Templates in the manner of well-known models, none of them written like one that Helder knows by its text.
CHATML_WITH_TOOLS = """\
{%- if tools %}{{- raise_exception('no tools here') }}{%- endif %}
{%- if messages[0]['role'] == 'system' %}
    {{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}
    {%- set rest = messages[1:] %}
{%- else %}
    {%- DEFAULT %}
    {%- set rest = messages %}
{%- endif %}
{%- for m in rest %}
    {%- if m.role in ('user', 'assistant') %}
        {{- '<|im_start|>' ~ m.role ~ '\\n' ~ m.content ~ '<|im_end|>\\n' }}
    {%- endif %}
{%- endfor %}
{{- '<|im_start|>assistant\\n' if add_generation_prompt else '' }}
"""
DEFAULT = "{- '<|im_start|>system\\nYou are Kees, made in Delft.<|im_end|>\\n' }}{% set x = 1"
ALONE = CHATML_WITH_TOOLS.replace("{%- DEFAULT %}", "")
KEES = CHATML_WITH_TOOLS.replace("{%- DEFAULT %}", "{" + DEFAULT + " %}")
ROLES = """\
BEGIN{%- for m in messages -%}
{{ '<|' ~ m.role ~ '|>\\n' ~ m.content }}{% if m.role == 'assistant' %}{{ eos_token }}{% endif %}
{%- if not loop.last or m.role != 'assistant' %}{{ '\\n' }}{% endif %}
{%- endfor -%}
{%- if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% endif %}
"""
HEADERS = """\
{{- bos_token }}
{%- for m in messages %}
    {{- '<|start_header_id|>' }}{{ m.role }}{{ '<|end_header_id|>\\n\\n' }}{{ m.content | trim }}{{ '<|eot_id|>' }}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}
"""
SPECIALS = {"bos_token": "<|begin_of_text|>", "eos_token": "<|endoftext|>"}


@pytest.mark.parametrize(
    ("template", "name"),
    [
        (ALONE, "chatml"),
        (ROLES.replace("BEGIN", ""), "tulu"),
        (ROLES.replace("BEGIN", "{{ eos_token }}"), "olmo2"),
        (HEADERS, "llama3"),
        ("{% for m in messages %}{{ m.content ~ '\\n' }}{% endfor %}", "plain"),
    ],
)
def test_what_writes_the_same_is_the_same_format(template: str, name: str) -> None:
    assert chat.format_of_template(template) is None, "its text alone does not say it"
    assert match(template, SPECIALS) == matching.Match(chat.FORMATS[name])


def test_a_system_message_that_a_template_adds_is_found() -> None:
    found = match(KEES, {})
    assert found.form is chat.CHATML
    assert found.default_system == "You are Kees, made in Delft."


@pytest.mark.parametrize("text", chat.DEFAULT_SYSTEMS)
def test_known_templates_that_add_a_system_message_say_which(text: str) -> None:
    template = next(one for one in chat.CHATML.known if f"{text}<|im_end|>" in one)
    assert match(template, {}) == matching.Match(chat.CHATML, text)


@pytest.mark.parametrize("name", sorted(chat.FORMATS))
def test_a_template_that_is_known_by_its_text_is_not_run(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendering, "rendered", lambda *given: pytest.fail("it was run"))
    form = chat.FORMATS[name]
    assert all(match(template, {}).form is form for template in (form.template, *form.known))


@pytest.mark.parametrize("name", sorted(chat.FORMATS))
def test_every_format_writes_what_its_own_template_writes(name: str) -> None:
    form = chat.FORMATS[name]
    given = [(messages, begins) for _, messages, begins in matching.CONVERSATIONS]
    specials = {"bos_token": form.begin, "eos_token": form.closing}
    for found, (messages, begins) in zip(rendering.rendered(form.template, given, specials), given, strict=True):
        assert matching._same(found, chat.written(form, messages, begins), begins)


@pytest.mark.parametrize(
    ("template", "reasons"),
    [
        (
            ALONE.replace("m.content ~", "m.content | trim ~"),
            ["Nearest is chatml", "texts with spaces around them", "the template writes"],
        ),
        (ALONE.replace("'user', 'assistant'", "'user',"), ["Nearest is chatml", "For a second question,"]),
        (
            ALONE.replace("m.role ~ '\\n'", "m.role ~ ('\\n<think>' if loop.last and m.role != 'user' else '\\n')"),
            ["For a question and its answer", "<think>"],
        ),
        (
            ALONE.replace("'<|im_start|>system", "raise_exception('System role not supported') ~ '"),
            ["For a question after a system message", "System role not supported"],
        ),
        (KEES.replace("Delft.", "Delft.<|im_end|>\\n<|im_start|>user\\nHi"), ["For a question,", "You are Kees"]),
        (HEADERS, ["Nearest is llama3. For a question, from character 1", "'<|begin_of_text|>"]),
        ("{{ ''.__class__.__mro__ }}", ["For a question", "unsafe"]),
        ("{% for a in range(99999) %}{{ 'a' * 9999 }}{% endfor %}", ["did not come to its end", "16384 characters"]),
    ],
)
def test_what_writes_something_else_is_refused_with_the_first_difference(template: str, reasons: list[str]) -> None:
    with pytest.raises(HelderError) as caught:
        match(template, {})
    assert "is not a known one" in caught.value.what
    assert "--chat-format" in caught.value.fix
    assert len(caught.value.why) < 500
    for reason in reasons:
        assert reason in caught.value.why


@pytest.mark.parametrize("template", [None, ""])
def test_no_template_is_another_refusal(template: str | None) -> None:
    with pytest.raises(HelderError, match="has no chat template"):
        match(template, {})
