"""Curated answers: questions with the answers that a person wrote or approved, and each hit."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    case,
    delete,
    func,
    insert,
    select,
    update,
)

from server.errors import Conflict, Invalid, NotFound
from server.store.database import Database, new_id, now, record, records
from server.store.tables import assistants, curated, curated_hits, turns
from server.visible_text import storable

STATUSES = ("approved", "off")
MOST_VARIANTS = 20
LONGEST_QUESTION = 500
LONGEST_ANSWER = 8000
_LONGEST_URL = 1000
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})


@dataclass(frozen=True, slots=True)
class Curated:
    """One curated answer. `variants`: other ways to ask it; `embeddings`: unit vectors of the
    question and its variants, float32 bytes; `turn_id`: the turn it was made from, if any."""

    seq: int
    id: str
    assistant_id: str
    question: str
    variants: list[str]
    answer: str
    url: str
    status: str
    embeddings: bytes
    turn_id: str | None
    author: str
    created_at: datetime
    updated_at: datetime

    @property
    def wordings(self) -> list[str]:
        """The question and its variants: `embeddings` holds a vector for each."""
        return [self.question, *self.variants]


@dataclass(frozen=True, slots=True)
class Wording:
    """What a person writes: checked and tidied here, so that nothing half-made is stored.

    For a change only: `status` (None: as it was), and `seen`, the `updated_at` in ISO 8601 of the
    answer as the person saw it (None: whatever it is by now).
    """

    question: str
    answer: str
    url: str = ""
    variants: Sequence[str] = ()
    status: str | None = None
    seen: str | None = None

    def __post_init__(self) -> None:
        tidy = object.__setattr__
        tidy(self, "question", _tidied(self.question))
        tidy(self, "answer", storable(self.answer).replace("\r\n", "\n").strip())
        tidy(self, "url", storable(self.url).strip())
        seen = {question_key(self.question)}
        others = [v for v in map(_tidied, self.variants) if v]
        tidy(self, "variants", [v for v in others if _is_new(question_key(v), seen)])
        self._check()

    def _check(self) -> None:
        if self.status is not None:
            _check_status(self.status)
        if not question_key(self.question):
            raise Invalid("The question is missing.", hint="Write what a visitor would ask.")
        if not self.answer:
            raise Invalid("The answer is missing.", hint="Write what the assistant should say.")
        if max(map(len, [self.question, *self.variants])) > LONGEST_QUESTION:
            raise Invalid(
                f"A question may have {LONGEST_QUESTION} characters.", hint="Make it shorter."
            )
        if len(self.answer) > LONGEST_ANSWER:
            raise Invalid(
                f"The answer has {len(self.answer)} characters; {LONGEST_ANSWER} are possible.",
                hint="Make it shorter.",
            )
        if len(self.variants) > MOST_VARIANTS:
            raise Invalid(f"{MOST_VARIANTS} other wordings are possible.", hint="Leave some out.")
        if self.url and not _is_address(self.url):
            raise Invalid(
                "The link is no web address.", hint="Use one such as https://www.example.org/page."
            )


@dataclass(frozen=True, slots=True)
class Hits:
    """How often an answer was given, and when last."""

    count: int
    last_at: datetime | None


@dataclass(frozen=True, slots=True)
class Hit:
    """One time that a curated answer was given."""

    seq: int
    turn_id: str
    conversation_id: str
    question: str
    score: float
    created_at: datetime


_CURATED = [curated.c[name] for name in Curated.__slots__]
_HIT = [
    curated_hits.c.seq,
    curated_hits.c.turn_id,
    turns.c.conversation_id,
    turns.c.question,
    curated_hits.c.score,
    curated_hits.c.created_at,
]


class CuratedStore:
    """Verbs on curated answers."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def add(
        self,
        assistant_id: str,
        wording: Wording,
        embeddings: bytes,
        *,
        author: str,
        turn_id: str | None = None,
    ) -> Curated:
        """Add an approved answer; Conflict if one of its questions has one already."""
        row = _values(wording, embeddings) | {
            "id": new_id("cur"),
            "assistant_id": assistant_id,
            "status": "approved",
            "turn_id": turn_id,
            "author": author,
            "created_at": now(),
        }
        with self._db.write() as connection:
            connection.execute(_lock(assistants.c.id == assistant_id))
            _only_one(connection, assistant_id, [wording.question, *wording.variants])
            connection.execute(insert(curated).values(**row))
        return self.get(str(row["id"]))

    def change(self, curated_id: str, wording: Wording, embeddings: bytes) -> Curated:
        """Replace question, variants, answer and link, and the status if the wording has one."""
        with self._db.write() as connection:
            known = _locked(connection, curated_id, wording.seen)
            status = wording.status or known.status
            if status == "approved":
                wordings = [wording.question, *wording.variants]
                _only_one(connection, known.assistant_id, wordings, but=curated_id)
            connection.execute(
                update(curated)
                .where(curated.c.id == curated_id)
                .values(**_values(wording, embeddings), status=status)
            )
        return self.get(curated_id)

    def set_status(self, curated_id: str, status: str, *, seen: str | None = None) -> Curated:
        """Switch an answer off, or approve it again. `seen`: as in `Wording`."""
        _check_status(status)
        with self._db.write() as connection:
            known = _locked(connection, curated_id, seen)
            if status == "approved":
                _only_one(connection, known.assistant_id, known.wordings, but=curated_id)
            connection.execute(
                update(curated)
                .where(curated.c.id == curated_id)
                .values(status=status, updated_at=now())
            )
        return self.get(curated_id)

    def remove(self, curated_id: str) -> None:
        """Delete an answer with its hits; the turns it was given to stay as they are."""
        with self._db.write() as connection:
            _row(connection, curated_id)
            connection.execute(delete(curated_hits).where(curated_hits.c.curated_id == curated_id))
            connection.execute(delete(curated).where(curated.c.id == curated_id))

    def get(self, curated_id: str, *, assistant_id: str | None = None) -> Curated:
        with self._db.read() as connection:
            found = _row(connection, curated_id)
        if assistant_id is not None and found.assistant_id != assistant_id:
            raise _no_such(curated_id)
        return found

    def all(self, assistant_id: str) -> list[Curated]:
        """Every curated answer of an assistant, newest first."""
        query = select(*_CURATED).where(curated.c.assistant_id == assistant_id)
        with self._db.read() as connection:
            return records(Curated, connection.execute(query.order_by(curated.c.seq.desc())).all())

    def of_turn(self, turn_id: str) -> Curated | None:
        """The newest curated answer that was made from a turn."""
        query = select(*_CURATED).where(curated.c.turn_id == turn_id)
        with self._db.read() as connection:
            row = connection.execute(query.order_by(curated.c.seq.desc())).first()
        return record(Curated, row) if row else None

    def fingerprint(self, assistant_id: str) -> tuple[Any, ...]:
        """Changes whenever a curated answer of an assistant does."""
        approved = func.sum(case((curated.c.status == "approved", 1), else_=0))
        query = select(func.count(), approved, func.max(curated.c.updated_at))
        with self._db.read() as connection:
            return tuple(
                connection.execute(query.where(curated.c.assistant_id == assistant_id)).one()
            )

    def record_hit(self, curated_id: str, turn_id: str, score: float) -> None:
        """Note that an answer was given; one that was removed meanwhile has no log any more."""
        with self._db.write() as connection:
            if connection.scalar(select(curated.c.id).where(curated.c.id == curated_id)) is None:
                return
            connection.execute(
                insert(curated_hits).values(
                    curated_id=curated_id, turn_id=turn_id, score=score, created_at=now()
                )
            )

    def counts(self, assistant_id: str) -> dict[str, Hits]:
        """Hits by curated answer, those without any left out."""
        query = (
            select(
                curated_hits.c.curated_id,
                func.count().label("count"),
                func.max(curated_hits.c.created_at).label("last_at"),
            )
            .join(curated, curated.c.id == curated_hits.c.curated_id)
            .where(curated.c.assistant_id == assistant_id)
            .group_by(curated_hits.c.curated_id)
        )
        with self._db.read() as connection:
            rows = connection.execute(query).all()
        return {row[0]: Hits(row[1], row[2]) for row in rows}

    def hits(self, curated_id: str, *, limit: int = 100) -> list[Hit]:
        """The newest hits of one answer, with the question that was asked."""
        query = (
            select(*_HIT)
            .join(turns, turns.c.id == curated_hits.c.turn_id)
            .where(curated_hits.c.curated_id == curated_id)
            .order_by(curated_hits.c.seq.desc())
            .limit(limit)
        )
        with self._db.read() as connection:
            return records(Hit, connection.execute(query).all())


