"""Flaws that other model servers had, each tried on this one: the real server where it is about the server.

Numbers are those under which the flaws were published; two servers rarely have the same flaw twice, but every server of
models has the same places for it.
"""

from __future__ import annotations

import ast
import asyncio
import json
import re
import socket
import stat
import struct
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

import httpx
import pytest

from bench.fuzz.log import Quick, organisation
from bench.fuzz.request import Plug, Stub
from helder.certify import archive, layout
from helder.errors import HelderError
from helder.model import gguf_file, safetensors_file, store
from helder.serve import link
from helder.serve.access import Access
from helder.serve.api import configure
from helder.serve.app import create_app
from helder.serve.audit import AuditLog, Keep
from helder.serve.audit.tiles import Tile
from helder.serve.engine import Engine
from helder.serve.gate import LARGEST_HEADERS
from helder.serve.served import Served
from helder.serve.tokens import Tokens
from helder.serve.turns import Turns
from helder.tokens import matching
from tests.model.test_gguf_file import UINT32, key, tensor, write
from tests.serve.running import Running
from tests.serve.test_gate import head, raw
from tests.serve.tiny import Tiny

HELDER = Path(gguf_file.__file__).parents[1]
ASKED: dict[str, Any] = {"model": "doses", "messages": [{"role": "user", "content": "2 tabs tds pc"}]}


def said(reply: httpx.Response) -> str:
    """The message of a refusal."""
    message: str = reply.json()["error"]["message"]
    return message


# -- model files ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "lie",
    [
        tensor("w", (1 << 40,)), tensor("w", (32,), offset=1 << 40), tensor("w", (32,), offset=(1 << 64) - 64),
        tensor("w", (64,)), tensor("w", (32,), offset=32),
    ],
    ids=["a size", "an offset", "an offset that wraps around", "a size by a little", "an offset by a little"],
)  # fmt: skip
def test_sizes_and_offsets_beyond_the_file_are_refused(tmp_path: Path, lie: bytes) -> None:
    """CVE-2026-7482 (Ollama): a GGUF tensor larger than its file let a client read the server's memory."""
    path = write(tmp_path / "lie.gguf", [], [lie])
    with pytest.raises(HelderError, match="cut short, damaged"):
        gguf_file.read_header(path)


def test_a_model_file_that_lies_is_refused_before_llama_cpp_sees_it(model: Tiny, tmp_path: Path) -> None:
    """The same, through the engine: what stands in the file is told by our own parser."""
    data = bytearray(model.gguf.read_bytes())
    at = data.index(b"token_embd.weight") + len(b"token_embd.weight") + 4
    data[at : at + 8] = struct.pack("<Q", 1 << 33)
    path = tmp_path / "lie.gguf"
    path.write_bytes(data)
    with pytest.raises(HelderError, match="lie.gguf is cut short, damaged") as caught:
        Engine.open(path)
    assert "token_embd.weight should have" in caught.value.why


@pytest.mark.parametrize(
    ("keys", "tensors", "counts"),
    [
        ([], [tensor("w", (1 << 32, 1 << 32))], None),
        ([], [tensor("w", (1 << 61, 8))], None),
        ([], [], (1 << 63, 0)),
        ([], [], (0, (1 << 64) - 1)),
        ([key("a", 9, struct.pack("<IQ", UINT32, 1 << 62))], [], None),
        ([key("a", 9, struct.pack("<IQ", 8, (1 << 61) + 1))], [], None),
        ([struct.pack("<Q", (1 << 64) - 8)], [], (0, 1)),
    ],
    ids=["a product of 2^64", "bytes of 2^64", "tensors", "keys", "numbers of a list", "texts of a list", "a length"],
)
def test_counts_that_overflow_an_integer_are_refused(
    tmp_path: Path, keys: list[bytes], tensors: list[bytes], counts: tuple[int, int] | None
) -> None:
    """llama.cpp #19856 and its like: a count times a size that wraps to something small."""
    path = write(tmp_path / "lie.gguf", keys, tensors, counts=counts)
    begun = time.process_time()
    with pytest.raises(HelderError):
        gguf_file.read_header(path)
    assert time.process_time() - begun < 1


