"""Exports: the rows of a dataset in the forms that other trainers read, one JSON object a line.

`openai`: {"messages": [...]}, as OpenAI's chat tuning takes; `sharegpt`: {"conversations":
[{"from", "value"}]}, as LLaMA-Factory and Axolotl read; `trl`: {"prompt": [...], "completion":
[...]}, as TRL's SFTTrainer takes conversational rows. `chats` reads all three back.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from server.store.pairs import Pair

_SHAREGPT_ROLES = {"system": "system", "user": "human", "assistant": "gpt"}


def lines_of(pairs: Sequence[Pair], form: str) -> Iterator[str]:
    """Each pair as a line. `form` is one of `FORMS`."""
    make = FORMS[form]
    for pair in pairs:
        yield json.dumps(make(pair), ensure_ascii=False) + "\n"


def _openai(pair: Pair) -> dict[str, Any]:
    return {"messages": [*pair.prompt, _said(pair)]}


def _sharegpt(pair: Pair) -> dict[str, Any]:
    messages = [*pair.prompt, _said(pair)]
    return {
        "conversations": [
            {"from": _SHAREGPT_ROLES[m["role"]], "value": m["content"]} for m in messages
        ]
    }


def _trl(pair: Pair) -> dict[str, Any]:
    return {"prompt": pair.prompt, "completion": [_said(pair)]}


def _said(pair: Pair) -> dict[str, str]:
    return {"role": "assistant", "content": pair.completion}


FORMS: Mapping[str, Callable[[Pair], dict[str, Any]]] = MappingProxyType(
    {"openai": _openai, "sharegpt": _sharegpt, "trl": _trl}
)