def question_key(text: str) -> str:
    """A question as it compares: case, blanks, invisible characters and end marks do not count."""
    plain = unicodedata.normalize("NFKC", text).casefold().replace("’", "'")
    seen = "".join(c for c in plain if c.isspace() or unicodedata.category(c) not in _INVISIBLE)
    return " ".join(seen.split()).strip(" .?!…¿¡,;:\"'“”")


def _tidied(question: str) -> str:
    return " ".join(storable(question).split())


def _is_new(key: str, seen: set[str]) -> bool:
    if key in seen:
        return False
    seen.add(key)
    return True


def _is_address(url: str) -> bool:
    plain = not any(c.isspace() or c in '\\<>"' for c in url)
    return url.startswith(("https://", "http://")) and plain and len(url) <= _LONGEST_URL


def _check_status(status: str) -> None:
    if status not in STATUSES:
        raise Invalid(f"{status[:32]!r} is no status.", hint=f"Use {', '.join(STATUSES)}.")


def _values(wording: Wording, embeddings: bytes) -> dict[str, Any]:
    return {
        "question": wording.question,
        "variants": list(wording.variants),
        "answer": wording.answer,
        "url": wording.url,
        "embeddings": embeddings,
        "updated_at": now(),
    }


def _row(connection: Connection, curated_id: str) -> Curated:
    row = connection.execute(select(*_CURATED).where(curated.c.id == curated_id)).first()
    if row is None:
        raise _no_such(curated_id)
    return record(Curated, row)


