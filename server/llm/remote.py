"""Models served elsewhere over OpenAI's protocol, such as vLLM on a GPU machine."""

from collections.abc import Sequence

from langchain_core.language_models.chat_models import BaseChatModel
from pydantic import SecretStr

from server.errors import Invalid
from server.llm.engine import GenerationParams
from server.prompt import Message, Room

# What a chat template adds to a message.
_FRAME = 8


def remote_chat_model(
    base_url: str,
    *,
    api_key: str,
    model: str,
    params: GenerationParams | None = None,
    timeout_seconds: float = 60.0,
) -> BaseChatModel:
    """Return a streaming chat model for an OpenAI-compatible server.

    `repetition_penalty`, `stop_on_repeat` and `ignore_eos` are the local engine's and not sent.
    """
    if not base_url.startswith(("http://", "https://")):
        raise Invalid(
            f"'{base_url}' is not the address of a model server.",
            hint="Write it as http://host:port/v1.",
        )
    from langchain_openai import ChatOpenAI  # a second of import that local serving never pays

    chosen = params or GenerationParams()
    return ChatOpenAI(
        base_url=base_url,
        api_key=SecretStr(api_key or "none"),
        model=model,
        temperature=chosen.temperature,
        top_p=chosen.top_p,
        seed=chosen.seed,
        frequency_penalty=chosen.frequency_penalty,
        max_completion_tokens=chosen.max_new_tokens,
        stop_sequences=list(chosen.stop) or None,
        timeout=timeout_seconds,
        max_retries=1,
        streaming=True,
        stream_usage=True,
    )


def estimated_room(context_length: int, *, reply_tokens: int) -> Room:
    """What a model elsewhere holds: its tokenizer is not here, so the count is an estimate."""
    return Room(tokens=context_length - reply_tokens, count=_estimate)


def _estimate(messages: Sequence[Message]) -> int:
    """Tokens of a chat, rather too many: three letters each, and every digit may be one.

    Scripts that a vocabulary was not made for are spelled in bytes.
    """
    return sum(_FRAME + _size(message["content"]) for message in messages)


def _size(text: str) -> int:
    plain = sum(map(str.isascii, text))
    foreign = len(text.encode("utf-8", "replace")) - plain
    return (plain + 2 * sum(map(str.isdigit, text))) // 3 + foreign
