"""The engine behind LangChain's interface."""

import time

import pytest
from langchain_core.messages import AIMessageChunk, HumanMessage, ToolMessage

from server.errors import Invalid
from server.llm.chat_model import EngineChatModel
from server.llm.engine import Engine, GenerationParams

pytestmark = pytest.mark.model

MESSAGES = [HumanMessage("What is the capital of France?")]


def test_streamed_and_invoked_replies_are_equal_and_carry_timings(engine: Engine) -> None:
    model = EngineChatModel(engine=engine, params=GenerationParams(max_new_tokens=30))
    chunks = list(model.stream(MESSAGES))
    whole = sum(chunks[1:], chunks[0])
    assert isinstance(whole, AIMessageChunk)
    assert whole.text == model.invoke(MESSAGES).text
    assert "Paris" in whole.text
    assert whole.response_metadata["finish_reason"] == "stop"
    assert whole.response_metadata["timings"]["first_token"] > 0
    assert whole.usage_metadata is not None
    assert whole.usage_metadata["input_tokens"] > 20


def test_b07_closing_the_stream_cancels_the_generation(engine: Engine) -> None:
    endless = GenerationParams(max_new_tokens=2000, ignore_eos=True, stop_on_repeat=False)
    model = EngineChatModel(engine=lambda: engine, params=endless)
    stream = model.stream(MESSAGES)
    next(stream)
    assert engine.open_count == 1
    began = time.monotonic()
    stream.close()  # type: ignore[attr-defined]
    while engine.open_count and time.monotonic() < began + 1:
        time.sleep(0.01)
    assert engine.open_count == 0


def test_stop_words_of_the_call_are_heeded(engine: Engine) -> None:
    model = EngineChatModel(engine=engine)
    assert "Paris" not in model.invoke(MESSAGES, stop=["Paris"]).text


def test_a_message_kind_the_model_cannot_take_is_refused(engine: Engine) -> None:
    with pytest.raises(Invalid, match="'tool' messages"):
        EngineChatModel(engine=engine).invoke([ToolMessage("x", tool_call_id="1")])
