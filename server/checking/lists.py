"""Reading a question list from a file or a paste: JSONL as `parlance eval` takes it, or a table."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

from server.errors import AppError, Invalid
from server.store.checks import NewCheck

_HINT = (
    'A line is {"question": "...", "expect": {"url": "..."}}, {"phrase": "..."} or null; '
    "a table has the columns question, url, phrase and refuse. Nothing was imported."
)
_YES = frozenset({"yes", "y", "true", "1", "x"})


def read_list(name: str, body: bytes) -> list[NewCheck]:
    """Read all questions; Invalid names the first row that cannot be used."""
    try:
        text = body.decode("utf-8-sig").replace("\x00", "")
    except UnicodeDecodeError:
        raise Invalid(f"{name} is not UTF-8 text.", hint="Save it as UTF-8.") from None
    rows = _json_rows(name, text) if text.lstrip().startswith("{") else _table_rows(name, text)
    found = []
    for number, row in rows:
        try:
            found.append(_check(row))
        except AppError as error:
            raise Invalid(f"Row {number} of {name}: {error.message}", hint=_HINT) from None
    if not found:
        raise Invalid(f"{name} holds no questions.", hint=_HINT)
    return found


def check_of(row: Any) -> NewCheck:
    """A question from a JSON object; Invalid if it does not say what is expected."""
    if not isinstance(row, dict) or not isinstance(row.get("question"), str):
        raise Invalid('There is no "question".')
    if "expect" not in row:
        # Left out is not null: a bare list of questions must not become one of refusals.
        raise Invalid('There is no "expect".', hint="null says that it must be refused.")
    return NewCheck(row["question"], row["expect"])


def _json_rows(name: str, text: str) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            yield number, json.loads(line)
        except (ValueError, RecursionError):
            raise Invalid(f"Row {number} of {name} is not JSON.", hint=_HINT) from None


def _table_rows(name: str, text: str) -> Iterator[tuple[int, Any]]:
    text = text.lstrip("\r\n")
    # What is copied from a spreadsheet comes with tabs, and some save with semicolons.
    delimiter = max(",;\t", key=text.split("\n", 1)[0].count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        for row in reader:
            cells = {(k or "").strip().lower(): (v or "") for k, v in row.items() if k is not None}
            yield reader.line_num, {k: v.strip() for k, v in cells.items()}
    except csv.Error as error:
        raise Invalid(
            f"Line {reader.reader.line_num} of {name} is not CSV: {error}.", hint=_HINT
        ) from None


def _check(row: Any) -> NewCheck:
    if isinstance(row, dict) and "expect" not in row and {"url", "phrase", "refuse"} & set(row):
        return NewCheck(str(row.get("question") or ""), _expected(row))
    return check_of(row)


def _expected(row: dict[str, str]) -> dict[str, str] | None:
    told = {kind: row[kind] for kind in ("url", "phrase") if row.get(kind)}
    refuse = str(row.get("refuse", "")).lower() in _YES
    if refuse and not told:
        return None
    if refuse or len(told) != 1:
        raise Invalid("It must have a url, a phrase, or yes under refuse, and one of them only.")
    return told
