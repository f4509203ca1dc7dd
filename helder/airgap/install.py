"""Install Helder and a model from this folder, on a machine without a network. Needs Python and nothing else.

    python3 install.py                                        asks whether the key's fingerprint is the right one
    python3 install.py --fingerprint "12ab …" --into /opt/helder

In this order; nothing is installed, and nothing else of the folder is run, before the first three are done:

1. the list of files (manifest.dsse.json) is signed by the key whose fingerprint a person has from its owner;
2. this machine is the one that the folder was made for: system, processor, C library, Python, room on the disk;
3. every file is there, none is extra, none is a link, and each has its size and SHA-256. They are hashed while they
   are copied to this machine's disk, and only the copies are used: a stick can show another face the second time;
4. pip installs the wheels into an environment of their own, with no index, each held to its SHA-256 once more;
5. `helder verify` checks the model: its signature and its lineage;
6. all of it is renamed into its place, and `current` points to it. Before that nothing looks installed.

What a program cannot check is itself: who can write to the folder can change this file too. So check it before you
start it, with tools of this machine (KEY is the file in keys/ that the owner's fingerprint belongs to):

    openssl pkey -pubin -in KEY -outform DER | sha256sum      # the fingerprint: compare it with the owner's
    openssl dgst -sha256 -verify KEY -signature SHA256SUMS.sig SHA256SUMS
    sha256sum --check --quiet SHA256SUMS

Exit codes: 0 done, 1 you can fix it, 3 checked and failed, 4 could not be checked, 130 interrupted.
"""

# Read by Python 3.6 too, as far as the next lines: what is too old is told so, in a sentence.
import sys

if sys.version_info < (3, 11):  # noqa: UP036
    # In the oldest way of formatting, as everything above and the syntax of everything below.
    sys.exit(
        "This folder needs Python 3.11 or newer; this is {}.{}. Try: python3.11 install.py".format(*sys.version_info)
    )

if __name__ == "__main__" and not sys.flags.safe_path:
    # The folder of this file, where Python looks first: a json.py beside it would run before anything is checked.
    del sys.path[0]

import argparse
import base64
import contextlib
import fcntl
import hashlib
import json
import os
import platform
import re
import secrets
import shutil
import signal
import stat
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, NoReturn

LIST, SUMS, SUMS_SIGNATURE, KEYS = "manifest.dsse.json", "SHA256SUMS", "SHA256SUMS.sig", "keys"
OUTSIDE = (LIST, SUMS, SUMS_SIGNATURE)  # not in the list itself: they are made after it
PAYLOAD_TYPE = "application/vnd.in-toto+json"
KIND = "https://helder.dev/air-gap/v1"
MOST_LIST = 64 << 20  # bytes, as helder.ledger.envelope has it
MOST_KEYS, MOST_STRANGE, SHOWN = 16, 100, 8
CHUNK = 1 << 20
USER, FAILED, UNCHECKED, INTERRUPTED = 1, 3, 4, 130
SPARE = 64 << 20  # bytes that a disk keeps beside what is known to be needed; assumption

# The curve P-256: SEC 2, version 2.0, section 2.4.2.
P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
HEAD = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")  # SubjectPublicKeyInfo up to x and y


class Refused(Exception):
    """What happened, why, and the way out; with the exit code."""

    def __init__(self, what: str, why: str = "", fix: str = "", code: int = FAILED) -> None:
        super().__init__(what)
        self.what, self.why, self.fix, self.code = what, why, fix, code


@dataclass(frozen=True)
class Key:
    """A public key of the folder: where it lies, the SHA-256 of its SubjectPublicKeyInfo, and its point."""

    path: str
    id: str
    point: "tuple[int, int]"

    @property
    def fingerprint(self) -> str:
        return " ".join(self.id[place : place + 4] for place in range(0, len(self.id), 4))


