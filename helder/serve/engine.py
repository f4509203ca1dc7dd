"""llama.cpp in this process: GGUF file + token ids -> answers.

It knows nothing of chat formats, tokenizers or tasks: prompts are token ids, so that no text of a user can
become a special token, and a chat template inside the file is never run. What ends an answer is the
end-of-answer token that the file names.

Answers are greedy unless a temperature is given, and repeatable: the prompt cache is off, one request runs
at a time, the batch size is fixed, keys and values are kept in F32 and attention follows the plain
arithmetic, so that an F32 file gives the tokens of `helder.model.transformer`. Measured (SmolLM2-135M): the
log-probabilities are the same bits with one thread and with two; F32 keys and values cost 12 % of the
decoding speed.

llama.cpp always opens its own HTTP listener. Here it is a unix socket in a private folder, removed before
`open` returns, so that nobody can connect; a random key, never told, stands behind that. This does not
protect against someone who can read this process's memory.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any

from helder.errors import ExitCode, HelderError
from helder.serve.answer import Answer
from helder.serve.constrain import check, follows, for_llama_cpp

UBATCH = 512  # tokens per pass over the prompt; other sizes give other bits


class Engine:
    """One GGUF file, ready to answer. Use `Engine.open`, and close it (or use it in a `with`)."""

    def __init__(self, path: Path, threads: int, context: int, workers: int) -> None:
        self.path, self.threads, self.context, self.workers = path, threads, context, workers
        self._server: Any = _load(path, threads, context)
        self._pool: list[Any] = []

    @classmethod
    def open(cls, gguf: Path, *, threads: int | None = None, context: int = 2048, workers: int | None = None) -> Engine:
        """Load a model file.

        Args:
            gguf: the file.
            threads: threads of one answer; default: the cores this process may use.
            context: longest prompt and answer together, in tokens. Memory grows with it.
            workers: how many single-threaded copies `complete_many` runs side by side; default: the cores
                this process may use. The copies share the file's pages where its format allows.

        Raises:
            HelderError: the file is missing, is no GGUF, or cannot be loaded.
        """
        cores = len(os.sched_getaffinity(0))
        return cls(Path(gguf), threads or cores, context, workers or cores)

    def complete(
        self,
        prompt_ids: Sequence[int],
        *,
        grammar: str | None = None,
        max_tokens: int = 512,
        temperature: float = 0.0,
        top_p: float = 1.0,
        seed: int = 0,
        stop: Sequence[str] = (),
        logprobs: bool = False,
        stream: Callable[[str], bool] | None = None,
    ) -> Answer:
        """Answer one prompt.

        Args:
            prompt_ids: the prompt's tokens.
            grammar: Lark text that the answer follows.
            max_tokens: at most so many tokens are generated.
            temperature: 0 is greedy; otherwise tokens are drawn with `top_p` and `seed`.
            stop: texts that end the answer; they are not part of it.
            logprobs: also return the log-probability of each token.
            stream: called with each piece of text as it comes; returns False to stop the answer there.

        Raises:
            HelderError: the prompt does not fit the context, a token id is not in the vocabulary, the grammar
                cannot be read, or the answer does not follow it.
        """
        request = _request(prompt_ids, grammar, max_tokens, temperature, top_p, seed, stop, logprobs)
        self._check_length(prompt_ids)
        if stream is None:
            return _ask(self._open_server(), request, grammar, len(prompt_ids))
        return _ask_streaming(self._open_server(), request, grammar, len(prompt_ids), stream)

    def complete_many(
        self,
        prompts: Sequence[Sequence[int]],
        *,
        grammar: str | None = None,
        max_tokens: int = 512,
        logprobs: bool = False,
        progress: Callable[[int], None] | None = None,
    ) -> list[Answer]:
        """Answer many prompts greedily, in order, on all cores.

        Prompt i is answered by worker i mod workers, each with one thread, so that nothing depends on timing.

        Args:
            progress: called with 1 after each answer, from any thread.

        Raises:
            HelderError: as `complete`; one bad prompt fails the call before anything is generated.
        """
        for prompt in prompts:
            self._check_length(prompt)
        requests = [_request(prompt, grammar, max_tokens, 0.0, 1.0, 0, (), logprobs) for prompt in prompts]
        self._open_server()
        workers = max(1, min(self.workers, len(prompts)))
        while len(self._pool) < workers:
            self._pool.append(_load(self.path, 1, self.context))
        answers: list[Answer | None] = [None] * len(prompts)

        def work(worker: int) -> None:
            for index in range(worker, len(prompts), workers):
                answers[index] = _ask(self._pool[worker], requests[index], grammar, len(prompts[index]))
                if progress:
                    progress(1)

        with ThreadPoolExecutor(workers) as threads:
            for future in [threads.submit(work, worker) for worker in range(workers)]:
                future.result()
        return [answer for answer in answers if answer is not None]

    def close(self) -> None:
        """Free the model. Closing twice is fine."""
        self._server = None
        self._pool.clear()

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _open_server(self) -> Any:
        if self._server is None:
            raise RuntimeError("the engine is closed")
        return self._server

    def _check_length(self, prompt_ids: Sequence[int]) -> None:
        if not prompt_ids:
            raise HelderError("The prompt is empty.", "", "Give at least one token.")
        if len(prompt_ids) >= self.context:
            raise HelderError(
                f"The prompt has {len(prompt_ids)} tokens and the context holds {self.context}.",
                "A prompt is never cut, and at least one token must be left for the answer.",
                "Shorten the text, or open the model with a longer context.",
            )


def _load(path: Path, threads: int, context: int) -> Any:
    """A llama.cpp server that listens to nobody."""
    import xllamacpp

    if not path.is_file():
        raise HelderError(f"There is no model file {path}.", "", "Check the path, or make the file with `helder run`.")
    with path.open("rb") as file:
        magic = file.read(4)
    if magic != b"GGUF":
        raise HelderError(
            f"{path} is not a GGUF file.",
            f"It begins with {magic!r}, a GGUF file with b'GGUF'.",
            "Give a GGUF file; `helder model import` reads other kinds.",
        )
    with tempfile.TemporaryDirectory(prefix="helder-", ignore_cleanup_errors=True) as folder:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            # A socket's path has at most 107 bytes, a temporary folder's name may be longer.
            socket = Path(f"/proc/self/fd/{descriptor}/closed.sock")
            return xllamacpp.Server(_params(path, threads, context, socket))
        except RuntimeError as error:
            raise HelderError(
                f"llama.cpp cannot load {path}.",
                _reason(path, error),
                "Check the file's SHA-256 against its origin, or make it again with `helder run`.",
            ) from error
        finally:
            os.close(descriptor)


def _params(path: Path, threads: int, context: int, socket: Path) -> Any:
    """Settings of llama.cpp: what is not needed is off, what changes bits is fixed."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.n_ctx, params.n_parallel, params.n_batch, params.n_ubatch = context, 1, UBATCH, UBATCH
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.n_gpu_layers = 0
    params.fit_params = params.warmup = False
    params.cache_type_k = params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
    params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    params.cache_prompt = params.cache_idle_slots = params.ctx_shift = params.cont_batching = False
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


