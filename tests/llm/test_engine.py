"""The engine on the real default model."""

import threading
import time
from pathlib import Path
from typing import Any

import openvino_genai as genai
import psutil
import pytest

from server.errors import Invalid, Unavailable
from server.llm.engine import Engine, Generation, GenerationParams
from server.llm.models import Prepared

pytestmark = pytest.mark.model

QUESTIONS = [
    "What is the capital of France?",
    "How do I reset my password? Explain each step, please, for somebody new to computers.",
    "Write a short greeting for a bakery.",
    "Name three fruits and say what colour each has.",
    "What is a refund?",
    "Tell me a story about a dog, a boat and a very old lighthouse keeper.",
]
SHORT = GenerationParams(max_new_tokens=40)
ENDLESS = GenerationParams(max_new_tokens=2000, ignore_eos=True, stop_on_repeat=False)


def _prompts(engine: Engine) -> list[list[int]]:
    return [engine.encode_chat([{"role": "user", "content": text}]) for text in QUESTIONS]


def test_a_reply_comes_with_its_counts_and_timings(engine: Engine) -> None:
    generation = engine.generate(_prompts(engine)[0], SHORT)
    assert "Paris" in generation.text()
    assert generation.finish_reason == "stop"
    assert generation.prompt_tokens > 20
    assert 0 < generation.completion_tokens <= 40
    times = generation.timings
    assert times.queued is not None
    assert times.first_token is not None
    assert times.total is not None
    assert times.queued <= times.first_token <= times.total


def test_a73_b34_the_same_prompt_gives_the_same_bytes_alone_in_a_batch_and_after_a_reload(
    engine: Engine, prepared: Prepared
) -> None:
    prompts = _prompts(engine)
    alone = [engine.generate(prompt, SHORT).text() for prompt in prompts]
    together = [engine.generate(prompt, SHORT) for prompt in prompts]
    assert [generation.text() for generation in together] == alone
    reloaded = Engine(prepared.serving)
    try:
        staggered = []
        for prompt in reversed(prompts):
            staggered.append(reloaded.generate(prompt, SHORT))
            time.sleep(0.05)
        assert [generation.text() for generation in reversed(staggered)] == alone
    finally:
        reloaded.close()


def test_b07_a_cancelled_generation_stops_at_once_and_frees_its_place(engine: Engine) -> None:
    generation = engine.generate(_prompts(engine)[5], ENDLESS)
    pieces = iter(generation)
    next(pieces)
    generation.cancel()
    began = time.monotonic()
    for _ in pieces:
        pass
    assert time.monotonic() - began < 0.3
    assert generation.finish_reason == "cancelled"
    assert engine.open_count == 0


def test_a77_leaving_the_stream_early_cancels(engine: Engine) -> None:
    generation = engine.generate(_prompts(engine)[5], ENDLESS)
    pieces = generation.__iter__()
    next(pieces)
    pieces.close()  # type: ignore[attr-defined]
    _wait_until(lambda: engine.open_count == 0)
    assert generation.finish_reason == "cancelled"


def test_a77_a_stream_nobody_ever_read_can_be_cancelled_too(engine: Engine) -> None:
    generation = engine.generate(_prompts(engine)[5], ENDLESS)
    generation.cancel()
    _wait_until(lambda: engine.open_count == 0)
    assert generation.finish_reason == "cancelled"


def test_an_empty_or_too_long_prompt_is_refused(engine: Engine) -> None:
    with pytest.raises(Invalid, match="empty"):
        engine.generate([])
    with pytest.raises(Invalid, match="9000 tokens, the model holds 8192"):
        engine.generate([5] * 9000)


def test_a_stop_string_ends_the_reply_without_being_shown(engine: Engine) -> None:
    params = GenerationParams(max_new_tokens=40, stop=("Paris",))
    generation = engine.generate(_prompts(engine)[0], params)
    assert "Paris" not in generation.text()
    assert generation.finish_reason == "stop"


def test_b38_beyond_the_queue_a_visitor_is_told_to_come_back(prepared: Prepared) -> None:
    engine = Engine(prepared.serving, max_active=1, max_waiting=1)
    try:
        prompt = _prompts(engine)[5]
        opened = [engine.generate(prompt, ENDLESS) for _ in range(2)]
        with pytest.raises(Unavailable, match="busy"):
            engine.generate(prompt, ENDLESS)
        for generation in opened:
            generation.cancel()
        _wait_until(lambda: engine.open_count == 0)
        assert engine.generate(prompt, SHORT).text()
    finally:
        engine.close(drain_seconds=0)


class _FailingPipeline:
    """The real pipeline until its fifth step."""

    def __init__(self, *arguments: Any) -> None:
        self._real = genai.ContinuousBatchingPipeline(*arguments)
        self._steps = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def step(self) -> None:
        self._steps += 1
        if self._steps == 5:
            raise RuntimeError("out of memory")
        self._real.step()


def test_b14_when_a_step_fails_every_reader_gets_an_error_within_a_second(
    prepared: Prepared,
) -> None:
    engine = Engine(prepared.serving, open_pipeline=_FailingPipeline)
    prompts = _prompts(engine)
    opened = [engine.generate(prompt, ENDLESS) for prompt in prompts[:3]]
    errors: list[Exception] = []

    def read(generation: Generation) -> None:
        try:
            generation.text()
        except Unavailable as fault:
            errors.append(fault)

    readers = [threading.Thread(target=read, args=(generation,)) for generation in opened]
    for reader in readers:
        reader.start()
    _wait_until(lambda: engine.is_broken)
    for reader in readers:
        reader.join(timeout=1)
    assert len(errors) == 3
    assert {generation.finish_reason for generation in opened} == {"error"}
    with pytest.raises(Unavailable, match="stopped working"):
        engine.generate(prompts[0])
    engine.close()


def test_closing_lets_open_replies_finish_and_takes_no_more(prepared: Prepared) -> None:
    engine = Engine(prepared.serving)
    generation = engine.generate(_prompts(engine)[3], SHORT)
    closing = threading.Thread(target=engine.close)
    closing.start()
    _wait_until(lambda: engine._closing)
    with pytest.raises(Unavailable, match="being replaced"):
        engine.generate(_prompts(engine)[3], SHORT)
    assert generation.text()
    assert generation.finish_reason in ("stop", "length", "repetition")
    closing.join(timeout=10)
    assert not closing.is_alive()


@pytest.mark.slow
def test_b35_memory_does_not_grow_with_swaps(prepared: Prepared) -> None:
    def swap() -> float:
        engine = Engine(prepared.serving)
        engine.generate(_prompts(engine)[0], SHORT).text()
        engine.close()
        return psutil.Process().memory_info().rss / 1e6

    settled = [swap() for _ in range(3)][-1]
    after = [swap() for _ in range(5)][-1]
    assert after < settled * 1.05 + 10


def test_a_missing_model_folder_is_one_clear_sentence(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="no prepared model"):
        Engine(tmp_path / "nothing")


def _wait_until(condition: Any, seconds: float = 5) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)