@dataclass(frozen=True)
class Signed:
    """The list, signed by keys that lie in the folder; whether they are believed is another question.

    Attributes:
        id: SHA-256 of what is signed.
        files: path → size and SHA-256.
        signers: whose signature fits.
        outside: the files that no list can hold, as they were read and checked.
    """

    id: str
    said: "dict[str, Any]"
    files: "dict[str, tuple[int, str]]"
    signers: "list[Key]"
    outside: "dict[str, bytes]"


# -- signatures ------------------------------------------------------------------------------------------------------


def add(one: "tuple[int, int] | None", other: "tuple[int, int] | None") -> "tuple[int, int] | None":
    """The sum of two points of the curve; None is the point at infinity."""
    if one is None or other is None:
        return one or other
    if one[0] == other[0]:
        if (one[1] + other[1]) % P == 0:
            return None
        slope = 3 * (one[0] * one[0] - 1) * pow(2 * one[1], -1, P) % P
    else:
        slope = (other[1] - one[1]) * pow(other[0] - one[0], -1, P) % P
    x = (slope * slope - one[0] - other[0]) % P
    return x, (slope * (one[0] - x) - one[1]) % P


def verifies(point: "tuple[int, int]", signature: bytes, data: bytes) -> bool:
    """ECDSA on P-256 with SHA-256 (FIPS 186-5, section 6.4.2). All of it is public: time tells nobody anything."""
    numbers = integers(signature)
    if numbers is None or not all(0 < number < N for number in numbers):
        return False
    inverse = pow(numbers[1], -1, N)
    digest = int.from_bytes(hashlib.sha256(data).digest(), "big")
    first, second = digest * inverse % N, numbers[0] * inverse % N
    both, found = add(G, point), None
    for place in reversed(range(256)):
        found = add(found, found)
        bits = (first >> place & 1, second >> place & 1)
        found = add(found, both if bits == (1, 1) else G if bits[0] else point if bits[1] else None)
    return found is not None and found[0] % N == numbers[0]


