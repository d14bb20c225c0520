"""Next steps after a refusal: sections near the question, and a person to talk to.

A related section is named and linked, never quoted: what it holds was too weak to answer from.
One whose heading asks can be asked: a visitor's own words often miss what the heading's would find.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from server.answering.compose import CURATED
from server.answering.evidence import Evidence
from server.answering.words import content_words
from server.retrieval.hybrid import Hit
from server.store.conversations import Turn
from server.store.knowledge import Passage

MOST = 3
_LONGEST_TITLE = 120
# Cosines, seen on our own manual with 16 questions: the nearest passages of 8 on anything else stay
# at 0.23 or below, those of the 8 on its matter reach 0.30 to 0.46 where a page does help. A word
# of the page's title or heading in the question counts for the rest.
_NEAR = 0.3
_NEAR_BY_NAME = 0.2


def next_steps(evidence: Evidence, *, contact: str, cited: Iterable[str] = ()) -> dict[str, Any]:
    """What a turn keeps among its signals; `cited`: ids of passages that the reply cites."""
    steps: dict[str, Any] = {}
    if found := related_sections(evidence, without=frozenset(cited)):
        steps["related"] = found
    if contact:
        steps["contact"] = contact
    return steps


def related_sections(
    evidence: Evidence, *, without: frozenset[str] = frozenset()
) -> list[dict[str, Any]]:
    """Up to three sections, nearest first, each once: {title, page, url, ask}.

    `page`: the page's title where the section has a heading of its own; `url`: None for a file;
    `ask`: whether the title is a question that can be put as it stands.
    """
    wanted = set(content_words(evidence.question))
    found: list[dict[str, Any]] = []
    seen = {_place(h.passage) for h in evidence.hits if h.passage.id in without}
    for hit in evidence.hits:
        place = _place(hit.passage)
        if seen.isdisjoint({place}) and _is_near(hit, wanted):
            seen.add(place)
            found.append(_told(hit.passage))
        if len(found) == MOST:
            break
    return found


def _place(passage: Passage) -> tuple[str, str]:
    return (passage.url, passage.heading)


def _told(passage: Passage) -> dict[str, Any]:
    page = _line(passage.title or passage.url)
    title = _line(passage.section) or page
    return {
        "title": title,
        "page": page if page != title else "",
        "url": passage.address if passage.url.startswith(("http://", "https://")) else None,
        "ask": title.endswith("?"),
    }


def _line(text: str) -> str:
    return " ".join(text.split())[:_LONGEST_TITLE]


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
