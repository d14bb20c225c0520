"""Held-out factual questions: the headings of the owner's own content, with where they stand."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from server.answering.words import content_words
from server.store.knowledge import Passage

_LEAST_WORDS = 2
_LONGEST = 200
_NUMBERING = re.compile(r"^\s*(?:\d+(?:\.\d+)*\.?|[A-Z]\.)\s+")


@dataclass(frozen=True, slots=True)
class FactQuestion:
    """A question whose answer stands under a heading: its page, the text below it, its passages."""

    question: str
    page_id: str
    text: str
    passages: frozenset[str] = frozenset()


def fact_questions(
    passages: Sequence[Passage], *, avoid: Iterable[str], count: int, seed: int
) -> list[FactQuestion]:
    """Pick headings in the order of a seeded hash, never one that was trained on.

    Headings that stand on several pages are passed over: no page would be the right one.
    """
    known = {_key(question) for question in avoid}
    found: dict[str, list[Passage]] = {}
    for passage in passages:
        heading = passage.section
        if _is_question(heading) and _key(heading) not in known:
            found.setdefault(heading, []).append(passage)
    unique = {h: own for h, own in found.items() if len({p.page_id for p in own}) == 1}
    chosen = sorted(unique, key=lambda heading: _hash(f"{seed}:{heading}"))[:count]
    return [
        FactQuestion(
            h,
            unique[h][0].page_id,
            "\n".join(p.text for p in unique[h]),
            frozenset(p.id for p in unique[h]),
        )
        for h in chosen
    ]


def _is_question(heading: str) -> bool:
    return len(heading) <= _LONGEST and len(set(content_words(heading))) >= _LEAST_WORDS


def _key(text: str) -> str:
    return " ".join(content_words(_NUMBERING.sub("", text)))


def _hash(text: str) -> str:
    return blake2b(text.encode(), digest_size=8).hexdigest()
