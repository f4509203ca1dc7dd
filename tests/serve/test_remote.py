"""Another server as the engine, llama.cpp's own and one of ours: its answers are passed on, and not vouched for."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from helder.errors import ExitCode, HelderError
from helder.serve.engine import Engine
from helder.serve.remote import KEY, Remote
from helder.serve.supervise import Unavailable
from tests.serve.running import Running, start
from tests.serve.tiny import CONTEXT, Tiny

YES_NO = 'start: "yes" | "no" | "no, never"\n'
LLAMA_CPP = """
import sys, xllamacpp
from pathlib import Path
from helder.serve import llama
params = llama.params(Path(sys.argv[1]), 1, int(sys.argv[2]), Path("unused"))
params.hostnames, params.port, params.n_threads_http, params.api_keys = ["127.0.0.1"], 0, 4, ["the-key-of-the-engine"]
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def llama_cpp(model: Tiny) -> Iterator[str]:
    """llama.cpp's own server with the tiny model."""
    command = [sys.executable, "-c", LLAMA_CPP, str(model.gguf), str(CONTEXT)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield process.stdout.readline().strip() + "/v1"
        process.kill()


@pytest.fixture
def remote(llama_cpp: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Remote]:
    monkeypatch.setenv(KEY, "the-key-of-the-engine")
    with Remote(llama_cpp, "tiny", kind="llama.cpp", context=CONTEXT, places=2) as opened:
        yield opened


def kept(pieces: list[str]) -> Callable[[str], bool]:
    def stream(piece: str) -> bool:
        pieces.append(piece)
        return True

    return stream


def test_prompts_go_as_token_ids_and_the_answer_is_that_of_the_same_model_here(remote: Remote, model: Tiny) -> None:
    assert not remote.wants_text
    with Engine.open(model.gguf, threads=1, context=CONTEXT) as engine:
        for text in ("1 puff", "2 tabs tds pc"):
            pieces: list[str] = []
            prompt = model.encode(text)
            here = engine.complete(prompt, grammar=YES_NO)
            there = remote.complete(prompt, grammar=YES_NO, stream=kept(pieces))
            assert there.text == "".join(pieces) == here.text
            assert (there.finish_reason, there.completion_tokens) == (here.finish_reason, here.completion_tokens)
    assert remote.metrics.value("helder_completion_tokens_total") > 0


def test_a_reader_who_leaves_ends_the_answer_and_the_next_one_is_whole(remote: Remote, model: Tiny) -> None:
    prompt = model.encode("1 puff")
    cut = remote.complete(prompt, max_tokens=100, stream=lambda piece: False)
    assert cut.finish_reason == "length"
    assert cut.completion_tokens == 1
    assert remote.complete(prompt, grammar=YES_NO).text in ("yes", "no", "no, never")


def test_an_answer_without_the_form_of_the_task_is_an_error(remote: Remote, model: Tiny) -> None:
    remote.kind = "openai"  # nobody tells the engine the form
    with pytest.raises(HelderError, match="form"):
        remote.complete(model.encode("1 puff"), grammar=YES_NO, max_tokens=8)


def test_an_engine_that_is_gone_or_wants_another_key_is_unavailable(
    llama_cpp: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY, "wrong")
    with pytest.raises(Unavailable, match="let us in") as caught:
        Remote(llama_cpp, "tiny")
    assert KEY in caught.value.fix
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    with pytest.raises(Unavailable, match="no whole answer"):
        Remote(f"http://127.0.0.1:{port}/v1", "tiny")


@pytest.mark.parametrize("url", ["http://192.0.2.7:8000/v1", "http://engine.example/v1"])
def test_another_machine_needs_tls(url: str) -> None:
    with pytest.raises(HelderError, match="no TLS") as caught:
        Remote(url, "tiny")
    assert caught.value.code is ExitCode.REFUSED


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/v1", "127.0.0.1:8000", "http://user:word@127.0.0.1/v1"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(HelderError):
        Remote(url, "tiny")


def test_in_front_of_another_server_answers_are_the_same_and_receipts_say_that_nothing_is_verified(
    server: Running, finished_home: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY, server.token)
    log = tmp_path / "log"
    front = start(
        *finished_home, "--engine", server.url, "--engine-model", "doses", "--log", str(log), "--keep", "texts"
    )
    try:
        messages = [{"role": "user", "content": "2 tabs tds pc"}]
        behind = server.client().chat.completions.create(model="doses", messages=messages)
        answer = front.client().chat.completions.create(model="doses", messages=messages)
        assert answer.choices[0].message.content == behind.choices[0].message.content
        assert answer.system_fingerprint == "not-verified"
        assert answer.model_extra
        receipt = answer.model_extra["helder"]["receipt"]
        assert front.client().models.retrieve("doses").model_extra["helder"]["sha256"] is None
    finally:
        front.process.terminate()
        front.process.wait(30)
    told = subprocess.run(
        [sys.executable, "-c", "from helder.cli import main; main()", "audit", "show", str(log), "--id", receipt["id"],
         "--json"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    entry = json.loads(told.stdout)
    assert "declared, not verified" in json.dumps(entry)
