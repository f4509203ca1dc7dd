"""What a hostile client meets before any route: bounds on headers, bodies, time and connections, each told by name."""

from __future__ import annotations

import json
import signal
import socket
import ssl
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helder.errors import ExitCode, HelderError
from helder.serve import api, bodies
from helder.serve.refusals import Refused
from tests.serve.running import Running, start

ASKED = {"model": "doses", "messages": [{"role": "user", "content": "2 tabs tds pc"}]}


def refusal(body: bytes) -> str | None:
    try:
        bodies.check(body)
    except Refused as refused:
        assert refused.status == 400
        return refused.message
    return None


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"a": "\xff"}', "not UTF-8: byte 7"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        (b'{"a": 1, "a": 2}', "`a` stands twice"),
        (b'{"a": {"\\u001b[2Jb": 1, "\\u001b[2Jb": 1}}', "`�[2Jb` stands twice"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": -Infinity}', "-Infinity"),
        (b'{"a": "\\ud800"}', "surrogate"),
        (b'{"a": [["\\udfff"]]}', "surrogate"),
        (b'{"\\ud800": 1}', "surrogate"),
        (b"[" * 1000 + b"]" * 1000, "64 levels"),
        (b'{"a":' * 70 + b"1" + b"}" * 70, "64 levels"),
        (b"[" * 2_000_000, "100,000 values"),
        (b'{"a": [' + b"1," * 200_000 + b"1]}", "100,000 values"),
        (b'{"a": ' + b"9" * 5000 + b"}", "40 digits"),
        (b'{"a": 1e' + b"9" * 50 + b"}", "40 digits"),
        (b"{" + b'"\\"' * 1_000_000, "not JSON"),
        (b'{"a": "' + b"\\" * 999_999, "not JSON"),
        (b"{}}", "not JSON"),
        (b"", "not JSON"),
    ],
)
def test_a_body_that_two_readers_could_understand_differently_is_refused(body: bytes, said: str) -> None:
    begun = time.process_time()
    assert said in (refusal(body) or "")
    assert time.process_time() - begun < 1  # linear, whatever stands in it


def test_brackets_and_digits_in_texts_do_not_count() -> None:
    text = "[" * 100_000 + ",{" * 100_000 + "9" * 100_000 + '\\"[['
    assert refusal(json.dumps({"content": text}).encode()) is None


@settings(max_examples=60, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
        max_leaves=20,
    )
)
def test_json_of_reasonable_size_is_let_through(value: object) -> None:
    assert refusal(json.dumps(value, ensure_ascii=False).encode()) is None
    assert refusal(json.dumps(value).encode()) is None


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=80) | st.text('{}[]",:\\u0d8aé1e-+', max_size=60).map(str.encode))
def test_nothing_but_json_that_python_reads_is_let_through(body: bytes) -> None:
    if refusal(body) is None:
        json.loads(body)


def raw(server: Running, data: bytes, seconds: float = 10) -> bytes:
    """What the server says to some bytes, until it closes or says nothing more."""
    url = httpx.URL(server.url)
    said = b""
    with socket.create_connection((url.host, url.port or 0), timeout=seconds) as plug:
        try:
            plug.sendall(data)
            while chunk := plug.recv(65536):
                said += chunk
                if b"\r\n\r\n" in said and not said.startswith(b"HTTP/1.1 100"):
                    break
        except (TimeoutError, ConnectionError):
            pass
    return said


def head(server: Running, *lines: str, first: str = "GET /v1/models HTTP/1.1", host: str = "localhost") -> bytes:
    said = [first, f"Host: {host}", f"Authorization: Bearer {server.token}", *lines]
    return ("\r\n".join(said) + "\r\n\r\n").encode("latin-1")


def test_headers_beyond_16_kb_are_refused_by_name(server: Running) -> None:
    fits = raw(server, head(server, "X-A: " + "a" * 12_000))
    assert fits.startswith(b"HTTP/1.1 200")
    for data in (
        head(server, "X-A: " + "a" * 20_000),
        head(server, first="GET /" + "a" * 100_000 + " HTTP/1.1"),
        head(server, *[f"X-{number}: {number}" for number in range(3000)]),
        b"G" * 100_000,
    ):
        assert raw(server, data).startswith(b"HTTP/1.1 431")


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", b"400"),
        (b"GET / HTTP/9.9\r\n\r\n", b"421"),
        (b"GET /v1/models HTTP/1.1\r\n\r\n", b"400"),  # no Host
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", b"421"),
        (b"GET / HTTP/1.1\r\nHost: 127.0.0.1.evil.example:80\r\n\r\n", b"421"),
    ],
)
def test_what_is_no_request_to_this_server_is_refused(server: Running, data: bytes, status: bytes) -> None:
    assert raw(server, data).startswith(b"HTTP/1.1 " + status)


def test_headers_that_say_who_or_how_much_stand_there_once(server: Running) -> None:
    assert raw(server, head(server, "Authorization: Bearer x")).startswith(b"HTTP/1.1 400")
    post = "POST /v1/completions HTTP/1.1"
    assert raw(server, head(server, "Transfer-Encoding: chunked", first=post)).startswith(b"HTTP/1.1 411")
    assert raw(server, head(server, "Content-Length: 2", "Content-Type: text/plain", first=post) + b"{}").startswith(
        b"HTTP/1.1 415"
    )


