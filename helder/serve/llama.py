"""llama.cpp's side of an answer: its settings, its requests, and what it says back.

llama.cpp always opens a listener of its own. Here it is a unix socket in a private folder, removed before
`load` returns, so that nobody can connect; a random key, never told, stands behind that.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from helder.errors import HelderError
from helder.model import gguf_file
from helder.serve.answer import Answer, Decoding
from helder.serve.constrain import check, for_llama_cpp

UBATCH = 512  # tokens per pass over the prompt; other sizes give other bits


def load(path: Path, threads: int, context: int, slots: int = 1) -> Any:
    """An `xllamacpp.Server` that listens to nobody and has answered once.

    Raises:
        HelderError: the file cannot be loaded.
    """
    import xllamacpp

    gguf_file.read_header(path)  # sizes, counts and offsets, before llama.cpp sees a byte
    with tempfile.TemporaryDirectory(prefix="helder-", ignore_cleanup_errors=True) as folder:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            # A socket's path has at most 107 bytes, a temporary folder's name may be longer.
            socket = Path(f"/proc/self/fd/{descriptor}/closed.sock")
            server = xllamacpp.Server(params(path, threads, context, socket, slots))
        except RuntimeError as error:
            raise HelderError(
                f"llama.cpp cannot load {path}.",
                reason(path, error),
                "Check the file's SHA-256 against its origin, or make it again with `helder run`.",
            ) from error
        finally:
            os.close(descriptor)
    raise_on_error(server.handle_completions({**SETTINGS, "prompt": [0], "n_predict": 1, "temperature": 0.0}))
    return server


def params(path: Path, threads: int, context: int, socket: Path, slots: int = 1) -> Any:
    """`CommonParams`: what is not needed is off, what changes bits is fixed.

    Args:
        context: tokens of each slot.
        slots: requests that are worked on together. With more than one, the bits of an answer depend on what else is
            being answered.
    """
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.n_ctx, params.n_parallel, params.n_batch, params.n_ubatch = context * slots, slots, UBATCH, UBATCH
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.n_gpu_layers = 0
    params.fit_params = params.warmup = False
    params.cache_type_k = params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
    params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    params.cache_prompt = params.cache_idle_slots = params.ctx_shift = False
    params.cont_batching, params.kv_unified = slots > 1, False
    params.cache_ram_mib = params.n_ctx_checkpoints = params.n_cache_reuse = 0
    params.check_tensors = True  # a file with values that are no numbers is refused
    # A template inside the file is foreign code; "chatml" is a built-in name and is never used.
    params.enable_chat_template = params.use_jinja = params.prefill_assistant = False
    params.chat_template = "chatml"
    params.offline = True
    params.ui = params.ui_mcp_proxy = params.models_autoload = False
    params.endpoint_slots = params.endpoint_props = params.endpoint_metrics = False
    params.server_tools = []
    params.hostnames, params.port, params.n_threads_http = [str(socket)], 0, 1
    params.api_keys = [secrets.token_urlsafe(32)]
    params.cors_origins, params.cors_credentials = "", False
    params.verbosity, params.show_timings = -1, False
    return params


def reason(path: Path, error: RuntimeError) -> str:
    """Why a file could not be loaded, as far as the GGUF reader can tell."""
    from gguf import GGUFReader

    try:
        reader = GGUFReader(path)
    except (ValueError, KeyError, IndexError, OSError, UnicodeDecodeError) as found:
        return f"The file is damaged or cut short: {found}"
    end = max((int(tensor.data_offset + tensor.n_bytes) for tensor in reader.tensors), default=0)
    size = path.stat().st_size
    if end > size:
        return f"The file is cut short: its tensors end at byte {end}, the file at byte {size}."
    return f"llama.cpp says: {error} (a model family that it does not know, or values that are no numbers)"


# Sent with every request: no cache between requests, and the tokens beside the text.
SETTINGS: dict[str, Any] = {
    "top_k": 0,
    "min_p": 0.0,
    "cache_prompt": False,
    "return_tokens": True,
    "verbose": True,
    "response_fields": ["tokens", "stop_type"],
}


def request(prompt_ids: Sequence[int], wanted: Decoding) -> dict[str, Any]:
    """The body of a completion request.

    Raises:
        HelderError: the grammar cannot be read.
    """
    if wanted.max_tokens < 1:
        raise ValueError("max_tokens must be at least 1")
    body = SETTINGS | {
        "prompt": [int(token) for token in prompt_ids],
        "n_predict": wanted.max_tokens,
        "temperature": wanted.temperature,
        "top_p": wanted.top_p,
        "seed": wanted.seed,
        "stop": list(wanted.stop),
    }
    if wanted.temperature == 0:
        body["samplers"] = ["temperature"]
    if wanted.grammar is not None:
        check(wanted.grammar)
        body["grammar"] = for_llama_cpp(wanted.grammar)
    if wanted.logprobs or wanted.top:
        body["n_probs"] = max(1, wanted.top)
    return body


def answer(parts: Sequence[dict[str, Any]], prompt_tokens: int, stopped: bool = False) -> Answer:
    """The answer that one whole response, or the parts of a streamed one, stand for.

    Args:
        parts: in order; the last one holds the counts.
        stopped: the caller ended the stream.

    Raises:
        HelderError: llama.cpp refused the request.
    """
    for part in parts:
        raise_on_error(part)
    choices = [part["choices"][0] for part in parts]
    last = parts[-1]
    tokens = [token for part in parts for token in part.get("__verbose", {}).get("tokens", ())]
    # llama.cpp also lists the token that ended the answer.
    ids = tuple(tokens[:-1] if last.get("__verbose", {}).get("stop_type") == "eos" else tokens)
    timings = last.get("timings", {})
    return Answer(
        text="".join(choice["text"] for choice in choices),
        ids=ids,
        finish_reason="stop" if choices[-1]["finish_reason"] == "stop" and not stopped else "length",
        prompt_tokens=prompt_tokens,
        completion_tokens=last.get("usage", {}).get("completion_tokens", len(ids)),
        logprobs=_logprobs(choices, ids),
        alternatives=_alternatives(choices, ids),
        seconds=(timings.get("prompt_ms", 0.0) / 1e3, timings.get("predicted_ms", 0.0) / 1e3),
    )


def _logprobs(choices: Sequence[dict[str, Any]], ids: tuple[int, ...]) -> tuple[float, ...]:
    """One value for each of `ids`, or none: llama.cpp reports none for the parts of a split character."""
    reported = [token for choice in choices for token in (choice.get("logprobs") or {}).get("content", ())]
    reported = reported[: len(ids)]
    if tuple(token["id"] for token in reported) != ids:
        return ()
    return tuple(token["logprob"] for token in reported)


def _alternatives(choices: Sequence[dict[str, Any]], ids: tuple[int, ...]) -> tuple[tuple[tuple[int, float], ...], ...]:
    """The most probable tokens in the place of each of `ids`, as many as were asked for; or nothing, as `_logprobs`."""
    reported = [token for choice in choices for token in (choice.get("logprobs") or {}).get("content", ())]
    reported = reported[: len(ids)]
    if tuple(token["id"] for token in reported) != ids:
        return ()
    return tuple(tuple((one["id"], one["logprob"]) for one in token.get("top_logprobs", ())) for token in reported)


def raise_on_error(response: dict[str, Any]) -> None:
    """llama.cpp answers a request that it refuses with an error instead of raising one."""
    if "error" in response:
        error = response["error"]
        raise HelderError(
            "llama.cpp refused a prompt.",
            str(error.get("message", error)),
            "Check that prompt and model belong together: the same vocabulary, a long enough context.",
        )
