"""Reading the owner's example replies from an uploaded file (JSONL or CSV)."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

from server.errors import Invalid
from server.store.pairs import NewExample

_LONGEST = 8000
_HINT = 'Each row needs "question" and "answer"; "context" is optional.'


def read_examples(name: str, body: bytes) -> list[NewExample]:
    """Read all rows; Invalid names the first that cannot be used."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Invalid(f"{name} is not UTF-8 text.", hint="Save it as UTF-8.") from None
    rows = _json_rows(name, text) if text.lstrip().startswith("{") else _csv_rows(text)
    found = [_example(name, number, row) for number, row in rows]
    if not found:
        raise Invalid(f"{name} holds no example replies.", hint=_HINT)
    return found


def _json_rows(name: str, text: str) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            yield number, json.loads(line)
        except (ValueError, RecursionError):
            raise Invalid(f"Row {number} of {name} is not JSON.", hint=_HINT) from None


def _csv_rows(text: str) -> Iterator[tuple[int, Any]]:
    reader = csv.DictReader(io.StringIO(text, newline=""))
    for row in reader:
        yield reader.line_num, {(k or "").strip().lower(): v for k, v in row.items()}


def _example(name: str, number: int, row: Any) -> NewExample:
    fields = row if isinstance(row, dict) else {}
    question, answer, context = (fields.get(n) for n in ("question", "answer", "context"))
    if not (isinstance(question, str) and isinstance(answer, str)):
        raise Invalid(f"Row {number} of {name} is no example reply.", hint=_HINT)
    if not question.strip() or not answer.strip() or max(len(question), len(answer)) > _LONGEST:
        raise Invalid(f"Row {number} of {name} is empty or longer than {_LONGEST} characters.")
    kept = context.strip() if isinstance(context, str) and context.strip() else None
    return NewExample(question.strip(), answer.strip(), kept)