@pytest.mark.parametrize(
    "program",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{% for c in ().__class__.__base__.__subclasses__() %}{{ c.__init__.__globals__ }}{% endfor %}",
        "{{ messages.__init__.__globals__['os'].system('touch PLACE') }}",
        "{{ cycler.__init__.__globals__.os.popen('touch PLACE').read() }}",
        "{{ ('%s' % 'touch PLACE') | attr('__class__') }}",
        "{% set x = '{0.__class__.__base__}'.format(messages) %}{{ x }}",
        "{% include 'PLACE' %}{{ open('PLACE', 'w') }}",
    ],
)
def test_a_chat_template_that_is_a_program_is_refused_and_does_nothing(tmp_path: Path, program: str) -> None:
    """CVE-2024-34359 (llama-cpp-python), CVE-2026-5760 (SGLang), CVE-2024-56326 (Jinja): a template that runs code."""
    place = tmp_path / "made"
    with pytest.raises(HelderError, match="chat template"):
        matching.match(program.replace("PLACE", str(place)), {})
    assert not place.exists()


def test_the_server_knows_no_template_language() -> None:
    """The same: a template is looked at when a model is taken in; what serves cannot even load Jinja's compiler."""
    code = "import sys, helder.serve.api, helder.serve.worker, helder.serve.llama; print('jinja2' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=HELDER.parent)
    assert done.stdout == "False\n"
    assert "params.use_jinja" in (HELDER / "serve" / "llama.py").read_text(encoding="utf-8")


# -- code in data ---------------------------------------------------------------------------------------------------

# Programs that run programs are what these are for: each runs in a room of its own, or is the program in it.
RUN_CODE = {
    "evaluate/judge/plain.py": "exec", "evaluate/judge/inside.py": "exec", "sealed/warden.py": "exec",
}  # fmt: skip
NO_MODULES = {
    "pickle",
    "cPickle",
    "marshal",
    "shelve",
    "dill",
    "cloudpickle",
    "joblib",
    "jsonpickle",
    "pty",
    "commands",
}
NO_CALLS = {
    "eval",
    "exec",
    "os.system",
    "os.popen",
    "torch.load",
    "torch.jit.load",
    "yaml.unsafe_load",
    "yaml.full_load",
}


def dotted(node: ast.expr) -> str:
    """The name of what is called: "torch.load"; nothing for what has none."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


def wrong_with(name: str, node: ast.AST) -> Iterator[str]:
    """What turns data into code at one place of a file."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names if alias.name.split(".")[0] in NO_MODULES)
    elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in NO_MODULES:
        yield str(node.module)
    elif isinstance(node, ast.Call):
        called = dotted(node.func)
        words = {word.arg: word.value for word in node.keywords}
        if called in NO_CALLS and RUN_CODE.get(name) != called:
            yield called
        for word in ("shell", "allow_pickle"):
            given = words.get(word)
            if given is not None and not (isinstance(given, ast.Constant) and given.value is False):
                yield f"{called} with {word}"
        if called in ("np.load", "numpy.load") and "allow_pickle" not in words:
            yield f"{called} as NumPy's default has it"
        if called == "yaml.load" and not (isinstance(words.get("Loader"), ast.Name) and words["Loader"].id == "loader"):  # type: ignore[attr-defined]
            yield "yaml.load with another loader than ours"


def test_no_code_of_ours_turns_data_into_code() -> None:
    """CVE-2025-62164 (vLLM: torch.load), CVE-2025-32444 (Mooncake: pickle): weights or messages that are programs."""
    paths = [path for path in sorted(HELDER.rglob("*.py")) if "examples" not in path.relative_to(HELDER).parts]
    assert len(paths) > 200
    found = []
    for path in paths:
        name, text = path.relative_to(HELDER).as_posix(), path.read_text(encoding="utf-8")
        found += [(name, wrong) for node in ast.walk(ast.parse(text)) for wrong in wrong_with(name, node)]
    assert found == []


