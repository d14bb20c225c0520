"""Source usage: what is cited, what never, and what is cited in answers that went wrong."""

from __future__ import annotations

from dataclasses import dataclass

from server.store import Store
from server.store.knowledge import Source
from server.store.learnt import Used


@dataclass(frozen=True, slots=True)
class SourceUse:
    """A source in how many conversations it was cited, and in how many of those it went wrong."""

    source: Source
    conversations: int
    bad: int


@dataclass(frozen=True, slots=True)
class Usage:
    """The use of an assistant's content in a period.

    `pages`: cited most; `worst`: cited in answers that people disliked or found wrong, most first;
    `unused`: how many pages were not cited, `never`: the first of them.
    """

    sources: list[SourceUse]
    pages: list[Used]
    worst: list[Used]
    unused: int
    never: list[Used]


def usage(store: Store, assistant_id: str, *, since: int) -> Usage:
    """Read the use of sources and pages from the ordinal of a day on."""
    counts = store.learnt.used_sources(assistant_id, since=since)
    worst = store.learnt.used(assistant_id, since=since, worst=True, limit=10)
    unused, never = store.learnt.never_used(assistant_id, since=since)
    return Usage(
        sources=_by_use(store.knowledge.sources(assistant_id), counts),
        pages=store.learnt.used(assistant_id, since=since),
        worst=[page for page in worst if page.bad],
        unused=unused,
        never=never,
    )


def _by_use(own: list[Source], counts: dict[str, tuple[int, int]]) -> list[SourceUse]:
    used = [SourceUse(source, *counts.get(source.id, (0, 0))) for source in own]
    return sorted(used, key=lambda use: -use.conversations)
