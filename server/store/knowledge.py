"""Sources, pages and passages: the owner's content as it was last read."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    tuple_,
    update,
)

from server.errors import NotFound
from server.store.database import Database, new_id, now, record, records
from server.store.tables import pages, passages, sources, visits


@dataclass(frozen=True, slots=True)
class Source:
    """One thing the owner added: a website, a document, an FAQ; `counts` of its last reading."""

    id: str
    assistant_id: str
    kind: str
    location: str
    options: dict[str, Any]
    status: str
    error: str
    workflow_id: str | None
    counts: dict[str, Any]
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Page:
    """One address of a source; `version` grows when its content changes."""

    id: str
    source_id: str
    url: str
    title: str
    hash: str
    version: int
    fetched_at: datetime


@dataclass(frozen=True, slots=True)
class NewPassage:
    """A passage about to be stored; embeddings are float32 bytes, (384,) and (sentences, 384)."""

    ordinal: int
    heading: str
    anchor: str
    text: str
    hash: str
    sentences: list[tuple[int, int]]
    embedding: bytes
    sentence_embeddings: bytes


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage with the page it stands on; `sentences` are (start, end) offsets in `text`."""

    seq: int
    id: str
    assistant_id: str
    source_id: str
    page_id: str
    ordinal: int
    heading: str
    anchor: str
    text: str
    hash: str
    sentences: list[tuple[int, int]]
    embedding: bytes
    sentence_embeddings: bytes
    title: str
    url: str
    page_version: int

    @property
    def address(self) -> str:
        """Where the section stands on its page."""
        return f"{self.url}#{self.anchor}" if self.anchor else self.url

    @property
    def section(self) -> str:
        """The nearest heading, without its number; empty above the first one."""
        return section_of(self.heading)


def section_of(heading: str) -> str:
    """The last heading of a path such as "Drinks > 3.2. Tea", without its number."""
    return _NUMBERING.sub("", heading.rpartition(" > ")[2]).strip()


@dataclass(frozen=True, slots=True)
class CitedPage:
    """A page that citations name, as it is now; `texts`: its passages in reading order, left out
    where every citation is of the present version."""

    id: str
    url: str
    version: int
    texts: tuple[str, ...]


# As "3.2. Tea" and "B. Coffee" are numbered.
_NUMBERING = re.compile(r"^\s*(?:\d+(?:\.\d+)*\.?|[A-Z]\.)\s+")
_SOURCE = [sources.c[name] for name in Source.__slots__]
_PAGE = [pages.c[name] for name in Page.__slots__]
_PASSAGE = [
    *[passages.c[name] for name in Passage.__slots__ if name in passages.c],
    pages.c.title,
    pages.c.url,
    pages.c.version.label("page_version"),
]
_VECTORS = ("embedding", "sentence_embeddings")
_PASSAGE_WITHOUT_VECTORS = [
    literal(b"").label(c.name) if c.name in _VECTORS else c for c in _PASSAGE
]


