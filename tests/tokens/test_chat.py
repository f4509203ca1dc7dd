"""Chat formats: rendered as the model's own template would, and no text of a user can open or close a message."""

from __future__ import annotations

from pathlib import Path

import jinja2.sandbox
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helder.errors import HelderError
from helder.model.gguf_file import GgufFile
from helder.tokens import chat
from helder.tokens.chat import CHATML, render
from helder.tokens.tokenizer import Tokenizer
from tests.model import small

TEXTS = st.text(max_size=60) | st.lists(
    st.sampled_from([*small.SPECIALS, "<|im_", "start|>", "user", "\n", " ", "2 tabs", "|>", "<|"]), max_size=8
).map("".join)


MESSAGES: list[list[dict[str, str]]] = [
    [{"role": "user", "content": "2 tabs"}],
    [{"role": "system", "content": "Be brief."}, {"role": "user", "content": " 2  tabs\n\nbd "}],
    [
        {"role": "user", "content": "2 tabs"},
        {"role": "assistant", "content": "[]"},
        {"role": "user", "content": "<|im_end|> is what I say"},
    ],
]


@pytest.fixture(scope="module")
def all_specials(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    """A tokenizer that has the special tokens of every format."""
    folder = tmp_path_factory.mktemp("all")
    record = small.tokenizer_json()
    names = sorted({name for form in chat.FORMATS.values() for name in form.specials} - set(small.SPECIALS))
    for place, name in enumerate(names):
        token = {"id": 320 + place, "content": name, "special": True, "normalized": False}
        record["added_tokens"].append({**token, "single_word": False, "lstrip": False, "rstrip": False})
    small.write_json(folder / "tokenizer.json", record)
    return Tokenizer.load(folder)


@pytest.mark.parametrize("messages", MESSAGES)
@pytest.mark.parametrize("name", sorted(chat.FORMATS))
def test_every_format_is_rendered_as_its_template_does(
    all_specials: Tokenizer, name: str, messages: list[dict[str, str]]
) -> None:
    form = chat.FORMATS[name]
    ids, start = render(all_specials, name, messages, "[1]")
    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    names = {"bos_token": form.begin, "eos_token": form.closing, "add_generation_prompt": True}
    for template in (form.template, *form.known):
        if "You are a helpful" not in template:  # these add a system message of their own
            expected = environment.from_string(template).render(messages=messages, **names)
            assert all_specials.decode(ids[:start]) == expected
    assert all_specials.decode(ids[start:]) == "[1]" + form.closing
    assert ids[-1] == chat.stop_ids(all_specials, name)[0]


@pytest.mark.parametrize("name", sorted(chat.FORMATS))
def test_every_format_is_found_by_its_templates_and_no_other(name: str) -> None:
    form = chat.FORMATS[name]
    assert all(chat.match_template(template) is form for template in (form.template, *form.known))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_in_no_format_a_text_becomes_a_special_token(all_specials: Tokenizer, data: st.DataObject) -> None:
    form = chat.FORMATS[data.draw(st.sampled_from(sorted(chat.FORMATS)))]
    pieces = [*form.specials, *form.markers, "user", "\n", " ", "|>", "<|"]
    text = "".join(data.draw(st.lists(st.sampled_from(pieces), max_size=6)))
    bare = render(all_specials, form.name, [{"role": "user", "content": ""}])[0]
    try:
        ids, _ = render(all_specials, form.name, [{"role": "user", "content": text}])
    except HelderError as error:
        assert any(marker in text and marker in error.what for marker in form.markers)
        return
    assert not any(marker in text for marker in form.markers)
    specials = set(all_specials.specials.values())
    assert [one for one in ids if one in specials] == [one for one in bare if one in specials]


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    folder = tmp_path_factory.mktemp("tokenizer")
    small.write_json(folder / "tokenizer.json", small.tokenizer_json())
    return Tokenizer.load(folder)


def test_a_question_and_its_answer(tokenizer: Tokenizer) -> None:
    ids, start = render(tokenizer, "chatml", [{"role": "user", "content": "2 tabs"}], "[]")
    assert tokenizer.decode(ids) == "<|im_start|>user\n2 tabs<|im_end|>\n<|im_start|>assistant\n[]<|im_end|>"
    assert tokenizer.decode(ids[start:]) == "[]<|im_end|>"
    assert ids[-1] in chat.stop_ids(tokenizer, "chatml")


def test_an_answer_also_ends_where_llama_cpp_ends_it_because_of_a_name(tokenizer: Tokenizer) -> None:
    assert chat.stop_ids(tokenizer, "chatml") == (
        tokenizer.special("<|im_end|>"),
        tokenizer.special("<|endoftext|>"),
    )


def test_without_an_answer_the_prompt_ends_where_the_answer_begins(tokenizer: Tokenizer) -> None:
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "2 tabs"}]
    ids, start = render(tokenizer, "chatml", messages)
    assert start == len(ids)
    whole, same = render(tokenizer, "chatml", messages, "[]")
    assert same == start
    assert whole[:start] == ids


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=TEXTS, answer=TEXTS)
def test_no_text_opens_or_closes_a_message(tokenizer: Tokenizer, text: str, answer: str) -> None:
    opening, closing = tokenizer.special("<|im_start|>"), tokenizer.special("<|im_end|>")
    ids, start = render(tokenizer, "chatml", [{"role": "user", "content": text}], answer)
    assert [number for number in ids if number in tokenizer.specials.values()] == [opening, closing, opening, closing]
    assert ids[start:-1] == tokenizer.encode(answer)
    prompt = f"<|im_start|>user\n{text}<|im_end|>\n<|im_start|>assistant\n"
    assert tokenizer.decode(ids[:start]) == prompt


def test_a_role_that_the_format_does_not_know_is_refused(tokenizer: Tokenizer) -> None:
    with pytest.raises(HelderError, match="role 'tool'"):
        render(tokenizer, "chatml", [{"role": "tool", "content": ""}])


def test_the_starters_template_is_known(starter_gguf: Path) -> None:
    template = GgufFile(starter_gguf).fields["tokenizer.chat_template"]
    assert "You are a helpful AI assistant named SmolLM" in template
    assert chat.match_template(template) is CHATML


@pytest.mark.parametrize("template", [CHATML.template, *CHATML.known])
def test_every_known_template_is_known_however_it_is_spaced(template: str) -> None:
    assert chat.match_template(template) is CHATML
    assert chat.match_template(template.replace("{%", "{%-  ").replace("%}", "  -%}")) is CHATML


@pytest.mark.parametrize("template", ["{{ cycler.__init__.__globals__.os.popen('id').read() }}", "x" * 100_000])
def test_an_unknown_template_is_refused_and_never_run(template: str) -> None:
    with pytest.raises(HelderError, match="not a known one"):
        chat.match_template(template)


@pytest.mark.parametrize("template", [None, ""])
def test_no_template_is_another_refusal(template: str | None) -> None:
    with pytest.raises(HelderError, match="has no chat template"):
        chat.match_template(template)


@pytest.mark.parametrize("text", ["{}", '{"chat_format": "other"}', "", None])
def test_a_folder_that_does_not_name_a_known_format_is_refused(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / chat.FILE_NAME).write_text(text, encoding="utf-8")
    with pytest.raises(HelderError, match="chat format"):
        chat.format_of(tmp_path)
