"""Whether what a citation quotes still stands on its page: worked out whenever a turn is shown.

A citation is bound to the page's version when the answer is made. The log keeps it as it was; only
what is shown says that the page has changed since, or is gone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from server.answering.citations import BETWEEN_QUOTES
from server.store.conversations import Turn
from server.store.knowledge import CitedPage, Knowledge

CHANGED, GONE = "changed", "gone"


def as_they_stand(knowledge: Knowledge, turns: Sequence[Turn]) -> list[Turn]:
    """The turns of one assistant, each citation with its `state` where it is not current."""
    cited = [c for turn in turns for c in turn.citations if _is_bound(c)]
    if not cited:
        return list(turns)
    pages = knowledge.cited_pages(
        turns[0].assistant_id,
        {(c["page"], c["version"]) for c in cited},
        {_address(c) for c in cited if c.get("url")},
    )
    return [replace(turn, citations=with_states(turn.citations, pages)) for turn in turns]


def with_states(
    citations: Iterable[dict[str, Any]], pages: Sequence[CitedPage]
) -> list[dict[str, Any]]:
    """Citations with their states; a curated answer's link is bound to no page and has none."""
    return [
        {**c, "state": state} if _is_bound(c) and (state := _state(c, pages)) else c
        for c in citations
    ]


def _state(citation: dict[str, Any], pages: Sequence[CitedPage]) -> str | None:
    """`changed`, `gone`, or None: the page is as it was, or still says what is quoted."""
    page = next((p for p in pages if p.id == citation["page"]), None)
    if page is not None and page.version == citation["version"]:
        return None
    # A source that was removed and added again has the same addresses under new ids.
    address = _address(citation)
    page = page or next((p for p in pages if address and p.url == address), None)
    if page is None:
        return GONE
    return None if stands(str(citation.get("quote", "")), page.texts) else CHANGED


def stands(quote: str, texts: Sequence[str]) -> bool:
    """Whether each quoted sentence stands word for word in a page's passages, in reading order."""
    present = _one_line(" ".join(texts))
    sentences = [_one_line(part) for part in quote.split(BETWEEN_QUOTES)]
    return all(_holds(present, sentence) for sentence in sentences)


def _holds(present: str, sentence: str) -> bool:
    # "It costs 12" must not be found in "It costs 120", nor in "It costs 12.50".
    pattern = rf"(?<!\w){re.escape(sentence)}(?!\w|[.,]\d)"
    return re.search(pattern, present) is not None


def _is_bound(citation: dict[str, Any]) -> bool:
    return isinstance(citation.get("page"), str) and isinstance(citation.get("version"), int)


def _address(citation: dict[str, Any]) -> str:
    return str(citation.get("url") or "").partition("#")[0]


def _one_line(text: str) -> str:
    return " ".join(text.split())