class Knowledge:
    """Verbs on sources, pages and passages."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def add_source(
        self, assistant_id: str, kind: str, location: str, options: dict[str, Any]
    ) -> Source:
        """Add a source, or queue the one at the same location for another reading."""
        with self._db.write() as connection:
            found = connection.execute(
                select(sources.c.id).where(
                    sources.c.assistant_id == assistant_id, sources.c.location == location
                )
            ).scalar()
            values = {"kind": kind, "options": options, "status": "queued", "error": ""}
            if found:
                connection.execute(
                    update(sources).where(sources.c.id == found).values(**values, updated_at=now())
                )
            else:
                found = new_id("src")
                connection.execute(
                    insert(sources).values(
                        id=found,
                        assistant_id=assistant_id,
                        location=location,
                        counts={},
                        created_at=now(),
                        updated_at=now(),
                        **values,
                    )
                )
        return self.source(found)

    def source(self, source_id: str) -> Source:
        with self._db.read() as connection:
            row = connection.execute(select(*_SOURCE).where(sources.c.id == source_id)).first()
        if row is None:
            raise NotFound(f"There is no source {source_id[:64]!r}.")
        return record(Source, row)

    def sources(self, assistant_id: str) -> list[Source]:
        with self._db.read() as connection:
            rows = connection.execute(
                select(*_SOURCE)
                .where(sources.c.assistant_id == assistant_id)
                .order_by(sources.c.seq)
            ).all()
        return records(Source, rows)

    def set_source(self, source_id: str, **values: Any) -> None:
        """Change status, error, counts or workflow_id of a source."""
        with self._db.write() as connection:
            connection.execute(
                update(sources).where(sources.c.id == source_id).values(**values, updated_at=now())
            )

    def remove_source(self, source_id: str) -> list[str]:
        """Delete a source with all it holds; return the ids of its passages."""
        with self._db.write() as connection:
            gone = _passage_ids(connection, passages.c.source_id == source_id)
            connection.execute(delete(passages).where(passages.c.source_id == source_id))
            connection.execute(delete(pages).where(pages.c.source_id == source_id))
            connection.execute(delete(visits).where(visits.c.source_id == source_id))
            connection.execute(delete(sources).where(sources.c.id == source_id))
        return gone

    def page_at(self, source_id: str, url: str) -> Page | None:
        with self._db.read() as connection:
            row = connection.execute(
                select(*_PAGE).where(pages.c.source_id == source_id, pages.c.url == url)
            ).first()
        return record(Page, row) if row else None

    def pages(self, source_id: str) -> list[Page]:
        with self._db.read() as connection:
            rows = connection.execute(
                select(*_PAGE).where(pages.c.source_id == source_id).order_by(pages.c.seq)
            ).all()
        return records(Page, rows)

    def twin(self, source_id: str, round: int, url: str, hash: str) -> str | None:
        """The address of another page that this round met with the same content."""
        query = select(pages.c.url).where(
            pages.c.source_id == source_id,
            pages.c.round == round,
            pages.c.hash == hash,
            pages.c.url != url,
        )
        with self._db.read() as connection:
            found: str | None = connection.scalar(query)
        return found

    def keep_page(self, source_id: str, url: str, round: int) -> None:
        """Note that a page was met again, unchanged."""
        with self._db.write() as connection:
            connection.execute(
                update(pages)
                .where(pages.c.source_id == source_id, pages.c.url == url)
                .values(round=round, fetched_at=now())
            )

    def put_page(
        self,
        source: Source,
        *,
        url: str,
        title: str,
        hash: str,
        round: int,
        new_passages: Sequence[NewPassage],
    ) -> list[str]:
        """Store a new or changed page with its passages; return the ids of passages that went."""
        with self._db.write() as connection:
            known = connection.execute(
                select(pages.c.id, pages.c.version).where(
                    pages.c.source_id == source.id, pages.c.url == url
                )
            ).first()
            values = {"title": title, "hash": hash, "round": round, "fetched_at": now()}
            if known:
                page_id, version = known.id, known.version + 1
                connection.execute(
                    update(pages).where(pages.c.id == page_id).values(**values, version=version)
                )
            else:
                page_id, version = new_id("pag"), 1
                connection.execute(
                    insert(pages).values(
                        id=page_id,
                        assistant_id=source.assistant_id,
                        source_id=source.id,
                        url=url,
                        version=version,
                        **values,
                    )
                )
            gone = _passage_ids(connection, passages.c.page_id == page_id)
            connection.execute(delete(passages).where(passages.c.page_id == page_id))
            if new_passages:
                connection.execute(
                    insert(passages),
                    [_passage_row(source, page_id, version, p) for p in new_passages],
                )
        return gone

    def drop_pages_not_in(self, source_id: str, round: int) -> list[str]:
        """Remove pages that a finished reading did not meet; return their passages' ids."""
        stale = select(pages.c.id).where(pages.c.source_id == source_id, pages.c.round != round)
        with self._db.write() as connection:
            gone = _passage_ids(connection, passages.c.page_id.in_(stale))
            connection.execute(delete(passages).where(passages.c.page_id.in_(stale)))
            connection.execute(
                delete(pages).where(pages.c.source_id == source_id, pages.c.round != round)
            )
        return gone

    def count(self, source_id: str) -> tuple[int, int]:
        """Pages and passages of a source."""
        with self._db.read() as connection:
            n_pages = connection.scalar(
                select(func.count()).select_from(pages).where(pages.c.source_id == source_id)
            )
            n_passages = connection.scalar(
                select(func.count()).select_from(passages).where(passages.c.source_id == source_id)
            )
        return n_pages or 0, n_passages or 0

    def passages(
        self,
        *,
        ids: Sequence[str] | None = None,
        seqs: Sequence[int] | None = None,
        page_id: str | None = None,
        assistant_id: str | None = None,
        vectors: bool = True,
    ) -> list[Passage]:
        """Passages by any of the given conditions, in the order they were stored.

        Without `vectors`, which are most of their size, these are empty.
        """
        columns = _PASSAGE if vectors else _PASSAGE_WITHOUT_VECTORS
        query = select(*columns).join(pages, pages.c.id == passages.c.page_id)
        if ids is not None:
            query = query.where(passages.c.id.in_(ids))
        if seqs is not None:
            query = query.where(passages.c.seq.in_(seqs))
        if page_id is not None:
            query = query.where(passages.c.page_id == page_id)
        if assistant_id is not None:
            query = query.where(passages.c.assistant_id == assistant_id)
        with self._db.read() as connection:
            rows = connection.execute(query.order_by(passages.c.seq)).all()
        return records(Passage, rows)

    def cited_pages(
        self,
        assistant_id: str,
        cited: AbstractSet[tuple[str, int]],
        addresses: AbstractSet[str] = frozenset(),
    ) -> list[CitedPage]:
        """The pages of (page id, version) pairs, or at these addresses, in one query."""
        ids = Counter(page_id for page_id, _ in cited)
        # Most citations are of the present version: their text need not be read.
        settled = [pair for pair in cited if ids[pair[0]] == 1]
        text_wanted = and_(
            passages.c.page_id == pages.c.id,
            tuple_(pages.c.id, pages.c.version).not_in(settled),
        )
        query = (
            select(pages.c.id, pages.c.url, pages.c.version, passages.c.text)
            .outerjoin(passages, text_wanted)
            .where(
                pages.c.assistant_id == assistant_id,
                or_(pages.c.id.in_(list(ids)), pages.c.url.in_(addresses)),
            )
            .order_by(pages.c.seq, passages.c.ordinal)
        )
        with self._db.read() as connection:
            rows = connection.execute(query).all()
        texts: dict[tuple[str, str, int], list[str]] = {}
        for row in rows:
            texts.setdefault((row.id, row.url, row.version), []).append(row.text or "")
        return [CitedPage(*page, texts=tuple(found)) for page, found in texts.items()]

    def passage_ids(self, assistant_id: str) -> set[str]:
        with self._db.read() as connection:
            return set(_passage_ids(connection, passages.c.assistant_id == assistant_id))


def _passage_ids(connection: Connection, condition: ColumnElement[bool]) -> list[str]:
    return list(connection.scalars(select(passages.c.id).where(condition)))


def _passage_row(source: Source, page_id: str, version: int, p: NewPassage) -> dict[str, Any]:
    return {
        # Bound to page, version and content before any answer is made from it.
        "id": f"psg_{page_id[4:]}_{version}_{p.ordinal}",
        "assistant_id": source.assistant_id,
        "source_id": source.id,
        "page_id": page_id,
        "ordinal": p.ordinal,
        "heading": p.heading,
        "anchor": p.anchor,
        "text": p.text,
        "hash": p.hash,
        "sentences": [list(s) for s in p.sentences],
        "embedding": p.embedding,
        "sentence_embeddings": p.sentence_embeddings,
    }
