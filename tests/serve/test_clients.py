"""The official clients of the OpenAI API, for Python and for JavaScript, know our server as one of theirs."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import openai
import pytest
from pydantic import BaseModel

from helder.ledger.artifact import hash_file, temporary_beside
from tests import starter
from tests.serve import finished
from tests.serve.running import Running

QUESTION = "2 tabs tds pc"
MESSAGES: Any = [{"role": "user", "content": QUESTION}]
PACKAGE = "openai@6.49.0"  # https://www.npmjs.com/package/openai
SHA256 = "e48de0f4c5dbecebdeb864233f5ea49be07cd3e0ff3bd3e1e6745dc5e168cced"


@pytest.fixture(scope="module")
def answer(server: Running) -> openai.types.chat.ChatCompletion:
    return server.client().chat.completions.create(model="doses", messages=MESSAGES)


def test_the_asynchronous_client_streams_the_same_answer(
    server: Running, answer: openai.types.chat.ChatCompletion
) -> None:
    async def asked() -> list[str]:
        async with openai.AsyncOpenAI(base_url=server.url, api_key=server.token, max_retries=0) as client:
            stream = await client.chat.completions.create(model="doses", messages=MESSAGES, stream=True)
            return [chunk.choices[0].delta.content or "" async for chunk in stream]

    assert "".join(asyncio.run(asked())) == answer.choices[0].message.content


def test_the_streaming_helper_accumulates_text_and_log_probabilities(
    server: Running, answer: openai.types.chat.ChatCompletion
) -> None:
    client = server.client()
    with client.chat.completions.stream(model="doses", messages=MESSAGES, logprobs=True, top_logprobs=2) as stream:
        events = list(stream)
        final = stream.get_final_completion()
    assert final.choices[0].message.content == answer.choices[0].message.content
    told = final.choices[0].logprobs
    assert told is not None and told.content is not None
    assert "".join(token.token for token in told.content) == answer.choices[0].message.content
    assert all(len(token.top_logprobs) == 2 for token in told.content)
    assert {event.type for event in events} >= {"chunk", "content.delta", "content.done", "logprobs.content.done"}


def test_a_client_that_parses_answers_gets_its_model(server: Running) -> None:
    """The form that the client derives from a class differs from the task's, and is refused; the task's own parses."""

    class Dose(BaseModel):
        form: str

    with pytest.raises(openai.BadRequestError, match="The form of an answer is fixed"):
        server.client().chat.completions.parse(model="doses", messages=MESSAGES, response_format=Dose)
    schema = server.client().models.retrieve("doses").model_extra["helder"]["task"]["schema"]  # type: ignore[index]
    form: Any = {"type": "json_schema", "json_schema": {"name": "doses", "schema": schema, "strict": True}}
    whole = server.client().chat.completions.create(model="doses", messages=MESSAGES, response_format=form)
    assert finished.TASK.decode(whole.choices[0].message.content or "") is not None


def test_with_raw_response_headers_are_there(server: Running) -> None:
    raw = server.client().chat.completions.with_raw_response.create(model="doses", messages=MESSAGES)
    assert raw.headers["content-type"] == "application/json"
    assert raw.parse().object == "chat.completion"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which `import "openai"` finds the client for JavaScript."""
    if shutil.which("node") is None or (npm := shutil.which("npm")) is None:
        pytest.skip(f"{PACKAGE} comes from npm's index, and node and npm are not installed here")
    cached = starter.cache() / "openai-6.49.0.tgz"
    if not cached.exists() or hash_file(cached)[1] != SHA256:
        cached.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as temporary:
            command = [npm, "pack", "--silent", "--ignore-scripts", PACKAGE]
            subprocess.run(command, cwd=temporary, check=True, capture_output=True)
            (fetched,) = Path(temporary).glob("*.tgz")
            assert hash_file(fetched)[1] == SHA256, f"{PACKAGE} is another file"
            beside = temporary_beside(cached)
            shutil.copyfile(fetched, beside)
            beside.rename(cached)
    folder = tmp_path_factory.mktemp("node")
    with tarfile.open(cached) as archive:
        archive.extractall(folder / "node_modules", filter="data")
    (folder / "node_modules" / "package").rename(folder / "node_modules" / "openai")
    shutil.copyfile(Path(__file__).parent / "ask.mjs", folder / "ask.mjs")
    return folder


def test_the_client_for_javascript_passes(
    server: Running, package: Path, answer: openai.types.chat.ChatCompletion
) -> None:
    command = ["node", str(package / "ask.mjs"), server.url, server.token, "doses", QUESTION]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    text = answer.choices[0].message.content
    assert told["models"] == ["doses"]
    assert told["chat"]["choices"][0]["message"]["content"] == told["streamed"] == told["helped"] == text
    assert len(told["chat"]["choices"][0]["logprobs"]["content"][0]["top_logprobs"]) == 2
    assert told["last"]["usage"] == answer.usage.model_dump(exclude_none=True)  # type: ignore[union-attr]
    assert told["plain"]["choices"][0]["text"] == text
    assert told["chat"]["helder"]["answer"] == finished.TASK.decode(text or "")
    assert told["wrong"] == {"kind": "BadRequestError", "status": 400, "param": "top_k"}
    assert told["missing"]["kind"] == "NotFoundError"
    assert told["stranger"]["kind"] == "AuthenticationError"
