"""Factual questions: the headings of the owner's own content, with where they stand."""

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
    """Pick headings in the order of a seeded hash, never one that was trained on."""
    known = {key_of(question) for question in avoid}
    fit = [f for f in asking_headings(passages) if key_of(f.question) not in known]
    return in_order(fit, seed)[:count]


def asking_headings(passages: Sequence[Passage]) -> list[FactQuestion]:
    """Every heading that asks or names something and stands on one page only."""
    found: dict[str, list[Passage]] = {}
    for passage in passages:
        if _is_question(passage.section):
            found.setdefault(passage.section, []).append(passage)
    return [
        FactQuestion(
            heading,
            own[0].page_id,
            "\n".join(p.text for p in own),
            frozenset(p.id for p in own),
        )
        for heading, own in found.items()
        if len({p.page_id for p in own}) == 1
    ]


def in_order(found: Sequence[FactQuestion], seed: int) -> list[FactQuestion]:
    """In the order of a seeded hash, whatever the order they come in."""
    return sorted(found, key=lambda f: _hash(f"{seed}:{f.question}"))


def key_of(text: str) -> str:
    """A question as it is compared: its content words, without a heading's number."""
    return " ".join(content_words(_NUMBERING.sub("", text)))


def _is_question(heading: str) -> bool:
    return len(heading) <= _LONGEST and len(set(content_words(heading))) >= _LEAST_WORDS


def _hash(text: str) -> str:
    return blake2b(text.encode(), digest_size=8).hexdigest()