def _reason(path: Path, error: RuntimeError) -> str:
    """Why the file could not be loaded, as far as the GGUF reader can tell."""
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


def _request(
    prompt_ids: Sequence[int],
    grammar: str | None,
    max_tokens: int,
    temperature: float,
    top_p: float,
    seed: int,
    stop: Sequence[str],
    logprobs: bool,
) -> dict[str, Any]:
    if max_tokens < 1:
        raise ValueError("max_tokens must be at least 1")
    request: dict[str, Any] = {
        "prompt": [int(token) for token in prompt_ids],
        "n_predict": max_tokens,
        "temperature": temperature,
        "top_k": 0,
        "top_p": top_p,
        "min_p": 0.0,
        "seed": seed,
        "stop": list(stop),
        "cache_prompt": False,
        "return_tokens": True,
        "verbose": True,
        "response_fields": ["tokens", "stop_type"],
    }
    if temperature == 0:
        request["samplers"] = ["temperature"]
    if grammar is not None:
        check(grammar)
        request["grammar"] = for_llama_cpp(grammar)
    if logprobs:
        request["n_probs"] = 1
    return request


def _ask(server: Any, request: dict[str, Any], grammar: str | None, prompt_tokens: int) -> Answer:
    response = server.handle_completions(request)
    _raise_on_error(response)
    choice, timings = response["choices"][0], response.get("timings", {})
    ids = _without_end(response["__verbose"]["tokens"], response)
    return _checked(
        Answer(
            text=choice["text"],
            ids=ids,
            finish_reason="stop" if choice["finish_reason"] == "stop" else "length",
            prompt_tokens=prompt_tokens,
            completion_tokens=response["usage"]["completion_tokens"],
            logprobs=_logprobs([choice], ids),
            seconds=(timings.get("prompt_ms", 0.0) / 1e3, timings.get("predicted_ms", 0.0) / 1e3),
        ),
        grammar,
    )


