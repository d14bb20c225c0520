"""Reading the owner's example replies from an uploaded file.

JSONL, a JSON list or CSV; rows are question with answer, or chats as other trainers write them
(`server.learn.chats`). Either all rows can be used or the wrong ones are named.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

from server.errors import Invalid
from server.learn.chats import example_of, is_chat
from server.store.pairs import NewExample

_LONGEST = 8000
_LONGEST_CONTEXT = 100_000
_NAMED = 5
_HINT = (
    'Each row needs "question" and "answer" ("context" is optional), or is a chat as OpenAI, '
    "ShareGPT or TRL write it. Nothing was imported."
)


def read_examples(name: str, body: bytes) -> list[NewExample]:
    """Read all rows; Invalid names the first few that cannot be used."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Invalid(f"{name} is not UTF-8 text.", hint="Save it as UTF-8.") from None
    found: list[NewExample] = []
    wrong: list[str] = []
    for number, row in _rows(name, text):
        try:
            found.append(_example(row))
        except ValueError as fault:
            wrong.append(f"Row {number} of {name} {fault}.")
    if wrong:
        more = f" {len(wrong) - _NAMED} more rows are wrong." if len(wrong) > _NAMED else ""
        raise Invalid(" ".join(wrong[:_NAMED]) + more, hint=_HINT)
    if not found:
        raise Invalid(f"{name} holds no example replies.", hint=_HINT)
    return found


def _rows(name: str, text: str) -> Iterator[tuple[int, Any]]:
    """Rows with their line; a row that is no JSON comes as the ValueError that says so."""
    start = text.lstrip()[:1]
    if start == "{":
        return _json_lines(text)
    return _json_list(name, text) if start == "[" else _csv_rows(text)


def _json_lines(text: str) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except (ValueError, RecursionError):
                yield number, ValueError("is not JSON")


def _json_list(name: str, text: str) -> Iterator[tuple[int, Any]]:
    try:
        rows = json.loads(text)
    except (ValueError, RecursionError):
        raise Invalid(f"{name} begins as a JSON list and is none.", hint=_HINT) from None
    yield from enumerate(rows, start=1)


def _csv_rows(text: str) -> Iterator[tuple[int, Any]]:
    reader = csv.DictReader(io.StringIO(text, newline=""))
    for row in reader:
        yield reader.line_num, {(k or "").strip().lower(): v for k, v in row.items()}


def _example(row: Any) -> NewExample:
    """One row; ValueError with the rest of a sentence about it."""
    if isinstance(row, ValueError):
        raise row
    if isinstance(row, dict) and is_chat(row) and "question" not in row:
        try:
            found = example_of(row)
        except ValueError as fault:
            raise ValueError(f"is no example reply: {fault}") from None
    else:
        found = _plain(row if isinstance(row, dict) else {})
    if not found.question or not found.answer:
        raise ValueError(f"is empty or longer than {_LONGEST} characters")
    if max(len(found.question), len(found.answer)) > _LONGEST:
        raise ValueError(f"is empty or longer than {_LONGEST} characters")
    if len(found.context or "") > _LONGEST_CONTEXT:
        raise ValueError(f"has a context of more than {_LONGEST_CONTEXT} characters")
    return found


def _plain(fields: dict[str, Any]) -> NewExample:
    question, answer, context = (fields.get(n) for n in ("question", "answer", "context"))
    if not (isinstance(question, str) and isinstance(answer, str)):
        raise ValueError("is no example reply")
    kept = context.strip() if isinstance(context, str) and context.strip() else None
    return NewExample(question.strip(), answer.strip(), kept)
