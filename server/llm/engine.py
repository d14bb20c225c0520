"""The serving engine: one model, one driver thread, many generations at once.

The pipeline of OpenVINO GenAI is not thread-safe, so only the driver adds requests and steps. A
caller gets a `Generation` at once and reads its text from a queue, in any thread.

Measured on 2 cores (AMD Zen 4, Q8_0, 366-token prompt): in "fast" precision the first token takes
0.24 s, 8 visitors get 148 tok/s together, but activations are rounded to 8 bit per batch, so a
reply may differ with what else is running. "exact" computes in f32: the same prompt gives the same
bytes alone, in any batch and after a reload; 0.45 s, 80 tok/s alone, 80 tok/s for 8.
"""

import ctypes
import gc
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import openvino as ov
import openvino_genai as genai

from server.errors import Invalid, Unavailable
from server.llm.generation import FinishReason, Generation, GenerationParams
from server.llm.stream import TextStream
from server.llm.tokenizer import ChatTokenizer
from server.signals import same_signal_stack

__all__ = ["Engine", "Generation", "GenerationParams", "Precision"]

Precision = Literal["exact", "fast"]
log = logging.getLogger(__name__)

_PROPERTIES: dict[Precision, dict[str, str]] = {
    # All three are needed: 8-bit activations, bf16 products and an 8-bit cache each make the
    # result depend on the batch.
    "exact": {
        "INFERENCE_PRECISION_HINT": "f32",
        "KV_CACHE_PRECISION": "f16",
        "DYNAMIC_QUANTIZATION_GROUP_SIZE": "0",
    },
    "fast": {},
}


@dataclass(slots=True)
class _Running:
    generation: Generation
    handle: Any
    stream: TextStream = field(repr=False)


class Engine:
    """Serves one model directory (OpenVINO IR, tokenizer.json, chat.json).

    `threads` 0 means all cores; `cache_gb` bounds the key-value cache, which grows with use.
    At most `max_active` generations run together and `max_waiting` more wait.
    """

    def __init__(
        self,
        model_dir: Path,
        *,
        threads: int = 0,
        cache_gb: int = 1,
        precision: Precision = "exact",
        max_active: int = 32,
        max_waiting: int = 64,
        open_pipeline: Callable[..., Any] = genai.ContinuousBatchingPipeline,
    ) -> None:
        began = time.monotonic()
        if not (model_dir / "openvino_model.xml").is_file():
            raise Unavailable(
                f"there is no prepared model in {model_dir}.", hint="Run: parlance models prepare"
            )
        self.model_dir = model_dir
        self.tokenizer = ChatTokenizer(model_dir)
        self._max_active = max_active
        self._max_open = max_active + max_waiting
        self._waiting: deque[Generation] = deque()
        self._running: list[_Running] = []
        self._wake = threading.Condition()
        self._closing = False
        self._fault: str | None = None
        self._next_id = 0
        properties: dict[str, Any] = dict(_PROPERTIES[precision])
        if threads:
            properties["INFERENCE_NUM_THREADS"] = threads
        with same_signal_stack():
            self._pipeline: Any = open_pipeline(
                str(model_dir), _scheduler(cache_gb, max_active), "CPU", properties
            )
        self._thread = threading.Thread(target=self._drive, name="engine", daemon=True)
        self._thread.start()
        self.load_seconds = time.monotonic() - began

    @property
    def is_broken(self) -> bool:
        """Whether a failed step ended this engine; only a new one helps."""
        return self._fault is not None

    @property
    def context_length(self) -> int:
        """Tokens that the model holds, prompt and reply together."""
        return self.tokenizer.format.context_length

    @property
    def open_count(self) -> int:
        """Generations that run or wait."""
        return len(self._running) + len(self._waiting)

    def generate(
        self, prompt: str | Sequence[int], params: GenerationParams | None = None
    ) -> Generation:
        """Start a reply to a prompt of ids (see `encode_chat`) or of plain text."""
        ids = self.tokenizer.encode(prompt) if isinstance(prompt, str) else prompt
        self._check_length(ids)
        generation = Generation(ids, params or GenerationParams())
        with self._wake:
            self._check_open()
            self._waiting.append(generation)
            self._wake.notify()
        return generation

    def encode_chat(self, messages: Sequence[dict[str, str]]) -> list[int]:
        """Encode a chat up to where the assistant's reply begins."""
        return self.tokenizer.encode_chat(messages)

    def count_tokens(self, text: str) -> int:
        """Count the tokens of a plain text."""
        return self.tokenizer.count_tokens(text)

    def close(self, *, drain_seconds: float = 10.0) -> None:
        """Take no more requests, let the open ones finish, then free the model's memory."""
        deadline = time.monotonic() + drain_seconds
        with self._wake:
            self._closing = True
            self._wake.notify()
        while self.open_count and self._thread.is_alive() and time.monotonic() < deadline:
            time.sleep(0.02)
        for generation in self._open_generations():
            generation.cancel()
        self._thread.join()
        _return_memory()

    def _check_length(self, ids: Sequence[int]) -> None:
        room = self.context_length
        if not ids:
            raise Invalid("the prompt is empty.", hint="Send at least one token.")
        if len(ids) >= room:
            raise Invalid(
                f"the prompt has {len(ids)} tokens, the model holds {room}.",
                hint="Shorten the question or send fewer passages.",
            )

    def _check_open(self) -> None:
        if self._fault is not None:
            raise _broken(self._fault)
        if self._closing:
            raise Unavailable("the model is being replaced.", hint="Try again in a moment.")
        if self.open_count >= self._max_open:
            raise Unavailable(
                "the assistant is busy with other visitors.", hint="Try again in a few seconds."
            )

    def _open_generations(self) -> list[Generation]:
        return [running.generation for running in list(self._running)] + list(self._waiting)

    def _drive(self) -> None:
        try:
            while self._await_work():
                self._admit()
                self._drop_cancelled()
                if self._pipeline.has_non_finished_requests():
                    self._pipeline.step()
                    self._running = [item for item in self._running if not self._read(item)]
        except Exception as fault:
            # Whatever went wrong inside the pipeline, nobody may be left waiting for a token.
            log.exception("the engine stopped")
            self._fail(str(fault))
        finally:
            self._pipeline = None

    def _await_work(self) -> bool:
        # A cancelled request keeps its cache blocks until one more step has seen it.
        if self._pipeline.has_non_finished_requests():
            return True
        with self._wake:
            while not (self._waiting or self._closing):
                self._wake.wait()
            return bool(self._waiting)

    def _admit(self) -> None:
        while self._waiting and len(self._running) < self._max_active:
            with self._wake:
                generation = self._waiting.popleft()
            if generation.is_cancelled:
                generation.end("cancelled")
            else:
                self._running.append(self._start(generation))

    def _start(self, generation: Generation) -> _Running:
        self._next_id += 1
        tensor = ov.Tensor(np.array([generation.prompt], dtype=np.int64))
        config = _config(generation, self.tokenizer)
        stream = TextStream(
            self.tokenizer.decode_bytes,
            stop=generation.params.stop,
            stop_on_repeat=generation.params.stop_on_repeat,
        )
        generation.mark_admitted()
        handle = self._pipeline.add_request(self._next_id, tensor, config)
        return _Running(generation, handle, stream)

    def _drop_cancelled(self) -> None:
        for item in self._running:
            if item.generation.is_cancelled:
                item.handle.cancel()
                item.generation.end("cancelled")
        self._running = [item for item in self._running if not item.generation.is_cancelled]

    def _read(self, item: _Running) -> bool:
        """Pass on what the last step produced; return whether the reply has ended."""
        generation, stream = item.generation, item.stream
        reason: FinishReason | None = None
        while item.handle.can_read():
            for output in item.handle.read().values():
                ids = output.generated_ids
                generation.put("".join(map(stream.push, ids)), len(ids))
                reason = _REASONS.get(output.finish_reason)
        if stream.ended is not None:
            item.handle.cancel()
            generation.end("stop" if stream.ended == "stop" else "repetition")
        elif reason is not None:
            generation.put(stream.finish(), 0)
            generation.end("repetition" if stream.ended else reason)
        elif item.handle.get_status() == genai.GenerationStatus.IGNORED:
            generation.end("error", _too_large(generation))
        return generation.finish_reason is not None

    def _fail(self, why: str) -> None:
        with self._wake:
            self._fault = why
            stranded = self._open_generations()
            self._running, self._waiting = [], deque()
        for generation in stranded:
            generation.end("error", _broken(why))


