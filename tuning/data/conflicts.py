"""Contradictions among candidates: one question, two replies that disagree.

Both are left out and listed with their origins, until a person excludes one of them: which one is
right is a question of fact, and facts belong to the knowledge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from server.answering.contradictions import LITTLE, contradictions
from server.answering.curated import Approved
from server.answering.words import content_words
from server.retrieval.vectors import Vector
from server.store.curated import question_key
from tuning.data.candidates import REFUSAL, Candidate


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two candidates by their origin ids, what was asked, and in what the replies differ."""

    one: str
    other: str
    question: str
    reason: str

    def as_row(self) -> dict[str, str]:
        return {
            "one": self.one,
            "other": self.other,
            "question": self.question,
            "reason": self.reason,
        }


def conflicts(
    candidates: Sequence[Candidate], cores: Sequence[str], vectors: Vector | None = None
) -> list[Conflict]:
    """Pairs of candidates that contradict each other. `cores`: their replies without manner, which
    they all share and which says nothing; `vectors`: of their questions, if known.

    A refusal contradicts no answer: whether the content holds one may have changed in between.
    """
    known = {c.origin_id: c for c in candidates if c.kind != REFUSAL}
    questions = [
        Approved(
            kind=candidate.origin,
            id=candidate.origin_id,
            question=candidate.standalone,
            key=question_key(candidate.standalone),
            words=frozenset(content_words(candidate.standalone)),
            vector=None if vectors is None else vectors[n],
        )
        for n, candidate in enumerate(candidates)
        if candidate.origin_id in known
    ]
    answers = {c.origin_id: core for c, core in zip(candidates, cores, strict=True)}
    return [
        Conflict(found.one.id, found.other.id, known[found.one.id].standalone, reason=found.reason)
        for found in contradictions(questions, answers)
        # Two replies may well have little in common if the questions are only nearly the same.
        if found.reason != LITTLE or found.one.key == found.other.key
    ]
