"""Topics and gaps: which finished turns were counted, in which words, and what they are about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    bindparam,
    delete,
    exists,
    func,
    insert,
    select,
    update,
)

from server.errors import Invalid, NotFound
from server.store.curated import question_key
from server.store.database import Database, new_id, now, record, records
from server.store.learn_tables import asked, cited, topics, wordings
from server.store.tables import conversations, feedback, reviews, turns

TOPIC, GAP = "topic", "gap"
WRONG, DISLIKED, REFUSED, UNCERTAIN = "wrong", "disliked", "refused", "uncertain"
_ENDED = ("complete", "stopped")
_UNANSWERED = (REFUSED, UNCERTAIN)
_LONGEST_NAME = 120


@dataclass(frozen=True, slots=True)
class Uncounted:
    """A finished turn that learning has not seen yet."""

    id: str
    conversation_id: str
    visitor_id: str
    question: str
    label: str
    citations: list[dict[str, Any]]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Worded:
    """A wording, how many turns asked it so (for a gap: in vain), and its topic or gap so far."""

    hash: str
    question: str
    embedding: bytes
    count: int
    belongs: str | None


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic or gap as stored; see the table."""

    id: str
    assistant_id: str
    kind: str
    name: str
    named_by: str
    question: str
    middle: bytes
    sections: list[dict[str, str]]
    closed: bool
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Found:
    """A topic or gap as just found; `id` is empty for a new one."""

    id: str
    question: str
    middle: bytes
    sections: Sequence[dict[str, str]] = ()
    closed: bool = False


_TOPIC = [topics.c[name] for name in Topic.__slots__]


def wording_hash(question: str) -> str:
    """The same for questions that differ in case, blanks or end marks only."""
    return sha256(question_key(question).encode("utf-8", "replace")).hexdigest()