@pytest.mark.parametrize(
    "line",
    ["import pickle", "from marshal import loads", "torch.load(path)", "eval(text)", "subprocess.run(line, shell=True)",
     "np.load(path)", "np.load(path, allow_pickle=flag)", "yaml.load(text, Loader=yaml.Loader)", "os.system(line)"],
)  # fmt: skip
def test_the_look_into_our_code_finds_what_it_looks_for(line: str) -> None:
    assert [wrong for node in ast.walk(ast.parse(line)) for wrong in wrong_with("a.py", node)]


def test_weights_that_are_a_pickle_are_refused_by_name(tmp_path: Path) -> None:
    """The same: a folder with pytorch_model.bin."""
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04c__main__\nboom\n.")
    with pytest.raises(HelderError) as caught:
        safetensors_file.files(tmp_path)
    assert "pytorch_model.bin is a pickle, which can run code" in caught.value.why


# -- names that are paths -------------------------------------------------------------------------------------------

OUTSIDE = ("../secret", "../../../../etc/passwd", "/etc/passwd", "..\\secret", "a/../../secret", "sha256:../../secret",
           "%2e%2e%2fsecret", "..%2f..%2fetc%2fpasswd", "\x00", ".", "..", "a\x00b", "~/.ssh/id_rsa")  # fmt: skip


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_name_that_leads_outside_names_nothing(server: Running, name: str) -> None:
    """CVE-2024-37032, CVE-2026-7020 (Ollama): a digest or name in a request became a path."""
    assert server.post("/chat/completions", {**ASKED, "model": name}).status_code in (400, 404)
    asked = head(server, first=f"GET /v1/models/{quote(name, safe='')} HTTP/1.1")
    assert re.match(rb"HTTP/1\.1 (400|404) ", raw(server, asked))
    for prefix in ("tile/", "tile/0/", "tile/entries/"):
        assert Tile.read(prefix + name) is None
    if "%" not in name and "~" not in name:  # names as any other where nobody reads them as more
        with pytest.raises(HelderError):
            layout.relative(name)
    assert store.NAME.fullmatch(name) is None


@pytest.mark.parametrize(
    "name", ["../outside", "/tmp/outside", "a/../../outside", "a\\..\\outside", "C:outside", "a//b"]
)
def test_an_archive_does_not_write_outside_of_its_folder(tmp_path: Path, name: str) -> None:
    """The same for the members of a bundle, and links among them."""
    with zipfile.ZipFile(tmp_path / "bundle.zip", "w") as made:
        made.writestr(name, "x")
    with pytest.raises(HelderError):
        archive.unpack(tmp_path / "bundle.zip", tmp_path / "here" / "bundle")
    with zipfile.ZipFile(tmp_path / "linked.zip", "w") as made:
        about = zipfile.ZipInfo("a")
        about.external_attr = (stat.S_IFLNK | 0o777) << 16
        made.writestr(about, "/etc/passwd")
    with pytest.raises(HelderError, match="no plain file"):
        archive.unpack(tmp_path / "linked.zip", tmp_path / "here" / "linked")
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["bundle.zip", "linked.zip"]


@pytest.mark.parametrize("path", ["/../../etc/passwd", "/static/../../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd",
                                  "/page/..%2f..%2fapi.py", "//etc/passwd", "/assets/%00",
                                  "/v1/log/tile/..%2f..%2flog.pem"])  # fmt: skip
def test_no_path_of_the_server_leads_into_its_files(server: Running, path: str) -> None:
    """The same for whatever the server hands out as files."""
    reply = raw(server, head(server, first=f"GET {path} HTTP/1.1"))
    assert re.match(rb"HTTP/1\.1 (400|401|403|404|405) ", reply), reply[:200]
    assert b"root:" not in reply and b"PRIVATE KEY" not in reply and b"import" not in reply


# -- what is asked --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("max_tokens", -1), ("max_tokens", 0), ("max_tokens", 1 << 31), ("max_tokens", 1 << 70), ("seed", -1),
        ("seed", 1 << 40), ("temperature", -1), ("temperature", 1e308), ("top_p", 0), ("top_p", 1.5), ("n", 1000000),
        ("top_logprobs", -1), ("top_logprobs", 1 << 30), ("frequency_penalty", -2), ("stop", ["a"] * 100),
        ("stop", ""), ("max_completion_tokens", 1.5), ("max_tokens", True), ("stop", "a" * 10_000),
    ],
)  # fmt: skip
def test_negative_and_huge_parameters_are_refused_by_name(server: Running, field: str, value: object) -> None:
    """CVE-2026-21869 (llama.cpp: a negative n_discard): a number that the engine trusts."""
    reply = server.post("/chat/completions", {**ASKED, field: value})
    assert reply.status_code == 400 and field in said(reply)


