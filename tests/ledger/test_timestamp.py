from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric import ec

from helder.errors import ExitCode, HelderError
from helder.ledger import timestamp

DIGEST = hashlib.sha256(b"a release").hexdigest()
POLICY = """\
[ tsa ]
default_tsa = local
[ local ]
serial = serial
crypto_device = builtin
signer_cert = signer.pem
signer_key = signer.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha512
accuracy = secs:1
ordering = no
tsa_name = no
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""


def certificate(
    name: str, key: ec.EllipticCurvePrivateKey, issuer: str, by: ec.EllipticCurvePrivateKey, stamps: bool
) -> bytes:
    """A certificate in PEM form, valid from yesterday until tomorrow."""
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=not stamps, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), critical=False)
    )
    if stamps:
        usage = x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.TIME_STAMPING])
        builder = builder.add_extension(usage, critical=True)
    return builder.sign(by, hashes.SHA256()).public_bytes(form.Encoding.PEM)


class Authority:
    """A time stamping authority made of `openssl ts`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        root, signer = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        self.root = certificate("root", root, "root", root, stamps=False)
        pem = (form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
        (folder / "root.pem").write_bytes(self.root)
        (folder / "signer.pem").write_bytes(certificate("stamps", signer, "root", root, stamps=True))
        (folder / "signer.key").write_bytes(signer.private_bytes(*pem))
        (folder / "tsa.cnf").write_text(POLICY, encoding="ascii")
        (folder / "serial").write_text("01\n", encoding="ascii")

    def stamp(self, asked: bytes) -> bytes:
        (self.folder / "query").write_bytes(asked)
        self.openssl("-reply", "-config", "tsa.cnf", "-queryfile", "query", "-out", "reply")
        return (self.folder / "reply").read_bytes()

    def openssl(self, *arguments: str) -> str:
        command = ["openssl", "ts", *arguments]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    if shutil.which("openssl") is None:
        pytest.skip("the program openssl, which plays the authority, is not installed")
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def token(authority: Authority) -> bytes:
    return authority.stamp(timestamp.request(DIGEST))


@pytest.fixture
def library() -> None:
    pytest.importorskip("rfc3161_client", reason="rfc3161-client is not installed: pip install 'helder[timestamp]'")


def test_a_request_reads_as_one(authority: Authority) -> None:
    (authority.folder / "asked").write_bytes(timestamp.request(DIGEST))
    told = authority.openssl("-query", "-in", "asked", "-text")
    assert "Hash Algorithm: sha256" in told
    assert "Certificate required: yes" in told
    shown = "".join(line[11:58] for line in told.splitlines() if line.startswith("    00"))
    assert shown.replace("-", "").replace(" ", "") == DIGEST
    assert timestamp.request(DIGEST) == timestamp.request(DIGEST)


@pytest.mark.parametrize("digest", ["", "0" * 63, "A" * 64, "g" * 64])
def test_what_is_no_digest_is_not_stamped(digest: str) -> None:
    with pytest.raises(ValueError):
        timestamp.request(digest)


@pytest.mark.usefixtures("library")
def test_a_time_stamp_says_when(authority: Authority, token: bytes) -> None:
    stated = timestamp.verify(token, DIGEST, [authority.root])
    assert stated.tzinfo is UTC
    assert abs(datetime.now(UTC) - stated) < timedelta(minutes=10)
    assert timestamp.verify(token, DIGEST, [authority.root + authority.root, authority.root]) == stated


@pytest.mark.usefixtures("library")
def test_a_time_stamp_over_something_else_is_a_failed_check(authority: Authority, token: bytes) -> None:
    for digest, stamped in (
        (hashlib.sha256(b"other").hexdigest(), token),
        (DIGEST, authority.stamp(timestamp.request("0" * 64))),
    ):
        with pytest.raises(HelderError) as caught:
            timestamp.verify(stamped, digest, [authority.root])
        assert caught.value.code == ExitCode.FAILED


@pytest.mark.usefixtures("library")
def test_a_stranger_is_not_believed(token: bytes, tmp_path: Path) -> None:
    with pytest.raises(HelderError) as caught:
        timestamp.verify(token, DIGEST, [Authority(tmp_path).root])
    assert caught.value.code == ExitCode.FAILED
    with pytest.raises(HelderError) as caught:
        timestamp.verify(token, DIGEST, [])
    assert caught.value.code == ExitCode.UNCHECKED


@pytest.mark.usefixtures("library")
def test_no_changed_byte_of_a_time_stamp_gives_another_time(authority: Authority, token: bytes) -> None:
    stated, refused = timestamp.verify(token, DIGEST, [authority.root]), 0
    for place in range(len(token)):
        changed = token[:place] + bytes([token[place] ^ 1]) + token[place + 1 :]
        try:
            assert timestamp.verify(changed, DIGEST, [authority.root]) == stated
        except HelderError as error:
            assert error.code == ExitCode.FAILED
            refused += 1
    assert refused > len(token) / 2  # some bytes are about nothing: certificates that are not needed


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("data", [b"", b"0", b"\x30\x03\x02\x01\x02", bytes(100)])
def test_what_is_no_time_stamp_is_refused(authority: Authority, data: bytes) -> None:
    with pytest.raises(HelderError) as caught:
        timestamp.verify(data, DIGEST, [authority.root])
    assert caught.value.code == ExitCode.FAILED


@pytest.mark.usefixtures("library")
def test_a_refusal_of_the_authority_is_no_time_stamp(authority: Authority) -> None:
    asked = timestamp.request(DIGEST).replace(
        bytes.fromhex("0609608648016503040201"), bytes.fromhex("0609608648016503040204")
    )
    with pytest.raises(HelderError) as caught:  # it does not stamp SHA-224
        timestamp.verify(authority.stamp(asked), DIGEST, [authority.root])
    assert caught.value.code == ExitCode.FAILED


def test_without_the_library_it_could_not_be_checked(monkeypatch: pytest.MonkeyPatch, authority: Authority) -> None:
    monkeypatch.setitem(sys.modules, "rfc3161_client", None)
    with pytest.raises(HelderError, match="rfc3161-client") as caught:
        timestamp.verify(b"", DIGEST, [authority.root])
    assert caught.value.code == ExitCode.UNCHECKED


# -- sending ----------------------------------------------------------------------------------------------------


@pytest.fixture
def address(authority: Authority) -> Iterator[str]:
    """The authority as a server on this machine."""

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = self.rfile.read(int(self.headers["Content-Length"]))
            wanted = self.headers["Content-Type"] == "application/timestamp-query" and self.path != "/fails"
            data = authority.stamp(asked) if wanted else b""
            if self.path == "/large":
                data = bytes(timestamp.LARGEST + 1)
            self.send_response(200 if wanted else 500)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.usefixtures("library")
def test_an_authority_is_asked_when_the_network_is_allowed(authority: Authority, address: str) -> None:
    token = timestamp.send(timestamp.request(DIGEST), address, allow_network=True)
    timestamp.verify(token, DIGEST, [authority.root])


def test_nothing_is_sent_without_permission(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("urllib.request.urlopen", lambda *_, **__: pytest.fail("a connection was opened"))
    with pytest.raises(HelderError, match="network was not allowed") as caught:
        timestamp.send(b"", "https://tsa.example.org", allow_network=False)
    assert caught.value.code == ExitCode.REFUSED
    for other in ("file:///etc/passwd", "ftp://x", ""):
        with pytest.raises(HelderError, match="not the address"):
            timestamp.send(b"", other, allow_network=True)


def test_an_authority_that_fails_is_told(address: str) -> None:
    for where, told in (("/fails", "did not answer"), ("/large", "more than")):
        with pytest.raises(HelderError, match=told):
            timestamp.send(timestamp.request(DIGEST), address + where, allow_network=True)
    with pytest.raises(HelderError, match="did not answer"):
        timestamp.send(b"", "http://127.0.0.1:1", allow_network=True)
