"""Time stamps after RFC 3161: that somebody else saw a digest, and when.

A release says when it was made as its signer's clock said. A time stamp is the word of a time stamping authority (TSA)
that the digest was there at that time; it shows that a signature was made before a key was retired or stolen. Whom to
believe is the caller's to say, with the authority's root certificates. Optional: reading tokens needs
`rfc3161-client` (`pip install 'helder[timestamp]'`), and only `send` opens a connection, when it is allowed to.

Verify an answer when it comes, not only later: the library takes DER alone, and an authority that sends its
certificates in another order (as `openssl ts` does with more than one) is refused as damaged.
Not looked at: whether a certificate was revoked. A request carries no nonce: the digest is new each time, and an older
token for the same digest would say nothing false.
"""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from helder.errors import ExitCode, HelderError
from helder.ledger import der
from helder.ledger.envelope import failed

if TYPE_CHECKING:
    from rfc3161_client import TimeStampResponse

SHA256 = "2.16.840.1.101.3.4.2.1"  # NIST's arc of hash algorithms
PATIENCE = 30.0  # seconds to wait for the authority (assumption)
LARGEST = 1_000_000  # bytes of an answer; assumption: those with a chain of RSA certificates have some 6 kB


def request(digest: str) -> bytes:
    """The request (TimeStampReq in DER) for a time stamp over a SHA-256, with the authority's certificate asked for.

    Args:
        digest: 64 hexadecimal digits.
    """
    imprint = der.pack(
        der.SEQUENCE,
        der.pack(der.SEQUENCE, der.identifier(SHA256), der.NULL),
        der.pack(der.OCTETS, _digest(digest)),
    )
    return der.pack(der.SEQUENCE, der.integer(1), imprint, der.TRUE)


def send(asked: bytes, address: str, *, allow_network: bool) -> bytes:
    """Ask an authority; its answer (TimeStampResp in DER), to be kept beside what was stamped. Not verified yet.

    Raises:
        HelderError: the network was not allowed (code 5), or the authority did not answer.
    """
    if not address.startswith(("http://", "https://")):
        raise HelderError(f"{address!r} is not the address of a time stamping authority.", "It begins with https://.")
    if not allow_network:
        raise HelderError(
            f"A time stamp has to be asked for at {address}, and the network was not allowed.",
            "Helder opens no connection unless the command says so. The authority would see one digest, nothing else.",
            "Allow it with --allow-network.",
            ExitCode.REFUSED,
        )
    head = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}
    try:
        with urllib.request.urlopen(  # the scheme is checked above
            urllib.request.Request(address, data=asked, headers=head, method="POST"), timeout=PATIENCE
        ) as answer:
            data: bytes = answer.read(LARGEST + 1)
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise HelderError(
            f"The authority at {address} did not answer.", str(error), "Try again, or another authority."
        ) from error
    if len(data) > LARGEST:
        raise HelderError(f"The authority at {address} sent more than {LARGEST:,} bytes.", fix="Try another authority.")
    return data


def verify(token: bytes, digest: str, roots: Iterable[bytes], where: str = "The time stamp") -> datetime:
    """The time that the authority states, in UTC, if one of `roots` stands behind it and it is about this digest.

    Certificates must have been valid at the stated time, not now.

    Args:
        token: what `send` gave.
        digest: the SHA-256 that was stamped, in hexadecimal.
        roots: certificates in PEM form of the authorities that are believed, several in one file allowed.

    Raises:
        HelderError: code 3, it is about something else, is not signed by a believed authority, or is damaged; code 4,
            the library that reads it is missing, or no authority is believed.
    """
    from cryptography import x509

    try:
        import rfc3161_client
    except ModuleNotFoundError as error:
        raise HelderError(
            f"{where} cannot be checked without the library rfc3161-client.",
            fix="pip install 'helder[timestamp]'",
            code=ExitCode.UNCHECKED,
        ) from error
    try:
        believed = [certificate for pem in roots for certificate in x509.load_pem_x509_certificates(pem)]
    except ValueError as error:
        raise HelderError("A certificate of an authority cannot be read.", str(error), "It is a PEM file.") from error
    if not believed:
        raise HelderError(
            f"{where} cannot be checked: no time stamping authority is believed.",
            fix="Name the root certificate of the authority.",
            code=ExitCode.UNCHECKED,
        )
    expected = _digest(digest)
    try:
        answer: TimeStampResponse = rfc3161_client.decode_timestamp_response(token)
        imprint = answer.tst_info.message_imprint
        # The library compares the digest only, not what kind of digest it is.
        if imprint.hash_algorithm != x509.ObjectIdentifier(SHA256) or imprint.message != expected:
            raise failed(where, "It is about something else.")
        builder = rfc3161_client.VerifierBuilder()
        for root in dict.fromkeys(believed):
            builder = builder.add_root_certificate(root)
        builder.build().verify(answer, expected)
        stated: datetime = answer.tst_info.gen_time
    except (ValueError, rfc3161_client.VerificationError) as error:
        raise failed(where, f"{str(error) or type(error).__name__}.") from error
    return stated.replace(tzinfo=UTC) if stated.tzinfo is None else stated.astimezone(UTC)


def _digest(digest: str) -> bytes:
    if len(digest) != 64 or set(digest) - set("0123456789abcdef"):
        raise ValueError(f"{digest!r} is not a SHA-256 in hexadecimal")
    return bytes.fromhex(digest)
