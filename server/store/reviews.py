"""Reviews: a person's verdict on a turn, where the fault lies, the reply it should have been."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, insert, select

from server.errors import Conflict, Invalid
from server.store.database import Database, new_id, now, record, records
from server.store.tables import reviews, turns

VERDICTS = ("approved", "corrected", "rejected")
# The fault decides where the fix goes: fact -> knowledge, tone -> tuning, handoff -> rules,
# prompt -> the assistant's guidelines and guardrails.
FAULTS = ("fact", "tone", "handoff", "prompt")
_LONGEST_REPLY = 8000


@dataclass(frozen=True, slots=True)
class Review:
    """One verdict. The newest review of a turn is the one in force; earlier ones stay."""

    seq: int
    id: str
    assistant_id: str
    turn_id: str
    reviewer: str
    verdict: str
    fault: str | None
    reply: str | None
    note: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a reviewer decides about a turn."""

    verdict: str
    fault: str | None = None
    reply: str | None = None
    note: str = ""

    def __post_init__(self) -> None:
        if self.verdict not in VERDICTS:
            raise Invalid(f"{self.verdict!r} is no verdict.", hint=f"Use {', '.join(VERDICTS)}.")
        if self.fault is not None and self.fault not in FAULTS:
            raise Invalid(f"{self.fault!r} is no fault reason.", hint=f"Use {', '.join(FAULTS)}.")
        if self.verdict == "corrected" and not (self.reply or "").strip():
            raise Invalid(
                "A correction needs the corrected reply.", hint="Write what it should say."
            )
        if self.verdict != "approved" and self.fault is None:
            raise Invalid("Say where the fault lies.", hint=f"Use {', '.join(FAULTS)}.")
        if len(self.reply or "") > _LONGEST_REPLY or len(self.note) > _LONGEST_REPLY:
            raise Invalid(f"A reply or note may have {_LONGEST_REPLY} characters.")


_REVIEW = [reviews.c[name] for name in Review.__slots__]


class Reviews:
    """Verbs on reviews."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def judge(
        self, turn_id: str, verdict: Verdict, *, reviewer: str, seen: str | None = None
    ) -> Review:
        """Record a verdict.

        `seen` is the id of the review that the reviewer had before them ("" for none); Conflict if
        somebody judged the turn in between. None skips that check (imports).
        """
        with self._db.write() as connection:
            assistant_id = connection.execute(
                select(turns.c.assistant_id).where(turns.c.id == turn_id)
            ).scalar_one()
            latest = connection.execute(
                select(*_REVIEW).where(reviews.c.turn_id == turn_id).order_by(reviews.c.seq.desc())
            ).first()
            if seen is not None and (latest.id if latest else "") != seen:
                raise Conflict(
                    "Somebody else has judged this turn in the meantime.",
                    hint="Reload to see their verdict, then decide again.",
                )
            row_id = new_id("rev")
            connection.execute(
                insert(reviews).values(
                    id=row_id,
                    assistant_id=assistant_id,
                    turn_id=turn_id,
                    reviewer=reviewer,
                    verdict=verdict.verdict,
                    fault=verdict.fault,
                    reply=verdict.reply,
                    note=verdict.note,
                    created_at=now(),
                )
            )
            row = connection.execute(select(*_REVIEW).where(reviews.c.id == row_id)).one()
        return record(Review, row)

    def of_turn(self, turn_id: str) -> list[Review]:
        """All reviews of a turn, oldest first."""
        with self._db.read() as connection:
            rows = connection.execute(
                select(*_REVIEW).where(reviews.c.turn_id == turn_id).order_by(reviews.c.seq)
            ).all()
        return records(Review, rows)

    def in_force(self, assistant_id: str) -> list[Review]:
        """The newest review of every reviewed turn of an assistant."""
        newest = select(func.max(reviews.c.seq)).group_by(reviews.c.turn_id)
        query = (
            select(*_REVIEW)
            .where(reviews.c.assistant_id == assistant_id, reviews.c.seq.in_(newest))
            .order_by(reviews.c.seq)
        )
        with self._db.read() as connection:
            return records(Review, connection.execute(query).all())
