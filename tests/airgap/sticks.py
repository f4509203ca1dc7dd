"""Small folders as `helder bundle make` makes them, with a made-up Helder in them that says what a test wants."""

from __future__ import annotations

import base64
import ensurepip
import hashlib
import json
import platform
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from helder.airgap import install, make
from helder.ledger import canonical, envelope
from helder.ledger.keys import SigningKey

PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"
RELEASE = "ab" * 32
VERDICT = {"result": "passed", "release_sha256": RELEASE, "levels": []}
CLI = "import sys\nsys.stdout.write({said!r})\n"


def digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def wheel(
    folder: Path, name: str, version: str = "1.0", *, tag: str = "py3-none-any", metadata: str = "", **files: str
) -> Path:
    """A small wheel; `files` by module name."""
    info = f"{name}-{version}.dist-info"
    inside = {f"{name}/{module}.py": text.encode() for module, text in files.items()}
    about = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{metadata}"
    inside |= {
        f"{info}/METADATA": about.encode(),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n".encode(),
    }
    record = "".join(f"{path},sha256={digest(data)},{len(data)}\n" for path, data in inside.items())
    inside[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    path = folder / f"{name}-{version}-{tag}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for place, data in inside.items():
            archive.writestr(place, data)
    return path


def fake_helder(folder: Path, said: dict[str, Any] | None = None, before: str = "") -> Path:
    """A Helder that verifies by saying so; `before` is run first."""
    return wheel(folder, "helder", __init__="", cli=before + CLI.format(said=json.dumps(said or VERDICT)))


def pip_wheel(folder: Path) -> Path:
    """A wheel of pip: Python's own, or from the index where a distribution took that away."""
    for found in (Path(ensurepip.__file__).parent / "_bundled").glob("pip-*.whl"):
        return Path(shutil.copy(found, folder))
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), "pip"]
    if subprocess.run(command, capture_output=True).returncode:
        pytest.skip("there is no wheel of pip here")
    return next(folder.glob("pip-*.whl"))


def write(
    folder: Path, key: SigningKey, *, helder: dict[str, Any] | None = None, before: str = "", **changed: Any
) -> Path:
    """A whole signed folder; `changed` are fields of what is signed."""
    made = make.Folder(folder)
    (folder / "wheels").mkdir(parents=True)
    paths = [fake_helder(folder / "wheels", helder, before), pip_wheel(folder / "wheels")]
    for path in paths:
        size, sha256 = path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest()
        made.files[f"wheels/{path.name}"] = make.FileEntry(f"wheels/{path.name}", size, sha256)
    made.write("install.py", Path(install.__file__).read_bytes())
    made.write("model/certificate.html", b"<p>a model</p>\n")
    made.write("model/artifacts/files/model-q8_0.gguf", b"GGUF" + bytes(1000))
    made.write(f"keys/{key.public.id[:12]}.pem", key.public.to_pem())
    predicate: dict[str, Any] = {
        "name": "doses",
        "made": "2026-11-25T12:00:00Z",
        "for": "serve",
        "python": PYTHON,
        "platform": {"machine": platform.machine(), "glibc": "2.17", "glibc_for": "numpy"},
        "model": {"name": "doses", "release": RELEASE, "keys": [f"keys/{key.public.id[:12]}.pem"]},
        "wheels": [{"name": "helder", "version": "1.0", "path": f"wheels/{paths[0].name}"}],
        "pip": f"wheels/{paths[1].name}",
        "unpacked": 10_000_000,
        "files": [made.files[path].to_json() for path in sorted(made.files)],
        **changed,
    }
    sign(folder, key, predicate)
    return folder


def sign(folder: Path, key: SigningKey, predicate: dict[str, Any]) -> None:
    """Sign the list, and the sums that follow from it."""
    said = {"_type": "x", "subject": [], "predicateType": install.KIND, "predicate": predicate}
    sealed = envelope.seal(canonical.dumps(said), install.PAYLOAD_TYPE, [key])
    (folder / install.LIST).write_bytes(sealed)
    try:
        sums = install.sums(sealed, {one["path"]: (one["size"], one["sha256"]) for one in predicate["files"]})
    except (KeyError, TypeError):  # a list of another form has none
        sums = b""
    (folder / install.SUMS).write_bytes(sums)
    (folder / install.SUMS_SIGNATURE).write_bytes(key.sign(sums))


def predicate_of(folder: Path) -> dict[str, Any]:
    payload = json.loads((folder / install.LIST).read_bytes())["payload"]
    found: dict[str, Any] = json.loads(base64.b64decode(payload))["predicate"]
    return found
