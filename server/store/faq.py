"""FAQ sources as approved answers: their questions, and which page an address is. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from server.store.database import Database, record, records
from server.store.knowledge import Page
from server.store.tables import pages, passages, sources


@dataclass(frozen=True, slots=True)
class FaqHeading:
    """A question of an FAQ source: its answer is all the passages of its page."""

    page_id: str
    source_id: str
    heading: str


_PAGE = [pages.c[name] for name in Page.__slots__]


class Faq:
    """Verbs on what FAQ sources hold."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def headings(self, assistant_id: str) -> list[FaqHeading]:
        """Every question of an assistant's FAQ sources, in the order they were read."""
        query = (
            select(passages.c.page_id, passages.c.source_id, passages.c.heading)
            .join(sources, sources.c.id == passages.c.source_id)
            .where(
                sources.c.assistant_id == assistant_id,
                sources.c.kind == "faq",
                passages.c.ordinal == 0,
            )
            .order_by(passages.c.seq)
        )
        with self._db.read() as connection:
            return records(FaqHeading, connection.execute(query).all())

    def fingerprint(self, assistant_id: str) -> tuple[Any, ...]:
        """Changes whenever a page of an FAQ source does."""
        query = (
            select(func.count(), func.sum(pages.c.version), func.max(pages.c.fetched_at))
            .select_from(pages)
            .join(sources, sources.c.id == pages.c.source_id)
            .where(sources.c.assistant_id == assistant_id, sources.c.kind == "faq")
        )
        with self._db.read() as connection:
            return tuple(connection.execute(query).one())

    def answers(self, assistant_id: str) -> dict[str, str]:
        """The whole answers of FAQ pairs, by page; a long one lies in several passages."""
        query = (
            select(passages.c.page_id, passages.c.text)
            .join(sources, sources.c.id == passages.c.source_id)
            .where(sources.c.assistant_id == assistant_id, sources.c.kind == "faq")
            .order_by(passages.c.page_id, passages.c.ordinal)
        )
        found: dict[str, str] = {}
        with self._db.read() as connection:
            for page_id, text in connection.execute(query):
                found[page_id] = f"{found[page_id]}\n\n{text}" if page_id in found else text
        return found

    def source_of(self, page_id: str) -> str | None:
        """The source that a page belongs to."""
        with self._db.read() as connection:
            found: str | None = connection.scalar(
                select(pages.c.source_id).where(pages.c.id == page_id)
            )
        return found

    def page_by_url(self, assistant_id: str, url: str) -> Page | None:
        """The page of an assistant at an address, whatever the fragment."""
        query = select(*_PAGE).where(
            pages.c.assistant_id == assistant_id, pages.c.url == url.partition("#")[0]
        )
        with self._db.read() as connection:
            row = connection.execute(query.order_by(pages.c.seq)).first()
        return record(Page, row) if row else None