def integers(signature: bytes) -> "tuple[int, int] | None":
    """The two numbers of a signature in DER, which has one way only to write them."""

    def written(number: int) -> bytes:
        data = number.to_bytes(number.bit_length() // 8 + 1, "big")
        return bytes((2, len(data))) + data

    try:
        length = signature[3]
        r, s = (int.from_bytes(part, "big") for part in (signature[4 : 4 + length], signature[6 + length :]))
    except IndexError:
        return None
    body = written(r) + written(s) if max(r, s) < 1 << 256 else b""
    return (r, s) if signature == bytes((48, len(body))) + body else None


def key_of(pem: bytes, path: str) -> Key:
    """A P-256 public key in PEM form."""
    found = re.fullmatch(rb"-----BEGIN PUBLIC KEY-----\s([A-Za-z0-9+/=\s]+)-----END PUBLIC KEY-----\s*", pem)
    try:
        der = base64.b64decode(b"".join(found.group(1).split()) if found else b"", validate=True)
    except ValueError:
        der = b""
    x, y = (int.from_bytes(part, "big") for part in (der[len(HEAD) : len(HEAD) + 32], der[len(HEAD) + 32 :]))
    fits = der.startswith(HEAD) and len(der) == len(HEAD) + 64 and max(x, y) < P
    if not fits or (y * y - x * x * x + 3 * x - B) % P:
        raise Refused(f"{path} is not a public key of ECDSA on P-256 in PEM form.")
    return Key(path, hashlib.sha256(der).hexdigest(), (x, y))


# -- the list --------------------------------------------------------------------------------------------------------


def read(folder: Path, path: str, most: int) -> bytes:
    """A small file of the folder: a plain one, no link."""
    try:
        descriptor = os.open(folder / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise Refused(f"{path} cannot be read.", f"{error.strerror}.", "Is this the folder that was made?") from error
    with os.fdopen(descriptor, "rb") as file:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode) or about.st_size > most:
            raise Refused(f"{path} is no plain file of at most {most:,} bytes.")
        return file.read(most)


def loads(data: bytes, where: str) -> Any:
    """JSON in which nothing can be understood in two ways."""

    def once(pairs: "list[tuple[str, Any]]") -> "dict[str, Any]":
        found = dict(pairs)
        if len(found) != len(pairs):
            raise ValueError("a key is given twice")
        return found

    def never(name: str) -> NoReturn:
        raise ValueError(f"{name} is no number of JSON")

    try:
        return json.loads(data.decode("utf-8"), object_pairs_hook=once, parse_constant=never)
    except (ValueError, RecursionError) as error:
        raise Refused(f"{where} is not JSON.", str(error)) from error


def keys_in(folder: Path) -> "list[Key]":
    try:
        names = sorted(path.name for path in (folder / KEYS).iterdir())
    except OSError as error:
        raise Refused(f"{KEYS} cannot be read.", f"{error.strerror}.", "Is this the folder that was made?") from error
    if len(names) > MOST_KEYS:
        raise Refused(f"{KEYS} holds more than {MOST_KEYS} files.")
    for name in names:
        if re.fullmatch(r"[0-9a-f]{12}\.pem", name) is None:
            raise Refused(f"{KEYS} holds {name!a}, which is not called as a key.")
    return [key_of(read(folder, f"{KEYS}/{name}", 1 << 14), f"{KEYS}/{name}") for name in names]


def open_list(folder: Path) -> Signed:
    """The list with its signatures, which must be in order: all that name a key of the folder fit, at least one does.

    An envelope is DSSE v1; what is signed are its lengths, its type and its payload ("PAE").
    """
    outside = {path: read(folder, path, MOST_LIST) for path in OUTSIDE}
    outer, known = loads(outside[LIST], LIST), {key.id: key for key in keys_in(folder)}
    try:
        payload = base64.b64decode(outer["payload"], validate=True)
        signatures = [(str(one["keyid"]), base64.b64decode(one["sig"], validate=True)) for one in outer["signatures"]]
        if set(outer) != {"payload", "payloadType", "signatures"} or outer["payloadType"] != PAYLOAD_TYPE:
            raise ValueError("it has other fields or another type")
    except (KeyError, TypeError, ValueError) as error:
        raise Refused(f"{LIST} is not a signed list.", f"It is not a DSSE envelope: {error}.") from error
    signed = b"DSSEv1 %d %b %d %b" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode(), len(payload), payload)
    signers = []
    for name, signature in signatures[:MOST_KEYS]:
        if name in known and not verifies(known[name].point, signature, signed):
            raise Refused(
                f"{LIST} is not what was signed.",
                f"The signature in it is not one that the key {name[:12]} made over it.",
                "Do not install it; ask its maker for another.",
            )
        signers += [known[name]] if name in known else []
    if not signers:
        raise Refused(f"{LIST} is not signed by any key in {KEYS}.", fix="Do not install it; ask for another.")
    try:
        said, files = _predicate(loads(payload, LIST))
    except (KeyError, TypeError, ValueError) as error:
        raise Refused(f"{LIST} does not have the form of a list.", f"{type(error).__name__}: {error}.") from error
    if outside[SUMS] != sums(outside[LIST], files):
        raise Refused(f"{SUMS} is not what was signed.", f"It says something else than {LIST}.")
    if not any(verifies(key.point, outside[SUMS_SIGNATURE], outside[SUMS]) for key in signers):
        raise Refused(f"{SUMS_SIGNATURE} is not what was made.", f"No key that signed {LIST} made it over {SUMS}.")
    return Signed(hashlib.sha256(payload).hexdigest(), said, files, signers, outside)


