"""One server for `bench.serve`: ours with gate, queue, log and receipts, or llama.cpp's own. Prints where it listens.

    python -m bench.serve_side helder MODEL.gguf FOLDER --places 1 --log LOG
    python -m bench.serve_side bare MODEL.gguf FOLDER --places 1

FOLDER holds tokenizer.json and helder.json. Both have the same settings of llama.cpp (`helder.serve.llama.params`), the
same threads and as many places. Ends with its stdin.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

TOKEN = "a-token-for-measuring-only"


def bare(path: Path, places: int, threads: int, context: int) -> None:
    """llama.cpp's own server."""
    import xllamacpp

    from helder.serve import llama

    params = llama.params(path, threads, context, Path("unused"), places)
    params.hostnames, params.port, params.n_threads_http, params.api_keys = ["127.0.0.1"], 0, places + 10, [TOKEN]
    server = xllamacpp.Server(params)
    _listening(server.listening_address, [os.getpid()])
    sys.stdin.read()
    os._exit(0)


def helder(path: Path, folder: Path, given: argparse.Namespace) -> None:
    """Our server, as `helder serve` starts it once a model is admitted."""
    import hashlib

    from helder.data.task import Task
    from helder.ledger import keys
    from helder.serve import api
    from helder.serve.access import Access
    from helder.serve.app import create_app
    from helder.serve.audit import AuditLog, Keep
    from helder.serve.locate import Located
    from helder.serve.served import Served
    from helder.serve.service import Service
    from helder.serve.supervise import Keeper
    from helder.serve.turns import Turns
    from helder.tokens import chat
    from helder.tokens.tokenizer import Tokenizer

    turns = Turns(given.places, waiting=given.waiting)
    keeper = Keeper(
        path,
        threads=given.threads,
        context=given.context,
        places=given.places,
        mode=given.mode,
        metrics=turns.metrics,
    )
    task = Task(kind="text", name="measured", purpose="Be measured.")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    located = Located(path, "q4_0", digest, folder, folder, "as told")
    service = Service(keeper, Tokenizer.load(folder), chat.format_of(folder), task, located)
    log = AuditLog.open(given.log, keys.signing_key(), "bench/measured", Keep("digests")) if given.log else None
    served = Served(service, turns, Access(TOKEN), log=log)
    listener = api.listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    server = api.Server(api.configure(create_app(served)), served)
    threading.Thread(target=_until_closed, args=(server.handle_exit,), daemon=True).start()
    _listening(f"http://127.0.0.1:{port}", [os.getpid(), *keeper.processes])
    server.run(sockets=[listener])
    service.close()
    if log is not None:
        log.close()


def _until_closed(end: Callable[[int, None], None]) -> None:
    sys.stdin.read()
    end(15, None)


def _listening(url: str, processes: list[int]) -> None:
    print(json.dumps({"url": url, "processes": processes}), flush=True)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("side", choices=("helder", "bare"))
    options.add_argument("model", type=Path)
    options.add_argument("folder", type=Path)
    options.add_argument("--places", type=int, default=1)
    options.add_argument("--mode", choices=("exact", "fast"), default="exact")
    options.add_argument("--waiting", type=int)
    options.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    options.add_argument("--context", type=int, default=1024)
    options.add_argument("--log", type=Path)
    given = options.parse_args()
    if given.side == "bare":
        bare(given.model, given.places, given.threads, given.context)
    else:
        helder(given.model, given.folder, given)


if __name__ == "__main__":
    main()
