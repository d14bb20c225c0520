"""Chat rows of other trainers as example replies: OpenAI's, ShareGPT's and TRL's, told apart by
their keys.

Of a row the last assistant message is the reply and the user message before it the question; what
came earlier is not kept, since the prompt is built afresh for each run. Where the user message is
one of our own prompts - an export that comes back - its facts become the example's context.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from server.prompt import fence
from server.store.pairs import NewExample

_ROLES = {
    "system": "system", "developer": "system", "user": "user", "human": "user",
    "assistant": "assistant", "gpt": "assistant", "model": "assistant", "chatgpt": "assistant",
}  # fmt: skip
_PROMPT = re.compile(
    r"Facts (?P<code>[a-z]+):\n(?P<facts>(?:- [^\n]*\n)+)\nQuestion (?P=code): (?P<question>[^\n]+)"
)

Said = list[tuple[str, str]]


def is_chat(row: Mapping[str, Any]) -> bool:
    """Whether a row has the keys of one of the three forms."""
    return any(name in row for name in ("messages", "conversations", "prompt"))


def example_of(row: Mapping[str, Any]) -> NewExample:
    """The example of a chat row; ValueError with what is wrong with it."""
    said = _said(row)
    if not said or said[-1][0] != "assistant":
        raise ValueError("it does not end with a reply of the assistant")
    if len(said) < 2 or said[-2][0] != "user":
        raise ValueError("no message of a user stands before its reply")
    asked, context = _taken_apart(said[-2][1])
    return NewExample(asked.strip(), said[-1][1].strip(), context)


def _said(row: Mapping[str, Any]) -> Said:
    """The roles and texts of a row, in order."""
    if "messages" in row:
        return _messages(row["messages"], "role", "content")
    if "conversations" in row:
        return _messages(row["conversations"], "from", "value")
    reply = row.get("completion", row.get("chosen"))
    return _part(row["prompt"], "user") + _part(reply, "assistant")


def _part(part: Any, role: str) -> Said:
    """TRL's prompt and completion are either a plain text or messages."""
    return [(role, part)] if isinstance(part, str) else _messages(part, "role", "content")


def _messages(rows: Any, role_name: str, text_name: str) -> Said:
    if not isinstance(rows, list) or not rows:
        raise ValueError("its messages are no list")
    return [_message(row, role_name, text_name) for row in rows]


def _message(row: Any, role_name: str, text_name: str) -> tuple[str, str]:
    given = row.get(role_name) if isinstance(row, dict) else None
    role = _ROLES.get(given) if isinstance(given, str) else None
    if role is None:
        raise ValueError(f'a message has no "{role_name}" that is system, user or assistant')
    text = _text(row.get(text_name))
    if text is None:
        raise ValueError(f'the "{text_name}" of a message is no text')
    return role, text


def _text(content: Any) -> str | None:
    """OpenAI's content is a text or a list of parts."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list) or not content:
        return None
    texts = [
        part["text"] if isinstance(part, dict) and isinstance(part.get("text"), str) else None
        for part in content
    ]
    return None if None in texts else "".join(text or "" for text in texts)


def _taken_apart(asked: str) -> tuple[str, str | None]:
    """The question and the facts of a prompt of ours, known by its fence; else the text itself."""
    match = _PROMPT.fullmatch(asked)
    if match is None:
        return asked, None
    facts: Sequence[str] = [line[2:] for line in match["facts"].splitlines()]
    if fence([*facts, match["question"]]) != match["code"]:
        return asked, None
    return match["question"], "\n".join(facts)
