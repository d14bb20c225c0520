"""The owner's question list: what must be answered and from where, and what must be refused."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from server.errors import Conflict, Invalid, NotFound
from server.store.database import Database, new_id, now, record, records
from server.store.tables import assistants, checks, pages, passages
from server.visible_text import storable

_KINDS = ("url", "phrase")
_LONGEST = 2000
_MOST = 500
# With a scheme (not a host with a port), or from the root of any host.
_ADDRESS = re.compile(r"/|[a-z][a-z0-9+-]*:(?!\d)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class NewCheck:
    """A question about to go on the list.

    `expect`: {"url": page that must be cited}, {"phrase": words that must be said}, or None for a
    question that must be refused. `turn_id`: the visitor's turn it was made from, if any.
    """

    question: str
    expect: dict[str, str] | None
    turn_id: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "question", storable(self.question))
        if not self.question.strip():
            raise Invalid("The question is empty.", hint="Write what a visitor would ask.")
        if len(self.question) > _LONGEST:
            raise Invalid(f"A question may have {_LONGEST} characters.", hint="Make it shorter.")
        if self.expect is not None:
            _check_expectation(self.expect)
            kept = {kind: storable(value) for kind, value in self.expect.items()}
            object.__setattr__(self, "expect", kept)

    @property
    def key(self) -> str:
        """The same for questions that differ in case and spaces only: one of them is enough."""
        return question_key(self.question)


@dataclass(frozen=True, slots=True)
class Check:
    """A question of the list; see NewCheck."""

    seq: int
    id: str
    assistant_id: str
    question: str
    expect: dict[str, str] | None
    turn_id: str | None
    author: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of the content and the address of the page it stands on."""

    text: str
    url: str


_CHECK = [checks.c[name] for name in Check.__slots__]


class Checks:
    """Verbs on the question list."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def add(self, assistant_id: str, new: NewCheck, *, author: str) -> Check:
        """Put a question on the list; Conflict if it is there already."""
        with self._db.write() as connection:
            lock_list(connection, assistant_id)
            known = _known(connection, assistant_id)
            if new.key in known:
                raise Conflict(
                    "This question is on the list already.", hint="Change what it expects there."
                )
            _refuse_too_many(len(known) + 1)
            row = _row(assistant_id, new, author)
            connection.execute(insert(checks).values(**row))
        return self.check(assistant_id, str(row["id"]))

    def import_many(
        self, assistant_id: str, new: Sequence[NewCheck], *, author: str
    ) -> tuple[int, int]:
        """Add questions, all or none; return (added, changed).

        A question that is on the list already gets the new expectation; the last one counts.
        """
        wanted = {one.key: one for one in new}
        with self._db.write() as connection:
            lock_list(connection, assistant_id)
            known = _known(connection, assistant_id)
            fresh = [one for key, one in wanted.items() if key not in known]
            other = [
                (known[key], one)
                for key, one in wanted.items()
                if key in known and known[key].expect != one.expect
            ]
            _refuse_too_many(len(known) + len(fresh))
            if fresh:
                connection.execute(
                    insert(checks), [_row(assistant_id, one, author) for one in fresh]
                )
            for check, one in other:
                connection.execute(
                    update(checks).where(checks.c.id == check.id).values(expect=one.expect)
                )
        return len(fresh), len(other)

    def change(self, assistant_id: str, check_id: str, new: NewCheck) -> Check:
        """Change a question or what it expects; Conflict if another one asks the same."""
        with self._db.write() as connection:
            lock_list(connection, assistant_id)
            twin = _known(connection, assistant_id).get(new.key)
            if twin is not None and twin.id != check_id:
                raise Conflict("Another question of the list asks the same.", hint="Remove one.")
            connection.execute(
                update(checks)
                .where(checks.c.id == check_id, checks.c.assistant_id == assistant_id)
                .values(question=new.question.strip(), expect=new.expect)
            )
        return self.check(assistant_id, check_id)

    def remove(self, assistant_id: str, check_id: str) -> Check:
        """Take a question off the list; runs keep what they asked. Return what it was."""
        found = self.check(assistant_id, check_id)
        with self._db.write() as connection:
            connection.execute(delete(checks).where(checks.c.id == check_id))
        return found

    def check(self, assistant_id: str, check_id: str) -> Check:
        query = select(*_CHECK).where(
            checks.c.id == check_id, checks.c.assistant_id == assistant_id
        )
        with self._db.read() as connection:
            row = connection.execute(query).first()
        if row is None:
            raise NotFound(f"There is no question {check_id[:64]!r} on the list.")
        return record(Check, row)

    def of_assistant(self, assistant_id: str) -> list[Check]:
        """The list, oldest first."""
        with self._db.read() as connection:
            return list(_known(connection, assistant_id).values())

    def like(self, assistant_id: str, question: str) -> Check | None:
        """The question of the list that asks the same."""
        with self._db.read() as connection:
            return _known(connection, assistant_id).get(question_key(question))

    def question_headings(self, assistant_id: str, *, limit: int = 300) -> list[Heading]:
        """Headings of the content that end in a question mark, in the order they stand there."""
        query = (
            select(passages.c.heading.label("text"), pages.c.url)
            .join(pages, pages.c.id == passages.c.page_id)
            .where(passages.c.assistant_id == assistant_id)
            .where(passages.c.heading.like("%?") | passages.c.heading.like("%？"))
            .group_by(passages.c.heading, pages.c.url)
            .order_by(func.min(passages.c.seq))
            .limit(limit)
        )
        with self._db.read() as connection:
            return records(Heading, connection.execute(query).all())

    def page_addresses(self, assistant_id: str, *, limit: int = 300) -> list[str]:
        """Addresses of the assistant's pages, to choose from."""
        query = select(pages.c.url).where(pages.c.assistant_id == assistant_id)
        with self._db.read() as connection:
            return list(connection.scalars(query.order_by(pages.c.url).limit(limit)))

    def page_address(self, assistant_id: str, page_id: str) -> str | None:
        """The address of a page as it is kept, also where citations cannot link to it."""
        query = select(pages.c.url).where(
            pages.c.id == page_id, pages.c.assistant_id == assistant_id
        )
        with self._db.read() as connection:
            found: str | None = connection.scalar(query)
        return found