def _predicate(payload: Any) -> "tuple[dict[str, Any], dict[str, tuple[int, str]]]":
    if payload["predicateType"] != KIND:
        raise ValueError(f"it speaks of something else: {payload['predicateType']!a}")
    said = payload["predicate"]
    files: dict[str, tuple[int, str]] = {}
    for one in said["files"]:
        path, size, digest = one["path"], one["size"], one["sha256"]
        if type(size) is not int or size < 0 or re.fullmatch("[0-9a-f]{64}", digest) is None:
            raise ValueError(f"size and digest of {path!a}")
        files[relative(path)] = (size, digest)
    if len(files) != len(said["files"]) or len({path.casefold() for path in files}) != len(files):
        raise ValueError("a file is listed twice")
    if set(files) & set(OUTSIDE):
        raise ValueError("it lists itself")
    texts = [said["name"], said["made"], said["python"], said["model"]["name"], said["model"]["release"]]
    texts += [said["platform"][key] for key in ("machine", "glibc", "glibc_for")]
    if not all(type(text) is str for text in texts) or type(said["unpacked"]) is not int:
        raise ValueError("a field is of another kind")
    if re.fullmatch(r"\d+\.\d+", said["platform"]["glibc"]) is None:
        raise ValueError("the version of the C library is none")
    named = [*said["model"]["keys"], *(one["path"] for one in said["wheels"]), said["pip"]]
    for path in named:
        if path not in files:
            raise ValueError(f"it names {path!a}, which is not in it")
    for one in said["wheels"]:
        pinned = f"{one['name']}=={one['version']}"
        if re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!+_]+", pinned) is None:
            raise ValueError(f"a wheel called {pinned!a}")
    return said, files


def relative(path: str) -> str:
    """A path of the list, if it stays in the folder and can be understood in one way only."""
    parts = PurePosixPath(path).parts
    plain = bool(parts) and "/".join(parts) == path and not path.startswith("/")
    if not plain or {".", ".."} & set(parts) or any(sign in '\\:*?"<>|' or ord(sign) < 32 for sign in path):
        raise ValueError(f"the path {path!a} leaves the folder, or is written in more than one way")
    return path


def sums(folder_list: bytes, files: "dict[str, tuple[int, str]]") -> bytes:
    """What `sha256sum --check` reads: every file but itself and its signature."""
    digests = {path: digest for path, (_, digest) in files.items()}
    digests[LIST] = hashlib.sha256(folder_list).hexdigest()
    return "".join(f"{digests[path]}  {path}\n" for path in sorted(digests)).encode("utf-8")


# -- this machine ----------------------------------------------------------------------------------------------------


def check_machine(said: "dict[str, Any]") -> None:
    """Whether the folder was made for this machine and this Python."""
    wanted, here = said["platform"], platform.machine()
    if sys.platform != "linux" or here != wanted["machine"]:
        raise Refused(
            f"This folder is for Linux on {wanted['machine']}; this is {sys.platform} on {here}.",
            fix=f"Have one made for it: helder bundle make … --platform linux-{here}",
            code=USER,
        )
    python, flags = "{}.{}".format(*sys.version_info), getattr(sys, "abiflags", "")
    if python != said["python"] or sys.implementation.name != "cpython" or "t" in flags:
        raise Refused(
            f"This folder is for CPython {said['python']}; this is {sys.implementation.name} {python}{flags}.",
            fix=f"python{said['python']} install.py; or have one made for it: helder bundle make … --python {python}",
            code=USER,
        )
    libc = _libc()
    if libc is None or libc < tuple(map(int, wanted["glibc"].split("."))):
        shown = "none" if libc is None else f"{libc[0]}.{libc[1]}"
        raise Refused(
            f"This folder needs the C library glibc {wanted['glibc']} or newer; this machine has {shown}.",
            f"It is needed by {wanted['glibc_for']}.",
            "Install it on a newer system, or have it made with --platform and an older glibc.",
            USER,
        )


def _libc() -> "tuple[int, ...] | None":
    try:
        found = re.fullmatch(r"glibc (\d+)\.(\d+).*", os.confstr("CS_GNU_LIBC_VERSION") or "")
    except (ValueError, OSError):
        return None
    return None if found is None else (int(found.group(1)), int(found.group(2)))


