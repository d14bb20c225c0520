"""What was learnt, as numbers of a period: topics, gaps, the use of pages. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Label, case, func, select

from server.store.database import Database, records
from server.store.learn_tables import asked, cited
from server.store.tables import pages, sources, turns
from server.store.topics import DISLIKED, WRONG, place_of


@dataclass(frozen=True, slots=True)
class Asked:
    """How much a topic or gap was asked; `bad`: in how many conversations it went unanswered."""

    id: str
    conversations: int
    visitors: int
    bad: int


@dataclass(frozen=True, slots=True)
class Used:
    """How often a page was cited: in how many conversations, and in how many that went wrong."""

    page_id: str
    source_id: str
    title: str
    url: str
    conversations: int
    bad: int


@dataclass(frozen=True, slots=True)
class Example:
    """A question of a gap with the conversation it stands in."""

    gap_id: str
    question: str
    turn_id: str
    conversation_id: str
    bad: str


class Learnt:
    """Verbs that count. `since` is the ordinal of the first day; 0 counts everything."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def asked(self, assistant_id: str, kind: str, *, since: int, limit: int = 20) -> list[Asked]:
        """Topics or gaps, those that most visitors met first."""
        place = place_of(kind)
        visitors = func.count(asked.c.visitor_id.distinct()).label("visitors")
        talks = func.count(asked.c.conversation_id.distinct()).label("conversations")
        bad = case((asked.c.bad != "", asked.c.conversation_id))
        query = (
            select(place.label("id"), talks, visitors, func.count(bad.distinct()).label("bad"))
            .where(*_within(assistant_id, since), place.is_not(None))
            .group_by(place)
            .order_by(visitors.desc(), talks.desc(), place)
            .limit(limit)
        )
        with self._db.read() as connection:
            return records(Asked, connection.execute(query).all())

    def by_day(
        self, assistant_id: str, topic_ids: Sequence[str], *, since: int
    ) -> dict[str, dict[int, int]]:
        """How many turns asked each topic, by the ordinal of the day."""
        query = (
            select(asked.c.topic_id, asked.c.day, func.count())
            .where(*_within(assistant_id, since), asked.c.topic_id.in_(topic_ids))
            .group_by(asked.c.topic_id, asked.c.day)
        )
        found: dict[str, dict[int, int]] = {}
        with self._db.read() as connection:
            for topic, day, count in connection.execute(query):
                found.setdefault(topic, {})[day] = count
        return found

    def totals(self, assistant_id: str, *, since: int) -> tuple[int, int]:
        """Questions counted, and how many of them went unanswered."""
        bad = func.coalesce(func.sum(case((asked.c.bad != "", 1), else_=0)), 0)
        query = select(func.count(), bad).where(*_within(assistant_id, since))
        with self._db.read() as connection:
            row = connection.execute(query).one()
        return int(row[0]), int(row[1])

    def examples(
        self, assistant_id: str, gap_ids: Sequence[str], *, since: int, limit: int
    ) -> list[Example]:
        """So many of the newest questions of each gap, each wording once; newest first."""
        seq = func.max(asked.c.seq)
        place = func.row_number().over(partition_by=asked.c.gap_id, order_by=seq.desc())
        newest = (
            select(seq.label("seq"), place.label("place"))
            .where(*_within(assistant_id, since), asked.c.gap_id.in_(gap_ids))
            .group_by(asked.c.gap_id, asked.c.wording)
            .subquery()
        )
        columns = (asked.c.gap_id, asked.c.turn_id, asked.c.conversation_id, asked.c.bad)
        query = (
            select(turns.c.question, *columns)
            .join(newest, newest.c.seq == asked.c.seq)
            .join(turns, turns.c.id == asked.c.turn_id)
            .where(newest.c.place <= limit)
            .order_by(asked.c.seq.desc())
        )
        with self._db.read() as connection:
            return records(Example, connection.execute(query).all())

    def used_sources(self, assistant_id: str, *, since: int) -> dict[str, tuple[int, int]]:
        """Of each source that was cited: conversations, and those of them that went wrong."""
        query = (
            select(cited.c.source_id, *_talks())
            .join(asked, asked.c.turn_id == cited.c.turn_id)
            .where(cited.c.assistant_id == assistant_id, cited.c.day >= since)
            .group_by(cited.c.source_id)
        )
        with self._db.read() as connection:
            return {row[0]: (row[1], row[2]) for row in connection.execute(query)}

    def used(
        self, assistant_id: str, *, since: int, worst: bool = False, limit: int = 20
    ) -> list[Used]:
        """Pages that are there still, by how often they are cited, or cited in what went wrong."""
        talks, bad = _talks()
        query = (
            select(
                cited.c.page_id,
                pages.c.source_id,
                pages.c.title,
                pages.c.url,
                talks,
                bad,
            )
            .join(asked, asked.c.turn_id == cited.c.turn_id)
            .join(pages, pages.c.id == cited.c.page_id)
            .where(cited.c.assistant_id == assistant_id, cited.c.day >= since)
            .group_by(cited.c.page_id, pages.c.source_id, pages.c.title, pages.c.url)
            .order_by(*((bad.desc(),) if worst else ()), talks.desc(), cited.c.page_id)
            .limit(limit)
        )
        with self._db.read() as connection:
            return records(Used, connection.execute(query).all())

    def never_used(
        self, assistant_id: str, *, since: int, limit: int = 20
    ) -> tuple[int, list[Used]]:
        """How many pages were not cited, and the first of them."""
        used = select(cited.c.page_id).where(
            cited.c.assistant_id == assistant_id, cited.c.day >= since
        )
        unused = (pages.c.assistant_id == assistant_id, pages.c.id.not_in(used))
        count = select(func.count()).select_from(pages).where(*unused)
        query = (
            select(pages.c.id, pages.c.source_id, pages.c.title, pages.c.url)
            .join(sources, sources.c.id == pages.c.source_id)
            .where(*unused)
            .order_by(pages.c.seq)
            .limit(limit)
        )
        with self._db.read() as connection:
            rows = connection.execute(query).all()
            total = connection.scalar(count) or 0
        return total, [Used(*row, conversations=0, bad=0) for row in rows]


def _talks() -> tuple[Label[int], Label[int]]:
    """Conversations, and those in which a person found an answer wrong or bad."""
    wrong = case((asked.c.bad.in_((WRONG, DISLIKED)), asked.c.conversation_id))
    talks = func.count(asked.c.conversation_id.distinct()).label("conversations")
    return talks, func.count(wrong.distinct()).label("bad")


def _within(assistant_id: str, since: int) -> tuple[ColumnElement[bool], ...]:
    return asked.c.assistant_id == assistant_id, asked.c.day >= since