class Topics:
    """Verbs that write what was learnt, and read it for the next look."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def uncounted(self, assistant_id: str, *, limit: int) -> list[Uncounted]:
        """Finished turns that were not counted yet, oldest first."""
        columns = [turns.c[name] for name in Uncounted.__slots__ if name != "visitor_id"]
        query = (
            select(*columns, conversations.c.visitor_id)
            .join(conversations, conversations.c.id == turns.c.conversation_id)
            .where(turns.c.assistant_id == assistant_id, turns.c.status.in_(_ENDED))
            .where(~exists().where(asked.c.turn_id == turns.c.id))
        )
        with self._db.read() as connection:
            rows = connection.execute(query.order_by(turns.c.seq).limit(limit)).all()
        return records(Uncounted, rows)

    def unworded(self, assistant_id: str, hashes: Sequence[str]) -> set[str]:
        """Which of these wordings have no embedding yet."""
        query = select(wordings.c.hash).where(
            wordings.c.assistant_id == assistant_id, wordings.c.hash.in_(hashes)
        )
        with self._db.read() as connection:
            return set(hashes) - set(connection.scalars(query))

    def count(
        self,
        assistant_id: str,
        found: Sequence[Uncounted],
        new_wordings: Mapping[str, tuple[str, bytes]],
    ) -> None:
        """Count turns; `new_wordings`: question and embedding by hash."""
        asked_rows = [_asked_row(assistant_id, turn) for turn in found]
        cited_rows = [row for turn in found for row in _cited_rows(assistant_id, turn)]
        worded = [
            {"assistant_id": assistant_id, "hash": hash, "question": said, "embedding": vector}
            for hash, (said, vector) in new_wordings.items()
        ]
        with self._db.write() as connection:
            for table, rows in ((asked, asked_rows), (cited, cited_rows), (wordings, worded)):
                if rows:
                    connection.execute(insert(table), rows)

    def judge_again(self, assistant_id: str) -> bool:
        """Read verdicts and thumbs anew; whether that changed what counts as badly answered."""
        with self._db.write() as connection:
            told = _told(connection, assistant_id)
            changed = [row for row in told if row["was"] != row["now"]]
            if changed:
                connection.execute(
                    update(asked)
                    .where(asked.c.turn_id == bindparam("turn"))
                    .values(bad=bindparam("now")),
                    [{"turn": row["turn"], "now": row["now"]} for row in changed],
                )
        return bool(changed)

    def wordings(self, assistant_id: str, kind: str) -> list[Worded]:
        """Every wording that counts for topics or for gaps, those asked most first."""
        belongs = place_of(kind)
        count = func.count().label("count")
        query = (
            select(
                wordings.c.hash,
                wordings.c.question,
                wordings.c.embedding,
                count,
                func.max(belongs).label("belongs"),
            )
            .join(asked, (asked.c.wording == wordings.c.hash) & _counts_for(kind, assistant_id))
            .where(wordings.c.assistant_id == assistant_id)
            .group_by(wordings.c.seq, wordings.c.hash, wordings.c.question, wordings.c.embedding)
            .order_by(count.desc(), wordings.c.seq.desc())
        )
        with self._db.read() as connection:
            return records(Worded, connection.execute(query).all())

    def put(
        self,
        assistant_id: str,
        kind: str,
        found: Mapping[str, Found],
        members: Mapping[str, str | None],
    ) -> None:
        """Store what was found, by a name of the caller's own, and which wording belongs where.

        What is not among them goes; a name that a person gave stays.
        """
        with self._db.write() as connection:
            ids = {key: _put(connection, assistant_id, kind, one) for key, one in found.items()}
            gone = delete(topics).where(
                topics.c.assistant_id == assistant_id, topics.c.kind == kind
            )
            connection.execute(gone.where(topics.c.id.not_in(list(ids.values()))))
            _assign(
                connection, assistant_id, kind, {h: ids.get(k or "") for h, k in members.items()}
            )

    def all(self, assistant_id: str, kind: str) -> list[Topic]:
        query = select(*_TOPIC).where(topics.c.assistant_id == assistant_id, topics.c.kind == kind)
        with self._db.read() as connection:
            return records(Topic, connection.execute(query.order_by(topics.c.seq)).all())

    def get(self, assistant_id: str, topic_id: str) -> Topic:
        query = select(*_TOPIC).where(
            topics.c.id == topic_id, topics.c.assistant_id == assistant_id
        )
        with self._db.read() as connection:
            row = connection.execute(query).first()
        if row is None:
            raise NotFound(
                "There is no such topic any more.", hint="Reload the page: topics are found anew."
            )
        return record(Topic, row)

    def rename(self, assistant_id: str, topic_id: str, name: str, *, by: str) -> Topic:
        """Give a topic a name that stays; an empty one takes that back."""
        known = self.get(assistant_id, topic_id)
        said = " ".join(name.split())
        if len(said) > _LONGEST_NAME:
            raise Invalid(f"A name may have {_LONGEST_NAME} characters.", hint="Shorten it.")
        values = {"name": said or known.question, "named_by": by if said else ""}
        with self._db.write() as connection:
            connection.execute(update(topics).where(topics.c.id == topic_id).values(**values))
        return self.get(assistant_id, topic_id)


def _asked_row(assistant_id: str, turn: Uncounted) -> dict[str, Any]:
    return {
        "turn_id": turn.id,
        "assistant_id": assistant_id,
        "conversation_id": turn.conversation_id,
        "visitor_id": turn.visitor_id,
        "day": turn.created_at.toordinal(),
        "wording": wording_hash(turn.question),
        "bad": turn.label if turn.label in _UNANSWERED else "",
    }


def _cited_rows(assistant_id: str, turn: Uncounted) -> list[dict[str, Any]]:
    pages = {c["page"]: c["source"] for c in turn.citations if c.get("page") and c.get("source")}
    return [
        {
            "assistant_id": assistant_id,
            "turn_id": turn.id,
            "page_id": page,
            "source_id": source,
            "day": turn.created_at.toordinal(),
        }
        for page, source in pages.items()
    ]


def _told(connection: Connection, assistant_id: str) -> list[dict[str, str]]:
    """Of each turn that a person judged: how it counted so far, and how it counts now."""
    thumbs = select(feedback.c.turn_id, feedback.c.value).join(
        asked, asked.c.turn_id == feedback.c.turn_id
    )
    thumbs = thumbs.where(asked.c.assistant_id == assistant_id).order_by(feedback.c.seq)
    liked = {row.turn_id: row.value for row in connection.execute(thumbs)}
    judged = select(reviews.c.turn_id, reviews.c.verdict, reviews.c.fault)
    judged = judged.where(reviews.c.assistant_id == assistant_id).order_by(reviews.c.seq)
    verdicts = {row.turn_id: (row.verdict, row.fault) for row in connection.execute(judged)}
    of_turns = (
        select(asked.c.turn_id, asked.c.bad, turns.c.label)
        .join(turns, turns.c.id == asked.c.turn_id)
        .where(asked.c.assistant_id == assistant_id)
        .where(
            exists().where(feedback.c.turn_id == asked.c.turn_id)
            | exists().where(reviews.c.turn_id == asked.c.turn_id)
        )
    )
    return [
        {
            "turn": row.turn_id,
            "was": row.bad,
            "now": _bad(row.label, liked.get(row.turn_id), verdicts.get(row.turn_id)),
        }
        for row in connection.execute(of_turns)
    ]


def _bad(label: str, thumb: str | None, verdict: tuple[str, str | None] | None) -> str:
    """Why an answer was none; a person's verdict says more than a thumb, and a thumb than a label.

    A reply that a reviewer approved is a good one, even a refusal: it was right to refuse.
    """
    if verdict is not None:
        if verdict[0] == "approved":
            return ""
        if verdict[1] == "fact":
            return WRONG
    if thumb == "down":
        return DISLIKED
    return label if label in _UNANSWERED else ""


def place_of(kind: str) -> ColumnElement[Any]:
    """The column that says where a turn belongs."""
    return asked.c.topic_id if kind == TOPIC else asked.c.gap_id


def _counts_for(kind: str, assistant_id: str) -> ColumnElement[bool]:
    own = asked.c.assistant_id == assistant_id
    return own if kind == TOPIC else own & (asked.c.bad != "")


def _put(connection: Connection, assistant_id: str, kind: str, found: Found) -> str:
    values: dict[str, Any] = {
        "question": found.question,
        "middle": found.middle,
        "sections": list(found.sections),
        "closed": found.closed,
        "updated_at": now(),
    }
    if found.id:
        connection.execute(update(topics).where(topics.c.id == found.id).values(**values))
        return found.id
    made = new_id("top")
    named = {"name": found.question, "named_by": "", "created_at": now()}
    connection.execute(
        insert(topics).values(id=made, assistant_id=assistant_id, kind=kind, **named, **values)
    )
    return made


def _assign(
    connection: Connection, assistant_id: str, kind: str, members: Mapping[str, str | None]
) -> None:
    place = place_of(kind)
    query = select(asked.c.wording, func.max(place), func.count(place), func.count())
    own = _counts_for(kind, assistant_id)
    known = {
        row[0]: (row[1], row[2] in (0, row[3]))
        for row in connection.execute(query.where(own).group_by(asked.c.wording))
    }
    moved = [
        {"hash": hash, "to": to} for hash, to in members.items() if known.get(hash) != (to, True)
    ]
    if moved:
        moving = update(asked).where(own, asked.c.wording == bindparam("hash"))
        connection.execute(moving.values({place.name: bindparam("to")}), moved)
    if kind == GAP:
        well = (asked.c.assistant_id == assistant_id) & (asked.c.bad == "")
        connection.execute(
            update(asked).where(well, asked.c.gap_id.is_not(None)).values(gap_id=None)
        )
