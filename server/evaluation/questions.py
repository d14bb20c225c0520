"""A question file for `parlance eval`: JSONL rows {"question", "expect", "answer"?}.

`expect` names where the answer stands ({"url": ADDRESS or a list of them}), what it must hold
({"phrase": TEXT}), or both; null says that the content holds no answer. `answer` is a reference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urldefrag, urlsplit

from server.errors import Invalid

_HINT = 'A row is {"question": "...", "expect": {"url": "..."} or {"phrase": "..."} or null}.'
MOST_ROWS = 5_000


@dataclass(frozen=True, slots=True)
class Expected:
    """One question with what is known of its answer; no `urls` and no `phrase`: no answer."""

    question: str
    urls: tuple[str, ...] = ()
    phrase: str = ""
    answer: str = ""
    language: str = "en"

    @property
    def is_answerable(self) -> bool:
        return bool(self.urls or self.phrase)


def parse_rows(rows: Sequence[Any]) -> list[Expected]:
    """Check all rows; Invalid names the first wrong one."""
    if not rows:
        raise Invalid("The set holds no questions.", hint=_HINT)
    if len(rows) > MOST_ROWS:
        raise Invalid(f"The set holds more than {MOST_ROWS} questions.", hint="Split it.")
    return [_parse(number, row) for number, row in enumerate(rows, start=1)]


def same_page(one: str, other: str) -> bool:
    """Whether two addresses lead to one page: fragment, case of the host, last slash aside."""
    return _page(one) == _page(other)


def fragment(url: str) -> str:
    """The part of a page that an address names, empty if it names none."""
    found = unquote(urldefrag(url).fragment)
    return "" if found.startswith(":~:") else found


def _parse(number: int, row: Any) -> Expected:
    if not isinstance(row, Mapping) or not isinstance(row.get("question"), str):
        raise Invalid(f"Row {number} has no question.", hint=_HINT)
    if not row["question"].strip() or "expect" not in row:
        raise Invalid(f"Row {number} does not say what is expected.", hint=_HINT)
    expect = row["expect"] or {}
    if not isinstance(expect, Mapping) or (row["expect"] is not None and not expect):
        raise Invalid(f"Row {number}: expect is no object and not null.", hint=_HINT)
    urls = expect.get("url") or ()
    urls = (urls,) if isinstance(urls, str) else urls
    phrase, answer = expect.get("phrase") or "", row.get("answer") or ""
    texts = [phrase, answer, *(urls if isinstance(urls, list | tuple) else [None])]
    if not all(isinstance(text, str) for text in texts) or (expect and not (urls or phrase)):
        raise Invalid(f"Row {number}: expect has no url and no phrase.", hint=_HINT)
    try:
        [urlsplit(url) for url in urls]
    except ValueError:
        raise Invalid(f"Row {number}: one of its addresses is none.", hint=_HINT) from None
    return Expected(
        row["question"].strip(), tuple(urls), phrase, answer, str(row.get("language") or "en")
    )


def _page(url: str) -> tuple[str, str, str]:
    parts = urlsplit(urldefrag(url.strip()).url)
    return parts.netloc.lower(), unquote(parts.path).rstrip("/"), parts.query