def closed_to_others(python: Path) -> "Path | None":
    """The folder on the way to a program that other users may not enter; the user of a unit could not run it."""
    for place in (python.resolve(), *python.resolve().parents):
        if not place.stat().st_mode & stat.S_IXOTH:
            return place
    return None


def check_room(into: Path, said: "dict[str, Any]", files: "dict[str, tuple[int, str]]") -> None:
    place = into
    while not place.exists():
        place = place.parent
    needed = sum(size for size, _ in files.values()) + said["unpacked"] + SPARE
    free = shutil.disk_usage(place).free
    if needed > free:
        raise Refused(f"There is no room in {into}.", f"It needs {needed:,} bytes; {free:,} are free.", code=USER)


# -- files -----------------------------------------------------------------------------------------------------------


def walk(folder: Path, known: "set[str]") -> "Iterator[tuple[str, str | None]]":
    """(path, what is wrong with it) of everything that is no folder; links are named, never followed."""
    left, strange = [""], 0
    while left:
        inside = left.pop()
        with os.scandir(folder / inside) as entries:
            for entry in entries:
                path = f"{inside}/{entry.name}" if inside else entry.name
                mode = entry.stat(follow_symlinks=False).st_mode
                if stat.S_ISDIR(mode):
                    left.append(path)
                    continue
                wrong = None if stat.S_ISREG(mode) else "is a link" if stat.S_ISLNK(mode) else "is no plain file"
                strange += path not in known
                yield path, wrong
                if strange > MOST_STRANGE:
                    return


def check_files(folder: Path, files: "dict[str, tuple[int, str]]", target: "Path | None" = None) -> None:
    """Hold every file of the folder to the list, and copy it to `target` on the way.

    Raises:
        Refused: naming every file that is missing, extra, a link or changed (the first few of them).
    """
    known = {*files, *OUTSIDE}
    found = dict(walk(folder, known))
    problems = [f"{path!a} {wrong}" for path, wrong in sorted(found.items()) if wrong]
    problems += [f"{path!a} is not in the list" for path in sorted(set(found) - known)]
    problems += [f"{path!a} is missing" for path in sorted(known - set(found))]
    if not problems:  # a folder that is not whole is not copied
        for path in sorted(files):
            wrong = _copy(folder / path, None if target is None else target / path, *files[path])
            problems += [f"{path!a} {wrong}"] if wrong else []
    if problems:
        more = f"; and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
        raise Refused(
            "The folder is not what was signed.",
            "; ".join(problems[:SHOWN]) + more + ".",
            "Nothing was installed. Copy the folder again from its source, or ask its maker.",
        )


def _copy(source: Path, target: "Path | None", size: int, digest: str) -> "str | None":
    """What is wrong with a file; it is hashed, and copied as far as it has the size that it should have."""
    try:
        descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    hasher, count = hashlib.sha256(), 0
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(os.fdopen(descriptor, "rb", buffering=0))
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return "is no plain file"
        copy = None
        if target is not None:
            target.parent.mkdir(parents=True, exist_ok=True)
            copy = stack.enter_context(target.open("xb"))
        chunk = file.read(CHUNK)
        while chunk and count <= size:
            hasher.update(chunk)
            count += len(chunk)
            if copy is not None:
                copy.write(chunk)
            chunk = file.read(CHUNK)
    if count != size:
        return f"has {'more than ' if count > size else ''}{min(count, size):,} bytes, not {size:,}"
    return None if hasher.hexdigest() == digest else "has other contents"


# -- installing ------------------------------------------------------------------------------------------------------