_REASONS: dict[Any, FinishReason] = {
    genai.GenerationFinishReason.STOP: "stop",
    genai.GenerationFinishReason.LENGTH: "length",
}


def _scheduler(cache_gb: int, max_active: int) -> Any:
    scheduler = genai.SchedulerConfig()
    scheduler.cache_size = cache_gb
    scheduler.max_num_seqs = max_active
    # Bounds how long one step takes, and so how late a cancel or another visitor's token may be.
    scheduler.max_num_batched_tokens = 512
    scheduler.dynamic_split_fuse = True
    scheduler.enable_prefix_caching = True
    return scheduler


def _config(generation: Generation, tokenizer: ChatTokenizer) -> Any:
    params, chat = generation.params, tokenizer.format
    config = genai.GenerationConfig()
    room = chat.context_length - generation.prompt_tokens
    config.max_new_tokens = min(params.max_new_tokens, room)
    config.ignore_eos = params.ignore_eos
    if not params.ignore_eos:
        config.eos_token_id = chat.control_tokens[chat.eos_token]
        # A reply that opens a turn of its own has ended, whatever token it used.
        config.stop_token_ids = set(chat.control_tokens.values())
    config.repetition_penalty = params.repetition_penalty
    config.frequency_penalty = params.frequency_penalty
    config.do_sample = params.temperature > 0
    if config.do_sample:
        config.temperature = params.temperature
        config.top_p = params.top_p
        config.rng_seed = params.seed
    return config


def _broken(why: str) -> Unavailable:
    log.debug("engine fault: %s", why)
    return Unavailable(
        "the model stopped working.", hint="The owner can restart the server; its log says why."
    )


def _too_large(generation: Generation) -> Unavailable:
    return Unavailable(
        f"a prompt of {generation.prompt_tokens} tokens does not fit the model's cache.",
        hint="Shorten it, or give the engine a larger cache.",
    )


def _return_memory() -> None:
    """Hand freed weights back to the system: glibc keeps them, and each swap would grow."""
    gc.collect()
    try:
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    except (OSError, AttributeError):
        log.debug("no malloc_trim on this system")
