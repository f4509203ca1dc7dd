"""The second verifier (`second/main.go`), built with the distribution's Go and golang.org/x/mod."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

LIBRARY = Path("/usr/share/gocode")  # where Debian's golang-golang-x-mod-dev puts it
SOURCE = Path(__file__).with_name("second")


def missing() -> str | None:
    """Why it cannot be built here; None when it can."""
    if shutil.which("go") is None:
        return "there is no go here (Debian: golang-go)"
    if not (LIBRARY / "src/golang.org/x/mod/sumdb/tlog").is_dir():
        return "golang.org/x/mod is not installed (Debian: golang-golang-x-mod-dev)"
    return None


def build(folder: Path) -> Path:
    """Compile it; where it is."""
    program = folder / "second"
    settings = {
        "GO111MODULE": "off", "GOPATH": str(LIBRARY), "GOCACHE": str(folder / "cache"), "GOFLAGS": "",
    }  # fmt: skip
    subprocess.run(["go", "build", "-o", str(program), "main.go"], cwd=SOURCE, env=os.environ | settings, check=True)
    return program


class Second:
    """The verifier, waiting for questions."""

    def __init__(self, program: Path) -> None:
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def ask(self, folder: Path, vkey: str, against: Sequence[Path] = ()) -> dict[str, Any]:
        """{"size", "root" in base64, "fault": "" when nothing is wrong}"""
        assert self.process.stdin
        assert self.process.stdout
        asked = {"folder": str(folder), "vkey": vkey.strip(), "against": [str(path) for path in against]}
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        said: dict[str, Any] = json.loads(self.process.stdout.readline())
        return said

    def close(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait(10)
