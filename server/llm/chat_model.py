"""The engine as a LangChain chat model."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models.chat_models import BaseChatModel, generate_from_stream
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import ConfigDict

from server.errors import Invalid
from server.llm.engine import Engine, Generation, GenerationParams

_ROLES = {"system": "system", "human": "user", "ai": "assistant"}


class EngineChatModel(BaseChatModel):
    """Streams replies of an engine, or of the one a callable names when the reply starts.

    Closing the stream cancels the generation. Stream the model itself, not `model | parser`: when
    such a chain is closed, langchain-core first reads its input to the end.

    The last chunk carries token counts in `usage_metadata`, and `finish_reason` and `timings`
    (seconds) in `response_metadata`.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    engine: Engine | Callable[[], Engine]
    params: GenerationParams = GenerationParams()

    @property
    def _llm_type(self) -> str:
        return "parlance-engine"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return generate_from_stream(self._stream(messages, stop, run_manager, **kwargs))

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        engine = self.engine if isinstance(self.engine, Engine) else self.engine()
        generation = engine.generate(engine.encode_chat(as_dicts(messages)), self._params(stop))
        try:
            for text in generation:
                chunk = ChatGenerationChunk(message=AIMessageChunk(content=text))
                if run_manager:
                    run_manager.on_llm_new_token(text, chunk=chunk)
                yield chunk
        finally:
            # The consumer may have closed us between two tokens.
            generation.cancel()
        yield ChatGenerationChunk(message=_last_chunk(generation))

    def _params(self, stop: Sequence[str] | None) -> GenerationParams:
        if not stop:
            return self.params
        return GenerationParams(**{**asdict(self.params), "stop": (*self.params.stop, *stop)})


def as_dicts(messages: Sequence[BaseMessage]) -> list[dict[str, str]]:
    """Translate LangChain messages into the role/content pairs the tokenizer takes."""
    unknown = [message.type for message in messages if message.type not in _ROLES]
    if unknown:
        raise Invalid(
            f"the model takes no '{unknown[0]}' messages.", hint="Send system, human or ai ones."
        )
    return [{"role": _ROLES[m.type], "content": str(m.text)} for m in messages]


def _last_chunk(generation: Generation) -> AIMessageChunk:
    usage = UsageMetadata(
        input_tokens=generation.prompt_tokens,
        output_tokens=generation.completion_tokens,
        total_tokens=generation.prompt_tokens + generation.completion_tokens,
    )
    return AIMessageChunk(
        content="",
        usage_metadata=usage,
        response_metadata={
            "finish_reason": generation.finish_reason,
            "timings": asdict(generation.timings),
        },
        chunk_position="last",
    )
