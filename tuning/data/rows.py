"""Rows: pairs as token ids, made by the tokenizer that serves, with the prompt's part marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from server.errors import Invalid
from server.llm.tokenizer import ChatTokenizer
from server.store.pairs import Pair
from tuning.child import read_lines, write_lines

IGNORED = -100

Messages = Sequence[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Row:
    """A chat up to the reply, and the reply, as text."""

    prompt: Messages
    completion: str


@dataclass(frozen=True, slots=True)
class Encoded:
    """A row's ids; the first `prompt_tokens` of them are the prompt and are not learnt."""

    ids: list[int]
    prompt_tokens: int

    @property
    def labels(self) -> list[int]:
        return [IGNORED] * self.prompt_tokens + self.ids[self.prompt_tokens :]


def encode(tokenizer: ChatTokenizer, prompt: Messages, completion: str) -> Encoded:
    """Encode a prompt with its reply.

    Invalid if the prompt alone is not how the whole begins: the model would then learn to go on
    from something that serving never shows it.
    """
    asked = tokenizer.encode_chat(prompt)
    whole = tokenizer.encode_chat(
        [*prompt, {"role": "assistant", "content": completion}], add_generation_prompt=False
    )
    if whole[: len(asked)] != asked or len(whole) <= len(asked):
        raise Invalid(
            "The model's chat template renders a prompt differently once a reply follows it.",
            hint="Such a model can serve but not be tuned; choose another base model.",
        )
    return Encoded(whole, len(asked))


def row_hash(prompt: Messages, completion: str) -> str:
    """Names a row by what it shows and what it teaches."""
    spelled = "\0".join([*(m["content"] for m in prompt), completion])
    return blake2b(spelled.encode(), digest_size=16).hexdigest()


def write_rows(path: Path, pairs: Sequence[Pair]) -> None:
    """Write pairs as prompt-completion rows, one JSON object a line."""
    write_lines(path, [{"prompt": p.prompt, "completion": p.completion} for p in pairs])


def read_rows(path: Path) -> list[Row]:
    return [Row(row["prompt"], row["completion"]) for row in read_lines(path)]