def test_who_is_slow_with_headers_or_body_is_told_so(finished_home: tuple[Path, Path], tmp_path: Path) -> None:
    """With the patience of the server made short; the bounds themselves are constants."""
    running = start(*finished_home, prepare="from helder.serve import gate, link; gate.BODY_SECONDS = 0.3; "
                    "link.HEADER_SECONDS = 0.3; link.READER_SECONDS = 0.5")  # fmt: skip
    try:
        assert raw(running, b"").startswith(b"HTTP/1.1 408")
        assert raw(running, b"GET /v1/models HTTP/1.1\r\nHost: local").startswith(b"HTTP/1.1 408")
        half = head(
            running, "Content-Length: 100", "Content-Type: application/json", first="POST /v1/completions HTTP/1.1"
        )
        assert raw(running, half + b'{"model"').startswith(b"HTTP/1.1 408")
        # A client that asks again and again and never reads loses its connection, and nobody else notices.
        url = httpx.URL(running.url)
        with socket.create_connection((url.host, url.port or 0), timeout=20) as plug:
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            with pytest.raises(ConnectionError):
                while True:
                    plug.sendall(head(running) * 100)
        assert running.post("/chat/completions", ASKED).status_code == 200
    finally:
        running.process.kill()
        running.process.wait()


def test_every_answer_forbids_to_guess_its_type_or_to_keep_it(server: Running) -> None:
    for reply in (server.post("/chat/completions", ASKED), httpx.get(server.url + "/models")):
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["cache-control"] == "no-store"
        assert reply.headers["referrer-policy"] == "no-referrer"


def test_told_to_end_the_server_answers_what_is_under_way_and_sends_others_away(
    finished_home: tuple[Path, Path],
) -> None:
    running = start(*finished_home)
    headers = {"Authorization": f"Bearer {running.token}"}
    body = {**ASKED, "stream": True, "temperature": 2, "seed": 1}
    with httpx.Client(headers=headers, timeout=30) as other:
        assert other.get(running.url + "/models").status_code == 200
        with httpx.stream("POST", running.url + "/chat/completions", json=body, headers=headers, timeout=30) as reply:
            lines = reply.iter_lines()
            next(lines)
            running.process.send_signal(signal.SIGTERM)
            deadline = time.monotonic() + 10
            while (told := other.get(running.url + "/models")).status_code == 200 and time.monotonic() < deadline:
                pass
            rest = list(lines)
        if told.status_code != 503:  # the answer was over first
            pytest.fail(f"{told.status_code} {rest[-3:]}")
    assert told.headers["retry-after"] == "5"
    assert rest[-2:] == ["data: [DONE]", ""]
    assert running.process.wait(20) == ExitCode.DONE
    assert running.process.stderr and running.process.stderr.read() == "Stopped.\n"


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1, signed by itself."""
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "helder test")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "cert.pem", folder / "key.pem"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain, pkcs8 = serialization.NoEncryption(), serialization.PrivateFormat.PKCS8
    paths[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, pkcs8, plain))
    paths[1].chmod(0o600)
    return paths


def test_another_address_is_served_with_tls_and_only_so(finished_home: tuple[Path, Path], tmp_path: Path) -> None:
    paths = certificate(tmp_path)
    running = start(*finished_home, "--host", "0.0.0.0", "--tls-cert", str(paths[0]), "--tls-key", str(paths[1]))
    try:
        url = running.url.replace("0.0.0.0", "127.0.0.1")
        assert url.startswith("https://")
        trusts = ssl.create_default_context(cafile=str(paths[0]))
        headers = {"Authorization": f"Bearer {running.token}"}
        assert httpx.get(url + "/models", verify=trusts, headers=headers).json()["data"][0]["id"] == "doses"
        assert httpx.get(url + "/models", verify=trusts).status_code == 401
        with pytest.raises(httpx.HTTPError):
            httpx.get(url.replace("https", "http") + "/models", headers=headers)
    finally:
        running.process.kill()
        running.process.wait()


def test_a_certificate_that_does_not_fit_or_a_key_that_others_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    paths, other = certificate(tmp_path), certificate(tmp_path / "other")
    with pytest.raises(HelderError, match="cannot be used"):
        api._check_tls(paths[0], other[1])
    with pytest.raises(HelderError, match="cannot be used"):
        api._check_tls(paths[0], tmp_path / "nothing")
    paths[1].chmod(0o604)
    with pytest.raises(HelderError, match="Others can read") as caught:
        api._check_tls(*paths)
    assert caught.value.code == ExitCode.REFUSED
    encrypted = subprocess.run(
        ["openssl", "ec", "-aes128", "-passout", "pass:secret", "-in", str(other[1])], capture_output=True, check=True
    )
    other[1].write_bytes(encrypted.stdout)
    other[1].chmod(0o600)
    with pytest.raises(HelderError, match="cannot be used"):
        api._check_tls(*other)


def test_a_name_that_is_no_address_is_refused() -> None:
    with pytest.raises(HelderError, match="is not an address"):
        api.listen("ward.example", 0, tls=True)
