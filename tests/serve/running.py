"""`helder serve` as a process of its own, as clients meet it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import httpx
import openai

MAIN = "from helder.cli import main; main()"


@dataclass
class Running:
    process: subprocess.Popen[str]
    url: str
    token: str
    log: list[str]

    def client(self) -> openai.OpenAI:
        return openai.OpenAI(base_url=self.url, api_key=self.token, max_retries=0)

    def post(self, path: str, body: object, token: str | None = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token or self.token}"}
        return httpx.post(self.url + path, json=body, headers=headers, timeout=60)


def start(folder: Path, home: Path, *options: str, prepare: str = "") -> Running:
    """Start it and wait until it answers.

    Args:
        options: of the command line.
        prepare: Python that the process runs first.
    """
    if "--log" not in options:
        options = (*options, "--no-log")
    process = subprocess.Popen(
        [sys.executable, "-c", f"{prepare}\n{MAIN}", "serve", str(folder), "--port", "0", *options],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "HELDER_HOME": str(home), "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    log: list[str] = []
    assert process.stderr
    for line in process.stderr:
        log.append(line)
        if line.startswith("stop:"):
            break
    text = "".join(log)
    url, token = re.search(r"https?://\S+/v1", text), re.search(r"token: (\S+)", text)
    assert url and token, text
    return Running(process, url[0], token[1], log)
