"""llama.cpp as a second opinion: its tokens of a text, and its most probable next tokens."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from helder.serve import llama

KEY = "only this test knows it"


class LlamaCpp:
    """A loaded model; use `opened`."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client

    def post(self, path: str, **request: Any) -> Any:
        response = self.client.post(path, json=request)
        response.raise_for_status()
        return response.json()

    def tokens(self, text: str) -> list[int]:
        """Token ids of a text in which special tokens are ordinary characters."""
        found: list[int] = self.post("/tokenize", content=text, add_special=False, parse_special=False)["tokens"]
        return found

    def next_token(self, ids: Sequence[int]) -> int:
        """The most probable token after these."""
        # Not from its probabilities: it has none for a token that is only a part of a character.
        answer = self.post("/completion", prompt=list(ids), n_predict=1, temperature=0.0, return_tokens=True)
        found: int = answer["tokens"][0]
        return found


@contextmanager
def opened(gguf: Path, folder: Path, context: int = 512) -> Iterator[LlamaCpp]:
    """The model, with a listener that is a unix socket in `folder`."""
    import xllamacpp

    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)  # a socket's path has at most 107 bytes
    try:
        socket = Path(f"/proc/self/fd/{descriptor}/llama.sock")
        params = llama.params(gguf, 1, context, socket)
        params.api_keys = [KEY]
        server = xllamacpp.Server(params)
        transport = httpx.HTTPTransport(uds=str(socket))
        headers = {"Authorization": f"Bearer {KEY}"}
        with httpx.Client(transport=transport, base_url="http://llama", headers=headers, timeout=120.0) as client:
            yield LlamaCpp(client)
        del server
    finally:
        os.close(descriptor)
