"""Next steps after a refusal: pages near the question, and a person to talk to.

A related page is named and linked, never quoted: what it holds was too weak to answer from.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from server.answering.compose import CURATED
from server.answering.evidence import Evidence
from server.answering.words import content_words
from server.retrieval.hybrid import Hit
from server.store.conversations import Turn

MOST = 3
_LONGEST_TITLE = 120
# Cosines, seen on our own manual with 16 questions: the nearest passages of 8 on anything else stay
# at 0.23 or below, those of the 8 on its matter reach 0.30 to 0.46 where a page does help. A word
# of the page's title or heading in the question counts for the rest.
_NEAR = 0.3
_NEAR_BY_NAME = 0.2


def next_steps(evidence: Evidence, *, contact: str, cited: Iterable[str] = ()) -> dict[str, Any]:
    """What a turn keeps among its signals; `cited`: ids of pages that the reply cites already."""
    steps: dict[str, Any] = {}
    if found := related_pages(evidence, without=frozenset(cited)):
        steps["related"] = found
    if contact:
        steps["contact"] = contact
    return steps


def related_pages(
    evidence: Evidence, *, without: frozenset[str] = frozenset()
) -> list[dict[str, Any]]:
    """Up to three pages, nearest first, each once: {title, url}; url is None for a file."""
    wanted = set(content_words(evidence.question))
    found: list[dict[str, Any]] = []
    seen = set(without)
    for hit in evidence.hits:
        passage = hit.passage
        title = " ".join((passage.title or passage.url).split())[:_LONGEST_TITLE]
        if {passage.page_id, passage.url} & seen or not title or not _is_near(hit, wanted):
            continue
        seen |= {passage.page_id, passage.url}
        web = passage.url.startswith(("http://", "https://"))
        found.append({"title": title, "url": passage.url if web else None})
        if len(found) == MOST:
            break
    return found


def told_beside(turn: Turn, *, contact: str) -> dict[str, Any]:
    """What a visitor is told beside a reply: next steps, with the contact of today, not of the
    log; and `courtesy` where the reply is a mere greeting, which nobody on the team wrote."""
    related = turn.signals.get("related")
    told: dict[str, Any] = {"related": related} if related else {}
    if contact and "contact" in turn.signals:
        told["contact"] = contact
    own = CURATED not in turn.signals
    if own and turn.label == CURATED and turn.signals.get("kind") in ("courtesy", "meta"):
        told["courtesy"] = True
    return told


def _is_near(hit: Hit, wanted: set[str]) -> bool:
    named = content_words(f"{hit.passage.title} {hit.passage.heading}")
    return hit.dense >= (_NEAR if wanted.isdisjoint(named) else _NEAR_BY_NAME)