@pytest.mark.parametrize(
    "field",
    ["n_discard", "n_keep", "n_predict", "id_slot", "cache_prompt", "grammar", "chat_template", "chat_template_kwargs",
     "guided_json", "guided_regex", "guided_grammar", "lora", "prompt_embeds", "mm_processor_kwargs", "extra_body",
     "add_generation_prompt", "__proto__", "samplers", "min_tokens", "functions", "image_data"],
)  # fmt: skip
def test_fields_of_engines_are_refused_by_name_and_reach_none(server: Running, field: str) -> None:
    """CVE-2025-62426 (vLLM: chat_template_kwargs), CVE-2025-62164 (prompt_embeds): what a client hands through."""
    for path, asked in (("/chat/completions", ASKED), ("/completions", {"model": "doses", "prompt": "2 tabs"})):
        for value in ({"chat_template": "{{ 7 }}"}, "x", -1):
            reply = server.post(path, {**asked, field: value})
            assert reply.status_code == 400 and f"`{field}` is not a field" in said(reply)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "pattern": "(a+)+(b+)+(c|d|[^e])*" * 200 + "$"},
        {"type": "string", "pattern": "(" * 1000},
        {"type": "array", "items": {"type": "string"}, "minItems": 1 << 30, "maxItems": 1 << 31},
        {"type": "string", "minLength": 1 << 30, "maxLength": 1 << 31},
        {"$ref": "#"},
        {"$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}] * 50}}, "$ref": "#/$defs/a"},
        {"enum": [str(number) for number in range(50_000)]},
        {"anyOf": [{"anyOf": [{"anyOf": [{"type": "string"}] * 20}] * 20}] * 20},
        {"$ref": "http://127.0.0.1:9/schema.json"},
        {"$ref": "file:///etc/passwd"},
    ],
    ids=["a slow pattern", "no pattern", "a billion items", "a billion letters", "itself", "itself fifty times",
         "50,000 values", "8,000 ways", "a schema on the network", "a schema in a file"],
)  # fmt: skip
def test_a_schema_that_would_cost_a_lot_to_compile_is_refused_at_once(server: Running, schema: dict[str, Any]) -> None:
    """CVE-2025-48944 (vLLM): a schema or pattern of a client that the server compiles."""
    form = {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}
    begun = time.monotonic()
    reply = server.post("/chat/completions", {**ASKED, "response_format": form})
    assert reply.status_code == 400 and time.monotonic() - begun < 5
    tools = [{"type": "function", "function": {"name": "f", "parameters": schema}}]
    assert server.post("/chat/completions", {**ASKED, "tools": tools}).status_code == 400


@pytest.mark.parametrize(
    "content",
    [
        [{"type": "image_url", "image_url": {"url": "URL"}}],
        [{"type": "image_url", "image_url": {"url": "file:///etc/passwd"}}],
        [{"type": "input_audio", "input_audio": {"data": "", "format": "wav", "url": "URL"}}],
        [{"type": "file", "file": {"file_id": "URL"}}],
        [{"type": "text", "text": "a"}, {"type": "video_url", "video_url": {"url": "URL"}}],
    ],
)  # fmt: skip
def test_the_server_fetches_nothing_that_a_client_names(server: Running, content: list[dict[str, Any]]) -> None:
    """CVE-2026-22773 (vLLM: images) and its like: the server opens an address or a file for a client."""
    with socket.create_server(("127.0.0.1", 0)) as trap:
        trap.setblocking(False)
        url = f"http://127.0.0.1:{trap.getsockname()[1]}/a.png"
        parts = json.loads(json.dumps(content).replace("URL", url))
        reply = server.post("/chat/completions", {**ASKED, "messages": [{"role": "user", "content": parts}]})
        assert reply.status_code == 400
        # In a text an address is only text.
        server.post("/completions", {"model": "doses", "prompt": f"{url} file:///etc/passwd", "max_tokens": 1})
        with pytest.raises(BlockingIOError):
            trap.accept()