def install(
    folder: Path, into: Path, believe: "Callable[[list[Key]], Key]", say: "Callable[[str], None]", older: bool = False
) -> Path:
    """Install what lies in `folder` below `into`; the folder of what was installed.

    Args:
        believe: chooses the key that is believed among those that signed; raises `Refused` where there is none.
        older: also when what is installed now was made later.
    """
    folder, into = folder.resolve(), into.resolve()
    signed = open_list(folder)
    key = believe(signed.signers)
    say(f"signed by   {key.fingerprint}")
    check_machine(signed.said)
    if into == folder or folder in into.parents:
        raise Refused("The folder is not installed into itself.", fix="Name another place with --into.", code=USER)
    final = into / "releases" / signed.id[:16]
    closed = closed_to_others(Path(sys.executable))
    if closed is not None:
        say(f"note        {closed} is closed to other users: only this one will be able to run what is installed")
    with _readable(), _lock(into):
        _check_newer(into, final, signed.said, older)
        if final.exists():
            check_installed(final, signed)
            say(f"there       {final}: the same release is installed already")
            verify_model(final, signed.said, say)
        else:
            check_room(into, signed.said, signed.files)
            aside = final.with_name(f".{final.name}.{secrets.token_hex(4)}.part")
            try:
                aside.mkdir(parents=True)
                check_files(folder, signed.files, aside)
                say(
                    f"checked     {len(signed.files):,} files, {sum(size for size, _ in signed.files.values()):,} bytes"
                )
                _build(aside, final, signed, key, say)
                os.sync()
                aside.rename(final)
            finally:
                shutil.rmtree(aside, ignore_errors=True)
        _point(into / "current", final)
    return final


@contextlib.contextmanager
def _readable() -> "Iterator[None]":
    """Whoever serves what is installed is another user, and reads it."""
    before = os.umask(0o022)
    try:
        yield
    finally:
        os.umask(before)


