"""People who sign in to the console, and the one-time links that invite them."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import IntegrityError

from server.errors import Conflict, Invalid, NotFound
from server.store.database import Database, new_id, now, record, records
from server.store.tables import invitations, people

ROLES = ("owner", "reviewer", "viewer")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may sign in. `session_token` changes to sign them out everywhere."""

    id: str
    email: str
    role: str
    password_hash: str
    session_token: str
    created_at: datetime


_PERSON = [people.c[name] for name in Person.__slots__]


class People:
    """Verbs on people. Passwords come hashed: hashing is the caller's."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def add(self, email: str, *, role: str, password_hash: str) -> Person:
        address = email.strip().lower()
        if not re.fullmatch(r"[^@\s]+@[^@\s]+", address) or len(address) > 254:
            raise Invalid(f"{email[:64]!r} is not an e-mail address.")
        if role not in ROLES:
            raise Invalid(f"{role!r} is no role.", hint=f"Use {', '.join(ROLES)}.")
        row = {
            "id": new_id("per"),
            "email": address,
            "role": role,
            "password_hash": password_hash,
            "session_token": secrets.token_hex(16),
            "created_at": now(),
        }
        try:
            with self._db.write() as connection:
                connection.execute(insert(people).values(**row))
        except IntegrityError:
            raise Conflict(f"{address} is known already.", hint="Sign in instead.") from None
        return Person(**row)  # type: ignore[arg-type]

    def count(self) -> int:
        with self._db.read() as connection:
            return connection.scalar(select(func.count()).select_from(people)) or 0

    def by_email(self, email: str) -> Person | None:
        query = select(*_PERSON).where(people.c.email == email.strip().lower())
        with self._db.read() as connection:
            row = connection.execute(query).first()
        return record(Person, row) if row else None

    def by_session(self, session_token: str) -> Person | None:
        query = select(*_PERSON).where(people.c.session_token == session_token)
        with self._db.read() as connection:
            row = connection.execute(query).first()
        return record(Person, row) if row else None

    def all(self) -> list[Person]:
        with self._db.read() as connection:
            return records(
                Person, connection.execute(select(*_PERSON).order_by(people.c.seq)).all()
            )

    def rotate_session(self, person_id: str) -> None:
        """Sign a person out everywhere."""
        self._change(person_id, session_token=secrets.token_hex(16))

    def set_password(self, person_id: str, password_hash: str) -> None:
        """Change a password, which signs the person out everywhere."""
        self._change(person_id, password_hash=password_hash, session_token=secrets.token_hex(16))

    def invite(self, *, role: str, lasts: timedelta = timedelta(hours=24)) -> str:
        """Make a one-time set-up token; only its hash is kept."""
        token = secrets.token_urlsafe(32)
        with self._db.write() as connection:
            connection.execute(
                insert(invitations).values(
                    token_hash=_hash(token), role=role, expires_at=now() + lasts
                )
            )
        return token

    def invited_role(self, token: str) -> str:
        """The role that an unused, unexpired token gives."""
        query = select(invitations.c.role).where(
            invitations.c.token_hash == _hash(token),
            invitations.c.used_at.is_(None),
            invitations.c.expires_at > now(),
        )
        with self._db.read() as connection:
            role: str | None = connection.scalar(query)
        if role is None:
            raise NotFound(
                "This link was used or is too old.", hint="Make a new one: parlance users invite"
            )
        return role

    def use_invitation(self, token: str) -> str:
        """Spend a token, once; return the role it gives."""
        role = self.invited_role(token)
        with self._db.write() as connection:
            spent = connection.execute(
                update(invitations)
                .where(invitations.c.token_hash == _hash(token), invitations.c.used_at.is_(None))
                .values(used_at=now())
            ).rowcount
        if not spent:
            raise NotFound("This link was used already.")
        return role

    def _change(self, person_id: str, **values: str) -> None:
        with self._db.write() as connection:
            connection.execute(update(people).where(people.c.id == person_id).values(**values))


def _hash(token: str) -> str:
    return sha256(token.encode()).hexdigest()