def test_nothing_that_serves_can_open_an_address() -> None:
    """The same, in the code: the one that speaks to another engine speaks to the address it was started with."""
    fetching = {"urllib", "requests", "httpx", "aiohttp", "ftplib", "urllib3", "webbrowser"}
    for path in sorted((HELDER / "serve").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            used = {one.split(".")[0] for one in names if one != "urllib.parse"}
            assert not used & fetching, path
            assert "http.client" not in names or path.name in ("remote.py", "lane.py"), path


# -- connections ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "lines",
    [("A: " + "a" * 20_000,), tuple(f"A{number}: b" for number in range(2000)), ("A" * 30_000 + ": a",),
     ("Cookie: " + "a=b; " * 5000,)],
    ids=["one value", "many headers", "one name", "cookies"],
)  # fmt: skip
def test_giant_headers_are_refused_early(server: Running, lines: tuple[str, ...]) -> None:
    """CVE-2025-48956 (vLLM): headers without a bound, held in memory before anybody is known."""
    assert raw(server, head(server, *lines)).startswith(b"HTTP/1.1 431")
    assert raw(server, head(server, first=f"GET /{'a' * 20_000} HTTP/1.1")).startswith(b"HTTP/1.1 431")
    assert LARGEST_HEADERS <= 16 << 10
    assert server.post("/completions", {"model": "doses", "prompt": "2 tabs", "max_tokens": 1}).status_code == 200


