"""Serve the model of an installation, ask it once and stop it; told on stdout. Needs Python alone.

python second_machine.py INSTALLED HOME        in a network namespace of its own
"""

from __future__ import annotations

import fcntl
import json
import socket
import struct
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

SIOCSIFFLAGS, UP_RUNNING = 0x8914, 0x41
QUESTION = "What is 3 plus 4?"
PATIENCE = 60.0  # seconds until it answers


def main() -> None:
    current, home = Path(sys.argv[1]), Path(sys.argv[2])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh", b"lo", UP_RUNNING))
    token = home / "token"
    command = [str(current / "bin" / "helder"), "serve", str(current / "model")]
    command += ["--policy", str(current / "policy.toml"), "--port", "8000", "--token-file", str(token)]
    environment = {"HOME": str(home), "HELDER_HOME": str(home / "helder"), "PATH": "/usr/bin:/bin"}
    process = subprocess.Popen(command, env=environment, stdout=sys.stderr, stderr=sys.stderr)
    try:
        until = time.monotonic() + PATIENCE
        while not ready():
            if process.poll() is not None or time.monotonic() > until:
                sys.exit("it does not answer")
            time.sleep(0.1)
        model = ask("/v1/models", token)["data"][0]["id"]
        asked = {"model": model, "messages": [{"role": "user", "content": QUESTION}]}
        answer = ask("/v1/chat/completions", token, asked)
    finally:
        process.terminate()
        code = process.wait(PATIENCE)
    lines = Path("/proc/net/dev").read_text(encoding="ascii").splitlines()[2:]
    interfaces = {name.strip(): int(rest.split()[9]) for name, _, rest in (line.partition(":") for line in lines)}
    sys.stdout.write(json.dumps({"answer": answer, "interfaces": interfaces}))
    sys.exit(code)


def ready() -> bool:
    try:
        with urllib.request.urlopen("http://127.0.0.1:8000/healthz", timeout=5) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def ask(path: str, token: Path, body: dict[str, Any] | None = None) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {token.read_text(encoding='ascii').strip()}"}
    headers |= {"Content-Type": "application/json"} if body else {}
    data = json.dumps(body).encode() if body else None
    request = urllib.request.Request(f"http://127.0.0.1:8000{path}", data=data, headers=headers)
    with urllib.request.urlopen(request, timeout=60) as response:
        found: dict[str, Any] = json.load(response)
        return found


if __name__ == "__main__":
    main()