def _lock(condition: ColumnElement[bool]) -> Select[tuple[str]]:
    """Selects the assistant for writing: of two who ask at once, the second waits.

    Else both could find no other answer to a question on PostgreSQL, and both add one. `key_share`
    lets visitors begin conversations meanwhile.
    """
    return select(assistants.c.id).where(condition).with_for_update(of=assistants, key_share=True)


def _locked(connection: Connection, curated_id: str, seen: str | None) -> Curated:
    """An answer that is about to be changed; Conflict if it is not as it was `seen` any more."""
    of_answer = select(curated.c.assistant_id).where(curated.c.id == curated_id)
    connection.execute(_lock(assistants.c.id == of_answer.scalar_subquery()))
    known = _row(connection, curated_id)
    if seen is not None and seen != known.updated_at.isoformat():
        raise Conflict(
            "Somebody changed this answer after you opened it.",
            hint="Reload it, then make your change to what it says now.",
        )
    return known


def _no_such(curated_id: str) -> NotFound:
    return NotFound(
        f"There is no curated answer {curated_id[:64]!r}.",
        hint="Somebody may have removed it; reload the list.",
    )


def _only_one(
    connection: Connection, assistant_id: str, wordings: Sequence[str], *, but: str = ""
) -> None:
    """Conflict if an approved answer has one of these questions: a trailing space makes no other.

    Two approved answers to one question would leave it to chance which one is given.
    """
    keys = {question_key(w) for w in wordings}
    query = select(curated.c.id, curated.c.question, curated.c.variants).where(
        curated.c.assistant_id == assistant_id, curated.c.status == "approved", curated.c.id != but
    )
    for row in connection.execute(query):
        for known in (row.question, *row.variants):
            if question_key(known) in keys:
                raise Conflict(
                    f"There is an approved answer to “{known[:120]}” already.",
                    hint="Edit that one, or switch it off first.",
                )
