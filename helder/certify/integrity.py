"""Level 1: every file is what was signed, nothing is missing, nothing is there that was not signed.

It says whose signatures fit and whether the verifier knows these keys. A signature of an unknown key proves that
somebody signed, and no more: that is "could not be checked", never "passed".
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from helder.certify import layout
from helder.certify.opened import Bundle, files_of, keys_in
from helder.certify.verdict import Level, Signer
from helder.errors import ExitCode, HelderError
from helder.ledger import envelope, model_signing, predicates, timestamp
from helder.ledger.artifact import hash_file, manifest_digest
from helder.ledger.envelope import Opened
from helder.ledger.keys import PublicKey

SHORT = 12  # digits of a key's id in the name of its file
MOST_NAMED = 20  # files named one by one before the rest is counted


def open_bundle(root: Path, trusted: Sequence[PublicKey], level: Level) -> tuple[Bundle | None, list[Signer]]:
    """Open the release of a bundle and say who signed it.

    Args:
        trusted: the keys that the verifier believes.
        level: gets what was found.

    Returns:
        None when there is no release that can be read: then nothing else can be looked at.
    """
    try:
        data = layout.read(root / layout.RELEASE)
        opened = envelope.open(data, [*trusted, *keys_in(root)], layout.RELEASE)
        statement = predicates.read(opened.payload, predicates.RELEASE, layout.RELEASE)
        files = files_of(statement["predicate"]["files"])
        withheld = files_of(statement["predicate"]["withheld"])
    except HelderError as error:
        level.failed(layout.RELEASE, f"{error.what} {error.why}".strip())
        return None, []
    known = {key.id for key in trusted}
    signers = [Signer(key.id, key.id in known) for key in opened.signers]
    _judge_signers(opened, signers, level)
    both = sorted(files.keys() & withheld.keys())
    if both:
        level.failed(both[0], "It is listed as a file of the bundle and as withheld.")
    subject = manifest_digest(sorted(files.values(), key=lambda entry: entry.path))
    if statement["subject"][0]["digest"]["sha256"] != subject:
        level.failed(layout.RELEASE, "Its subject is not the digest of its own list of files.")
    return Bundle(root, opened.payload, statement, files, withheld), signers


def check(bundle: Bundle, signers: Sequence[Signer], level: Level, authorities: Sequence[bytes] = ()) -> None:
    """Hold every file against the release, and the page against its own statement.

    Args:
        authorities: root certificates, in PEM, of those whose time stamps are believed.
    """
    _page(bundle, signers, level)
    names = _names(bundle, signers, level)
    _digests(bundle, names, level)
    _model_signatures(bundle, signers, level)
    _time_stamp(bundle, authorities, level)


def _judge_signers(opened: Opened, signers: Sequence[Signer], level: Level) -> None:
    for broken in opened.broken:
        level.failed(layout.RELEASE, f"The signature of the key {broken[:16]}… does not fit what is written.")
    for unknown in opened.unknown:
        level.note(layout.RELEASE, f"It is also signed by the key {unknown[:16]}…, which is not in the bundle.")
    known = [signer for signer in signers if signer.known]
    for signer in known:
        level.passed(layout.RELEASE, f"It is signed by the key {signer.id}, which you believe.")
    if known:
        return
    if not signers:
        level.failed(layout.RELEASE, "No signature on it fits.")
        return
    whose = ", ".join(signer.id for signer in signers)
    level.unchecked(
        layout.RELEASE,
        f"It is signed by a key that you do not know ({whose}): anybody can have made it. Ask the makers for their "
        "public key by another way than this bundle, and give it with --key.",
    )


def _page(bundle: Bundle, signers: Sequence[Signer], level: Level) -> None:
    """certificate.html, which is made after the release and shows it."""
    try:
        data = layout.read(bundle.root / layout.PAGE_STATEMENT)
        opened = envelope.open(data, keys_in(bundle.root), layout.PAGE_STATEMENT)
        predicate = predicates.read(opened.payload, predicates.CERTIFICATE, layout.PAGE_STATEMENT)["predicate"]
        page = hash_file(bundle.root / layout.PAGE)[1]
    except (HelderError, OSError) as error:
        what = f"{error.what} {error.why}".strip() if isinstance(error, HelderError) else f"It cannot be read: {error}."
        level.failed(layout.PAGE, what)
        return
    if not {key.id for key in opened.signers} & {signer.id for signer in signers}:
        level.failed(layout.PAGE_STATEMENT, "It is not signed by a key that signed the release.")
    elif predicate["release"] != bundle.digest:
        level.failed(layout.PAGE_STATEMENT, "It speaks of another release.")
    elif predicate["page"] != page:
        level.failed(layout.PAGE, "It is not the page that was signed.")
    else:
        level.passed(layout.PAGE, "It is the page that was signed.")


def _names(bundle: Bundle, signers: Sequence[Signer], level: Level) -> list[str]:
    """The listed files that are there; whatever else lies in the folder is a failure."""
    # Whoever signs later adds a key to those that are listed; it is there for its signature and for nothing else.
    later = {f"{layout.KEYS}/{signer.id[:SHORT]}.pem" for signer in signers}
    known = {*bundle.files, *layout.OUTSIDE, *later}
    there: set[str] = set()
    strange: list[tuple[str, str]] = []
    for path, wrong in layout.names(bundle.root, known):
        if wrong or path not in known:
            strange.append((path, wrong or "it is not in the signed list"))
        else:
            there.add(path)
    for path, why in sorted(strange)[:MOST_NAMED]:
        held = " and said to be withheld" if path in bundle.withheld else ""
        level.failed(path, f"This file does not belong to the bundle: {why}{held}.")
    if len(strange) > MOST_NAMED:
        more = "at least " if len(strange) > layout.MOST_UNLISTED else ""
        level.failed(".", f"{more}{len(strange) - MOST_NAMED} more files do not belong to the bundle.")
    missing = sorted(bundle.files.keys() - there - {path for path, _ in strange})
    for path in missing[:MOST_NAMED]:
        level.failed(path, "This file is missing.")
    if len(missing) > MOST_NAMED:
        level.failed(".", f"{len(missing) - MOST_NAMED} more files are missing.")
    return sorted(there & bundle.files.keys())


def _digests(bundle: Bundle, paths: Sequence[str], level: Level) -> None:
    def compare(path: str) -> tuple[str, str | None]:
        expected = bundle.files[path]
        try:
            size = (bundle.root / path).lstat().st_size
            if size != expected.size:
                return path, f"It has {size:,} bytes; {expected.size:,} were signed."
            return path, None if hash_file(bundle.root / path)[1] == expected.sha256 else "Its content was changed."
        except OSError as error:
            return path, f"It cannot be read: {error.strerror}."

    # Large files first: none is left to one thread at the end.
    order = sorted(paths, key=lambda path: (-bundle.files[path].size, path))
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        wrong = sorted((path, why) for path, why in pool.map(compare, order) if why is not None)
    for path, why in wrong[:MOST_NAMED]:
        level.failed(path, why)
    if len(wrong) > MOST_NAMED:
        level.failed(".", f"{len(wrong) - MOST_NAMED} more files are not what was signed.")
    size = sum(bundle.files[path].size for path in paths)
    level.facts |= {"files": len(paths), "bytes": size, "withheld": len(bundle.withheld)}
    if paths and not wrong:
        level.passed(".", f"{len(paths)} files, {size:,} bytes, are what was signed.")


def _model_signatures(bundle: Bundle, signers: Sequence[Signer], level: Level) -> None:
    """The OpenSSF Model Signing bundles say the same as the release."""
    own = [key for key in keys_in(bundle.root) if key.id in {signer.id for signer in signers}]
    for entry in bundle.below(layout.SIGNATURES):
        try:
            signed = model_signing.listed(layout.read(bundle.root / entry.path), own, entry.path)
        except HelderError as error:
            level.failed(entry.path, f"{error.what} {error.why}".strip())
            continue
        expected = resources(bundle, entry.path)
        if signed != expected:
            level.failed(entry.path, "It signs other files than the release does.")
        else:
            level.passed(entry.path, f"It signs {len(signed)} files as the release does.")


def _time_stamp(bundle: Bundle, authorities: Sequence[bytes], level: Level) -> None:
    """When an authority saw the release, if it was asked."""
    path = bundle.root / layout.TIME_STAMP
    if not path.exists() and not path.is_symlink():
        if authorities:
            level.unchecked(layout.TIME_STAMP, "There is no time stamp: when it was made stands on the signer's word.")
        return
    if not authorities:
        level.note(layout.TIME_STAMP, "It carries a time stamp; --authority names the certificate to check it with.")
        return
    try:
        stated = timestamp.verify(layout.read(path, timestamp.LARGEST), bundle.digest, authorities)
        level.passed(layout.TIME_STAMP, f"The authority saw it on {stated.isoformat(timespec='seconds')}.")
    except HelderError as error:
        tell = level.unchecked if error.code == ExitCode.UNCHECKED else level.failed
        tell(layout.TIME_STAMP, f"{error.what} {error.why}".strip())


def resources(bundle: Bundle, signature: str) -> dict[str, str]:
    """name → SHA-256 of what a model signature has to cover: signatures/X.sig signs artifacts/X, a folder or a file."""
    target = f"{layout.ARTIFACTS}/{signature.removeprefix(f'{layout.SIGNATURES}/').removesuffix('.sig')}"
    if target in bundle.files:
        return {".": bundle.files[target].sha256}
    return {entry.path.removeprefix(f"{target}/"): entry.sha256 for entry in bundle.below(target)}
