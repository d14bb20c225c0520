"""The prompt-only rival: the base model with example replies in its prompt, asked the same.

The examples stand as earlier turns between the system message and the question, each with its
facts, as a training row would show it. Everything else is what serving does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.outputs import ChatGenerationChunk

from server.llm.chat_model import EngineChatModel
from server.store.pairs import Pair
from tuning.evaluation.evaluate import Evaluation

Examples = Sequence[BaseMessage]


class FewShot(EngineChatModel):
    """The engine's chat model with examples before every question."""

    examples: Sequence[BaseMessage] = ()

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        shown = [messages[0], *self.examples, *messages[1:]]
        yield from super()._stream(shown, stop, run_manager, **kwargs)


def as_turns(pairs: Sequence[Pair]) -> Examples:
    """Each pair as a turn: what was asked with its facts, and the owner's reply."""
    turns: list[BaseMessage] = []
    for pair in pairs:
        turns += [HumanMessage(pair.prompt[-1]["content"]), AIMessage(pair.completion)]
    return turns


def with_examples(rows: Sequence[Pair], pairs: Sequence[Pair]) -> list[Pair]:
    """Rows whose prompts show the examples, for their loss."""
    shown = [
        message
        for p in pairs
        for message in (p.prompt[-1], {"role": "assistant", "content": p.completion})
    ]
    return [_shown(row, shown) for row in rows]


def rival(examples: Examples) -> type[Evaluation]:
    """An evaluation whose candidate is shown the examples; the base beside it is not."""

    class Prompted(Evaluation):
        def _candidates_part(self, base: Any) -> Any:
            def prompted(**fields: Any) -> FewShot:
                return FewShot(examples=examples, **fields)

            with patch("tuning.evaluation.listening.EngineChatModel", prompted):
                return super()._candidates_part(base)

    return Prompted


def _shown(row: Pair, shown: Sequence[dict[str, str]]) -> Pair:
    return replace(row, prompt=[row.prompt[0], *shown, *row.prompt[1:]])