def _ask_streaming(
    server: Any,
    request: dict[str, Any],
    grammar: str | None,
    prompt_tokens: int,
    stream: Callable[[str], bool],
) -> Answer:
    pieces: list[dict[str, Any]] = []
    failures: list[BaseException] = []
    stopped = False

    def piece(part: dict[str, Any]) -> bool:
        # Exceptions must not cross into C++; returning True ends the generation.
        nonlocal stopped
        pieces.append(part)
        try:
            text = part["choices"][0]["text"] if "choices" in part else ""
            stopped = bool(text) and not stream(text)
        except BaseException as error:  # noqa: BLE001
            failures.append(error)
            stopped = True
        return stopped

    server.handle_completions({**request, "stream": True}, piece)
    if failures:
        raise failures[0]
    for part in pieces:
        _raise_on_error(part)
    choices = [part["choices"][0] for part in pieces]
    last, timings = pieces[-1], pieces[-1].get("timings", {})
    tokens = [token for part in pieces for token in part.get("__verbose", {}).get("tokens", ())]
    ids = _without_end(tokens, last)
    ended = not stopped and choices[-1]["finish_reason"] == "stop"
    return _checked(
        Answer(
            text="".join(choice["text"] for choice in choices),
            ids=ids,
            finish_reason="stop" if ended else "length",
            prompt_tokens=prompt_tokens,
            completion_tokens=last.get("usage", {}).get("completion_tokens", len(ids)),
            logprobs=_logprobs(choices, ids),
            seconds=(timings.get("prompt_ms", 0.0) / 1e3, timings.get("predicted_ms", 0.0) / 1e3),
        ),
        grammar,
    )


def _without_end(ids: list[int], response: dict[str, Any]) -> tuple[int, ...]:
    """The tokens of the answer itself; llama.cpp also lists the token that ended it."""
    return tuple(ids[:-1] if response.get("__verbose", {}).get("stop_type") == "eos" else ids)


def _logprobs(choices: list[dict[str, Any]], ids: tuple[int, ...]) -> tuple[float, ...]:
    """One value for each of `ids`, or none: llama.cpp reports none for the parts of a split character."""
    reported = [token for choice in choices for token in (choice.get("logprobs") or {}).get("content", ())]
    reported = reported[: len(ids)]
    if tuple(token["id"] for token in reported) != ids:
        return ()
    return tuple(token["logprob"] for token in reported)


def _raise_on_error(response: dict[str, Any]) -> None:
    if "error" in response:
        error = response["error"]
        raise HelderError(
            "llama.cpp refused a prompt.",
            str(error.get("message", error)),
            "Check that prompt and model belong together: the same vocabulary, a long enough context.",
        )


def _checked(answer: Answer, grammar: str | None) -> Answer:
    """llama.cpp drops a grammar that it cannot read: an answer that breaks its grammar is never passed on."""
    if grammar is not None and not follows(grammar, answer.text, complete=False):
        raise HelderError(
            "An answer does not have the form that was asked for.",
            f"llama.cpp wrote {answer.text!r}, which the grammar does not allow.",
            "This is a defect of Helder or of llama.cpp: report it with the recipe and the model's digest.",
            ExitCode.OURS,
        )
    return answer