def test_clients_that_send_or_read_slowly_lose_their_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slow headers (Slowloris) and answers that nobody takes: each connection ends by itself."""
    from uvicorn.server import ServerState

    monkeypatch.setattr(link, "HEADER_SECONDS", 0.05)
    monkeypatch.setattr(link, "READER_SECONDS", 0.05)
    monkeypatch.setattr(link, "LINGER_SECONDS", 0.0)

    async def ended(act: Any) -> bytes:
        app = create_app(Served(Stub(), Turns(), Access("a" * 30)))
        config = configure(app)
        config.load()
        kind = cast(Any, config.http_protocol_class)
        plug, made = Plug(), kind(config=config, server_state=ServerState(), app_state={})
        made.connection_made(plug)
        act(made)
        async with asyncio.timeout(10):
            while not plug.closed:
                await asyncio.sleep(0.01)
        made.connection_lost(None)
        return bytes(plug.said)

    for begun in (b"", b"GET /healthz HTTP/1.1\r\nHost: a\r\nA", b"GET"):
        assert asyncio.run(ended(lambda made, begun=begun: begun and made.data_received(begun))).startswith(
            b"HTTP/1.1 408"
        )
    monkeypatch.setattr(link, "HEADER_SECONDS", 60)
    assert asyncio.run(ended(lambda made: made.pause_writing())) == b""


OFFERED = (  # by other servers to whoever comes: to fetch, give away, change or stop models, and to look inside
    "/api/pull", "/api/push", "/api/create", "/api/delete", "/api/tags", "/slots", "/props", "/metrics", "/docs",
    "/lora-adapters", "/v1/load_lora_adapter", "/shutdown", "/v1/internal/model/load", "/redoc", "/openapi.json",
    "/collective_rpc", "/update_weights_from_disk", "/tokenize",
)  # fmt: skip


def test_nothing_but_health_is_told_or_done_without_a_token(server: Running) -> None:
    """Ollama, and servers of its kind, on 0.0.0.0 without any login: 300,000 of them were found."""
    base = server.url.removesuffix("/v1")
    token = {"Authorization": f"Bearer {server.token}"}
    described = httpx.get(f"{base}/openapi.json", headers=token).json()
    open_to_all = {path for path, all_ in described["paths"].items() for one in all_.values() if one["security"] == []}
    assert open_to_all == {"/healthz"}
    with httpx.Client(timeout=30) as client:
        for path, operations in described["paths"].items():
            if path in open_to_all:
                continue
            for method in operations:
                reply = client.request(
                    method, base + re.sub(r"{\w+}", "a", path), json={} if method == "post" else None
                )
                assert reply.status_code == 401, path
        for path in OFFERED:
            for method in ("GET", "POST"):
                assert client.request(method, base + path).status_code == 401, path
                if path not in ("/metrics", "/openapi.json"):
                    assert client.request(method, base + path, headers=token).status_code in (404, 405), path


def test_who_may_ask_may_not_administer_or_see_the_log(tmp_path: Path) -> None:
    """The same from within: a token with the role `ask` alone."""
    tokens = Tokens(tmp_path / "serve")
    token = tokens.make("ward", ["ask"])
    log = AuditLog.open(tmp_path / "log", organisation(), "a/doses", Keep(), disk=Quick(), publish_every=None)
    app = create_app(Served(Stub(), Turns(), Access("o" * 30, tokens), log=log))

    async def statuses() -> dict[str, int]:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://a", headers={"Authorization": f"Bearer {token}"}
        ) as client:
            asked = {"models": await client.get("/v1/models")}
            for name in ("checkpoint", "entries", "tile/0/000", "consistency?size=1", "texts/chatcmpl-0"):
                asked[name] = await client.get(f"/v1/log/{name}")
            asked["erase"] = await client.post("/v1/log/erase", json={"who": "ward"})
            return {name: reply.status_code for name, reply in asked.items()}

    with log:
        found = asyncio.run(statuses())
    assert found.pop("models") == 200
    assert set(found.values()) == {403}


@pytest.mark.parametrize("name", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.evil.example",
                                  "169.254.169.254", "", "127.0.0.1@evil.example", "[::ffff:1.2.3.4]"])  # fmt: skip
def test_a_page_that_points_its_own_name_at_this_machine_gets_nothing(server: Running, name: str) -> None:
    """DNS rebinding: the browser of somebody here asks, for a page of somebody elsewhere."""
    said = raw(server, head(server, host=name))
    assert re.match(rb"HTTP/1\.1 (400|421) ", said), said[:100]
    assert raw(server, head(server, "Host: localhost", host="evil.example")).startswith(b"HTTP/1.1 400")


def test_pages_of_other_sites_may_neither_ask_nor_read(server: Running) -> None:
    """CORS: no answer allows another origin, and what a page could send without asking first is refused."""
    base, origin = server.url, {"Origin": "http://evil.example"}
    token = {"Authorization": f"Bearer {server.token}"}
    asks = {**origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    replies = [
        httpx.options(f"{base}/chat/completions", headers=asks),
        httpx.options(f"{base}/chat/completions", headers={**asks, **token}),
        httpx.get(f"{base}/models", headers={**origin, **token}),
        httpx.post(
            f"{base}/completions", json={"model": "doses", "prompt": "a", "max_tokens": 1}, headers={**origin, **token}
        ),
        httpx.get(base.removesuffix("/v1") + "/healthz", headers=origin),
    ]
    assert not [name for reply in replies for name in reply.headers if name.startswith("access-control-")]
    assert [reply.status_code for reply in replies[:2]] == [401, 405]
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=a"):
        reply = httpx.post(
            f"{base}/chat/completions", content=json.dumps(ASKED), headers={**token, "Content-Type": kind}
        )
        assert reply.status_code == 415


@pytest.mark.parametrize(
    "lines",
    [("Content-Length: 4", "Transfer-Encoding: chunked"), ("Transfer-Encoding: chunked",),
     ("Content-Length: 4", "Content-Length: 5"), ("Content-Length: +4",),
     ("Content-Length: -1",), ("Content-Length : 4",), ("Transfer-Encoding: xchunked",)],
)  # fmt: skip
def test_a_request_that_two_readers_would_end_at_different_places_is_refused(
    server: Running, lines: tuple[str, ...]
) -> None:
    """Request smuggling behind a reverse proxy: two lengths for one body."""
    asked = head(server, "Content-Type: application/json", *lines, first="POST /v1/completions HTTP/1.1")
    reply = raw(server, asked + b"0\r\n\r\nGET /v1/models HTTP/1.1\r\n\r\n")
    assert re.match(rb"HTTP/1\.1 (400|411|501) ", reply), reply[:100]
    assert reply.count(b"HTTP/1.1 ") == 1