def question_key(question: str) -> str:
    """What tells questions apart: their words, not their case or spaces."""
    return " ".join(question.split()).casefold()


def lock_list(connection: Connection, assistant_id: str) -> None:
    """Make others who write to this list, or ask for a run of it, wait for this transaction.

    PostgreSQL would let two of them look before either has written; SQLite writes one by one.
    `key_share`: a visitor's turn, which refers to the assistant, need not wait.
    """
    connection.execute(
        select(assistants.c.id)
        .where(assistants.c.id == assistant_id)
        .with_for_update(key_share=True)
    )


def _check_expectation(expect: dict[str, str]) -> None:
    if not isinstance(expect, dict) or len(expect) != 1 or next(iter(expect)) not in _KINDS:
        raise Invalid(
            "The expectation is not one of the three.",
            hint='Use {"url": "..."}, {"phrase": "..."}, or null for a question to refuse.',
        )
    kind, value = next(iter(expect.items()))
    if not isinstance(value, str) or not storable(value).strip():
        what = "address of the page" if kind == "url" else "phrase"
        raise Invalid(f"The expected {what} is empty.", hint="Say what a good answer must hold.")
    if len(value) > _LONGEST:
        raise Invalid(f"What is expected may have {_LONGEST} characters.")
    if kind == "url" and not _ADDRESS.match(value.strip()):
        raise Invalid(
            f"The address {value.strip()[:80]!r} has no scheme.",
            hint="Begin it with https://, or with / for a page on any host.",
        )


def _known(connection: Connection, assistant_id: str) -> dict[str, Check]:
    query = select(*_CHECK).where(checks.c.assistant_id == assistant_id).order_by(checks.c.seq)
    found = records(Check, connection.execute(query).all())
    return {question_key(check.question): check for check in found}


def _row(assistant_id: str, new: NewCheck, author: str) -> dict[str, Any]:
    return {
        "id": new_id("chk"),
        "assistant_id": assistant_id,
        "question": new.question.strip(),
        "expect": new.expect,
        "turn_id": new.turn_id,
        "author": author,
        "created_at": now(),
    }


def _refuse_too_many(count: int) -> None:
    if count > _MOST:
        raise Invalid(f"A question list holds at most {_MOST} questions.", hint="Remove some.")