@contextlib.contextmanager
def _lock(into: Path) -> "Iterator[None]":
    """One installation at a time; what an earlier one that was killed left half-made goes away."""
    try:
        into.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(into / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise Refused(
            f"{into} cannot be written.", f"{error.strerror}.", "Name another place with --into.", USER
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for left in (into / "releases").glob(".*.part"):
            shutil.rmtree(left, ignore_errors=True)
        yield
    except BlockingIOError:
        raise Refused(f"Another installation into {into} is under way.", fix="Wait for it.", code=USER) from None
    finally:
        os.close(descriptor)


def _check_newer(into: Path, final: Path, said: "dict[str, Any]", older: bool) -> None:
    """An old folder, shown again, does not quietly take the place of a newer one."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        now = json.loads((into / "current" / "installed.json").read_bytes())
        if now["made"] > said["made"] and not older and (into / "current").resolve() != final:
            raise Refused(
                f"What is installed now was made at {now['made']}; this folder is older ({said['made']}).",
                fix="If that is what you want: --older",
                code=USER,
            )


def check_installed(final: Path, signed: Signed) -> None:
    try:
        found = json.loads((final / "installed.json").read_bytes())["manifest"]
    except (OSError, ValueError, KeyError, TypeError):
        found = None
    if found != signed.id:
        raise Refused(f"{final} is something else than it is called.", fix="Remove it and install again.", code=USER)


def _build(aside: Path, final: Path, signed: Signed, key: Key, say: "Callable[[str], None]") -> None:
    """Make the environment beside its place and check the model with it."""
    for path, data in signed.outside.items():
        (aside / path).write_bytes(data)
    wanted = "".join(
        f"{one['name']}=={one['version']} --hash=sha256:{signed.files[one['path']][1]}\n"
        for one in signed.said["wheels"]
    )
    (aside / "requirements.txt").write_text(wanted, encoding="utf-8")
    venv, python = aside / "venv", aside / "venv" / "bin" / "python"
    _run([sys.executable, "-I", "-m", "venv", "--without-pip", str(venv)], aside, "make the environment")
    pip = [str(python), "-I", str(aside / signed.said["pip"]) + "/pip", "--isolated", "--disable-pip-version-check"]
    closed = ["--no-index", "--find-links", str(aside / "wheels"), "--only-binary", ":all:", "--require-hashes"]
    quiet = ["--quiet", "--no-compile", "--no-cache-dir"]
    _run([*pip, "install", *quiet, *closed, "-r", str(aside / "requirements.txt")], aside, "install the wheels")
    say(f"installed   {len(signed.said['wheels'])} packages, without an index")
    # The environment was made beside its place: what names the place it was made in is not kept, and not needed.
    for script in (venv / "bin").iterdir():
        if not script.is_symlink():
            script.unlink()
    compiled = [str(python), "-I", "-m", "compileall", "-q", "-s", str(aside), "-p", str(final), str(venv / "lib")]
    _run(compiled, aside, "compile", ignore=True)  # a package may carry files for other Pythons
    (aside / "bin").mkdir()
    launcher = (
        '#!/bin/sh\nhere=$(dirname "$(readlink -f "$0")")\nexec "$here/../venv/bin/python" -I -m helder.cli "$@"\n'
    )
    (aside / "bin" / "helder").write_text(launcher, encoding="ascii")
    (aside / "bin" / "helder").chmod(0o755)
    verify_model(aside, signed.said, say)
    shutil.rmtree(aside / "wheels")
    (aside / "requirements.txt").unlink()
    about = {"manifest": signed.id, "signer": key.id, "made": signed.said["made"], "name": signed.said["name"]}
    (aside / "installed.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


def verify_model(root: Path, said: "dict[str, Any]", say: "Callable[[str], None]") -> None:
    """`helder verify` over the model, with the keys that the signed list names and no others."""
    command = [str(root / "venv" / "bin" / "python"), "-I", "-m", "helder.cli", "verify", str(root / "model"), "--json"]
    for path in said["model"]["keys"]:
        command += ["--key", str(root / path)]
    done = _run(command, root, "verify the model", ignore=True)
    try:
        verdict = json.loads(done.stdout)
        result, release = str(verdict["result"]), str(verdict["release_sha256"])
        told = "; ".join(
            one["what"] for level in verdict["levels"] for one in level["findings"] if one["result"] != "passed"
        )
    except (ValueError, KeyError, TypeError):
        result, release, told = "no verdict", "", done.stderr.decode("utf-8", "replace").strip()[-SHOWN * 100 :]
    if done.returncode or result != "passed" or release != said["model"]["release"]:
        code = done.returncode if done.returncode in (FAILED, UNCHECKED) else FAILED
        raise Refused("The model did not pass `helder verify`.", f"{result}: {told[: SHOWN * 100]}", code=code)
    say(f"verified    {said['model']['name']}, release {release[:16]}: integrity and lineage")


def _run(command: "list[str]", place: Path, what: str, ignore: bool = False) -> "subprocess.CompletedProcess[bytes]":
    """Run a program of ours in a small environment of its own."""
    home = place / f".home-{secrets.token_hex(4)}"
    # In a release that is there and may not be written, the home is a name that is not there: nothing is kept.
    with contextlib.suppress(OSError):
        home.mkdir()
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(home), "LANG": "C.UTF-8", "HELDER_HOME": str(home / "helder")}
    environment |= (
        {"PYTHONDONTWRITEBYTECODE": "1", "PIP_CONFIG_FILE": os.devnull, "TMPDIR": str(home)} if home.is_dir() else {}
    )
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, env=environment, cwd=place)
    except OSError as error:
        raise Refused(f"Could not {what}.", f"{command[0]}: {error.strerror}.", code=USER) from error
    finally:
        shutil.rmtree(home, ignore_errors=True)
    if done.returncode and not ignore:
        told = (done.stderr or done.stdout).decode("utf-8", "replace").strip().splitlines()[-6:]
        raise Refused(f"Could not {what}.", " ".join(told), code=USER)
    return done


def _point(link: Path, final: Path) -> None:
    """Let `current` lead to a release, in one step."""
    if link.is_symlink() and str(link.readlink()) == f"releases/{final.name}":
        return
    if link.exists() and not link.is_symlink():
        raise Refused(f"{link} is in the way.", "It should be a link.", "Move it elsewhere.", USER)
    aside = link.with_name(f".current.{secrets.token_hex(4)}")
    aside.symlink_to(f"releases/{final.name}")
    aside.replace(link)


# -- the command -----------------------------------------------------------------------------------------------------


def believe_fingerprint(wanted: str) -> "Callable[[list[Key]], Key]":
    """Believe the key with this fingerprint, whole, however it is spaced."""
    digits = re.sub(r"[\s:]", "", wanted).lower()

    def choose(signers: "list[Key]") -> Key:
        if re.fullmatch("[0-9a-f]{64}", digits) is None:
            raise Refused("A fingerprint has 64 hexadecimal digits, all of them.", code=USER)
        for key in signers:
            if key.id == digits:
                return key
        raise Refused(
            "The folder is not signed by the key with that fingerprint.",
            f"It is signed by {'; '.join(key.fingerprint for key in signers)}.",
            "Do not install it; ask its maker.",
        )

    return choose


def ask_person(signers: "list[Key]") -> Key:
    """Show each key that signed, and believe the one that a person says is right."""
    if not sys.stdin.isatty():
        raise Refused(
            "Nobody said which key to believe.",
            "A signature proves something only where the key's fingerprint came from its owner by another way.",
            'python3 install.py --fingerprint "…"',
            UNCHECKED,
        )
    for key in signers:
        sys.stdout.write(
            f"This folder is signed by the key\n\n    {key.fingerprint}\n\nHave its owner read theirs aloud. "
        )
        sys.stdout.write("Are all 64 digits the same? Type yes: ")
        sys.stdout.flush()
        if sys.stdin.readline().strip().lower() == "yes":
            return key
    raise Refused("Nothing was installed: the key is not the right one.", code=UNCHECKED)


def _interrupt(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt


def main(arguments: "Sequence[str] | None" = None) -> int:
    """What `python3 install.py` does; the exit code."""
    parser = argparse.ArgumentParser(description="Install Helder and a model from this folder, without a network.")
    usual = Path("/opt/helder") if os.geteuid() == 0 else Path.home() / "helder"
    parser.add_argument("--into", type=Path, default=usual, help=f"Where to; default: {usual}.")
    parser.add_argument("--fingerprint", help="Of the key that is believed, from its owner, 64 hexadecimal digits.")
    parser.add_argument("--check", action="store_true", help="Check everything that can be, and install nothing.")
    parser.add_argument("--older", action="store_true", help="Also when what is installed now was made later.")
    chosen = parser.parse_args(arguments)
    folder = Path(__file__).resolve().parent
    believe = ask_person if chosen.fingerprint is None else believe_fingerprint(chosen.fingerprint)
    signal.signal(signal.SIGTERM, _interrupt)

    def say(text: str) -> None:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    try:
        if chosen.check:
            signed = open_list(folder)
            say(f"signed by   {believe(signed.signers).fingerprint}")
            check_machine(signed.said)
            check_files(folder, signed.files)
            say(f"checked     {len(signed.files):,} files: they are what was signed; nothing was installed")
            return 0
        done = install(folder, chosen.into, believe, say, chosen.older)
    except Refused as error:
        for text in (error.what, error.why and f"  why: {error.why}", error.fix and f"  fix: {error.fix}"):
            sys.stderr.write(f"{text}\n" if text else "")
        return error.code
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted. Nothing was installed; start it again.\n")
        return INTERRUPTED
    say(f"in place    {done}")
    say(told(chosen.into))
    return 0


def told(into: Path) -> str:
    """How to go on."""
    current = into.resolve() / "current"
    serve = f"{current}/bin/helder serve {current}/model --policy {current}/policy.toml"
    return f"\n{serve}\n\nThe rest is told in {current}/docs/index.html."


if __name__ == "__main__":
    sys.exit(main())
