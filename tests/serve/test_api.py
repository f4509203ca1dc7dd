"""The server as a client meets it: a real process, the `openai` client, and what is refused."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import openai
import pytest

from helder.errors import ExitCode, HelderError
from helder.serve import api
from tests.serve import finished
from tests.serve.running import Running, start

QUESTION = "2 tabs tds pc"
MESSAGES = [{"role": "user", "content": QUESTION}]


def test_the_openai_client_lists_the_model_and_gets_an_answer_in_the_form_of_the_task(server: Running) -> None:
    client = server.client()
    assert [model.id for model in client.models.list()] == ["doses"]
    assert client.models.retrieve("doses").owned_by == "helder"
    answer = client.chat.completions.create(model="doses", messages=MESSAGES)
    choice = answer.choices[0]
    assert choice.finish_reason == "stop"
    assert choice.message.role == "assistant"
    decoded = finished.TASK.decode(choice.message.content)
    assert finished.TASK.encode(decoded) == choice.message.content
    assert answer.model_extra["helder"] == {"answer": decoded}
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def test_a_streamed_answer_is_the_same_answer(server: Running) -> None:
    client = server.client()
    whole = client.chat.completions.create(model="doses", messages=MESSAGES)
    chunks = list(
        client.chat.completions.create(
            model="doses", messages=MESSAGES, stream=True, stream_options={"include_usage": True}
        )
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    assert len(chunks) > 3
    assert chunks[-1].usage == whole.usage
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-2].model_extra["helder"] == whole.model_extra["helder"]


def test_plain_completions_answer_one_or_several_prompts(server: Running) -> None:
    client = server.client()
    whole = client.chat.completions.create(model="doses", messages=MESSAGES).choices[0].message.content
    one = client.completions.create(model="doses", prompt=QUESTION)
    assert one.choices[0].text == whole
    two = client.completions.create(model="doses", prompt=["1 puff bd prn", QUESTION])
    assert [choice.index for choice in two.choices] == [0, 1]
    assert two.choices[1].text == whole
    assert len(two.model_extra["helder"]["answers"]) == 2
    pieces = client.completions.create(model="doses", prompt=QUESTION, stream=True)
    assert "".join(piece.choices[0].text for piece in pieces) == whole


def test_clients_at_the_same_time_each_get_their_own_answer(server: Running) -> None:
    questions = [QUESTION, "1 puff bd prn", "zo nodig 1 tablet"]

    def ask(question: str) -> str | None:
        messages = [{"role": "user", "content": question}]
        return server.client().chat.completions.create(model="doses", messages=messages).choices[0].message.content

    alone = [ask(question) for question in questions]
    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(ask, questions * 2)) == alone * 2


def test_the_common_fields_of_the_api_are_understood(server: Running) -> None:
    answer = server.client().chat.completions.create(
        model="doses", messages=[{"role": "user", "content": [{"type": "text", "text": QUESTION}]}],
        temperature=0, top_p=1, n=1, seed=3, max_completion_tokens=200, stop=["\n"], presence_penalty=0,
        frequency_penalty=0, user="ward 3", response_format={"type": "text"}, logit_bias={},
    )  # fmt: skip
    assert answer.choices[0].message.content


def test_an_answer_that_does_not_end_says_so_and_is_not_decoded(server: Running) -> None:
    answer = server.client().chat.completions.create(model="doses", messages=MESSAGES, max_tokens=2)
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 2
    assert answer.model_extra["helder"]["answer"] is None
    assert "did not end" in answer.model_extra["helder"]["error"]


def test_a_drawn_answer_repeats_with_its_seed_and_keeps_the_form(server: Running) -> None:
    def draw(seed: int) -> str | None:
        return (
            server.client()
            .chat.completions.create(model="doses", messages=MESSAGES, temperature=2, seed=seed)
            .choices[0]
            .message.content
        )

    drawn = [draw(seed) for seed in range(6)]
    assert draw(0) == drawn[0]
    assert len(set(drawn)) > 1
    for text in drawn:
        assert finished.TASK.encode(finished.TASK.decode(text or "")) == text


@pytest.mark.parametrize("token", ["-", "wrong", "Bearer"])
@pytest.mark.parametrize("path", ["/models", "/chat/completions", "/openapi.json", "/nothing"])
def test_without_the_token_nothing_is_told(server: Running, path: str, token: str) -> None:
    reply = httpx.get(server.url + path, headers={"Authorization": f"Bearer {token}"})
    assert reply.status_code == 401
    assert reply.json()["error"]["code"] == "invalid_api_key"
    assert "doses" not in reply.text
    assert httpx.get(server.url + path).status_code == 401


def test_health_needs_no_token_and_tells_nothing_else(server: Running) -> None:
    assert httpx.get(server.url.removesuffix("/v1") + "/healthz").json() == {"status": "ready"}


def test_the_client_raises_its_own_errors(server: Running) -> None:
    with pytest.raises(openai.AuthenticationError):
        openai.OpenAI(base_url=server.url, api_key="wrong", max_retries=0).models.list()
    with pytest.raises(openai.NotFoundError, match="'doses' is"):
        server.client().chat.completions.create(model="gpt-4", messages=MESSAGES)
    with pytest.raises(openai.BadRequestError, match="top_k"):
        server.client().chat.completions.create(model="doses", messages=MESSAGES, extra_body={"top_k": 5})


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"temprature": 0}, "temprature"),
        ({"temperature": "0"}, "temperature"),
        ({"temperature": 3}, "temperature"),
        ({"n": 2}, "n"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"logprobs": 1}, "logprobs"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
        ({"top_logprobs": 3}, "top_logprobs"),
        ({"max_tokens": 10**30}, "max_tokens"),
        ({"stop": [""]}, "stop"),
        ({"user": "a" * 300}, "user"),
        ({"tools": [{"type": "function"}]}, "tools"),
        ({"presence_penalty": 0.5}, "presence_penalty"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "user"}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": "a", "extra": 1}]}, "messages.0.extra"),
        ({"messages": [{"role": "system", "content": "Be kind."}, *MESSAGES]}, "messages"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {}}}}, "response_format"),
        ({"response_format": {"type": "yaml"}}, "response_format.type"),
    ],
)
def test_a_field_that_cannot_be_honoured_is_refused_by_name(
    server: Running, more: dict[str, object], param: str
) -> None:
    reply = server.post("/chat/completions", {"model": "doses", "messages": MESSAGES, **more})
    assert reply.status_code == 400, reply.text
    error = reply.json()["error"]
    assert error["type"] == "invalid_request_error"
    assert error["param"] == param
    assert error["message"]


def test_the_schema_of_the_task_may_be_asked_for(server: Running) -> None:
    schema = server.client().models.retrieve("doses").model_extra["helder"]["task"]["schema"]
    form = {"type": "json_schema", "json_schema": {"name": "doses", "schema": {**schema, "title": "Doses"}}}
    answer = server.client().chat.completions.create(model="doses", messages=MESSAGES, response_format=form)
    assert answer.choices[0].message.content


def test_a_question_longer_than_the_context_is_refused_and_never_cut(server: Running) -> None:
    for stream in (False, True):
        body = {"model": "doses", "messages": [{"role": "user", "content": "tablet " * 3000}], "stream": stream}
        reply = server.post("/chat/completions", body)
        assert reply.status_code == 400
        assert reply.json()["error"]["code"] == "context_length_exceeded"


def test_an_empty_question_is_refused(server: Running) -> None:
    reply = server.post("/completions", {"model": "doses", "prompt": "  "})
    assert reply.status_code == 400
    assert "empty" in reply.json()["error"]["message"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"\xff", b'{"model": NaN}'])
def test_a_body_that_is_no_request_is_refused(server: Running, body: bytes) -> None:
    headers = {"Authorization": f"Bearer {server.token}", "Content-Type": "application/json"}
    reply = httpx.post(server.url + "/chat/completions", content=body, headers=headers)
    assert reply.status_code == 400
    assert reply.json()["error"]["message"]


def test_a_body_of_unreasonable_size_is_refused_unread(server: Running) -> None:
    headers = {"Authorization": f"Bearer {server.token}", "Content-Length": str(10**9)}
    with socket.create_connection(httpx.URL(server.url).host and ("127.0.0.1", httpx.URL(server.url).port)) as link:
        lines = [f"{name}: {value}" for name, value in headers.items()]
        link.sendall(
            ("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\n" + "\r\n".join(lines) + "\r\n\r\n").encode()
        )
        assert link.recv(100).startswith(b"HTTP/1.1 413")


def test_a_client_that_leaves_in_the_middle_does_not_stop_the_next_one(server: Running) -> None:
    body = {"model": "doses", "messages": MESSAGES, "stream": True}
    headers = {"Authorization": f"Bearer {server.token}"}
    with httpx.stream("POST", server.url + "/chat/completions", json=body, headers=headers) as reply:
        next(reply.iter_lines())
    assert server.client().chat.completions.create(model="doses", messages=MESSAGES).choices


def test_the_server_names_nothing_that_was_asked_and_stops_on_interrupt(
    finished_home: tuple[Path, Path],
) -> None:
    running = start(*finished_home)
    running.client().chat.completions.create(model="doses", messages=MESSAGES)
    running.process.send_signal(signal.SIGINT)
    assert running.process.stderr
    rest = running.process.stderr.read()
    assert running.process.wait(30) == ExitCode.DONE
    assert rest == "Stopped.\n"
    assert QUESTION not in "".join(running.log)
    with pytest.raises(httpx.ConnectError):
        httpx.get(running.url)


def test_a_port_in_use_says_what_to_do(server: Running, finished_home: tuple[Path, Path]) -> None:
    port = httpx.URL(server.url).port
    assert port
    with pytest.raises(HelderError, match=f"Port {port} on 127.0.0.1 is in use") as caught:
        api.listen("127.0.0.1", port)
    assert "--port 0" in caught.value.fix
    folder, home = finished_home
    done = subprocess.run(
        [sys.executable, "-c", "from helder.cli import main; main()", "serve", str(folder), "--port", str(port)],
        env={**os.environ, "HELDER_HOME": str(home)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == ExitCode.USER
    assert "in use" in done.stderr and "Traceback" not in done.stderr


def test_an_address_that_others_can_reach_is_refused() -> None:
    with pytest.raises(HelderError, match=r"0\.0\.0\.0") as caught:
        api.listen("0.0.0.0", 0)
    assert caught.value.code == ExitCode.REFUSED


def test_a_token_file_is_made_once_and_must_be_private(tmp_path: Path) -> None:
    path = tmp_path / "token"
    token = api._token(path)
    assert api._token(path) == token
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o644)
    with pytest.raises(HelderError, match="Others can read"):
        api._token(path)
    path.chmod(0o600)
    path.write_text("short\n", encoding="ascii")
    with pytest.raises(HelderError, match="not usable"):
        api._token(path)
    assert json.dumps(api._token(None)) != json.dumps(api._token(None))
