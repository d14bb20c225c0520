"""Candidates: replies that a person wrote or approved, before anything is asked of them.

Two things become candidates: the owner's own example replies, and turns that a reviewer approved or
corrected in tone. What the model said and nobody judged is not read here at all, so no later step
can let it in. A wrong fact belongs to the knowledge, a missed handover to the rules.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import blake2b

from server.answering.wishes import Kind
from server.store import Store
from server.store.assistants import Assistant
from server.store.material import APPROVED, CORRECTED, VOICE
from server.store.pairs import Example
from server.store.reviewed import Reviewed, ReviewedTurns
from server.store.reviews import Review
from tuning.data.clean import cleaned
from tuning.data.context import best_sentences
from tuning.data.declines import declines

REPLY, REFUSAL = "reply", "refusal"
_SHORTEST_WORDS = 2
_LONGEST_WORDS = 400
# Labels of turns that gave no answer: the gate's refusals, and handovers to a person.
_DECLINED = ("refused", "handed_over")

Messages = list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where a reviewed reply comes from; empty for the owner's own examples."""

    turn_id: str | None = None
    reviewer: str = ""
    verdict: str = ""
    visitor_id: str = ""
    asked_at: datetime | None = None
    judged_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A reply that may become a pair; `facts` or `messages` are None where not known yet.

    `asked`: the question as it stands alone, by which candidates are compared; `draft`: what the
    model had said, empty where it was not the model; `thumb`: what the visitor said of that;
    `messages`: what was sent under prompt version `prompt_version`; `source_hash`: of the reply
    as a person saw or wrote it.
    """

    origin: str
    origin_id: str
    group_id: str
    question: str
    completion: str
    facts: tuple[str, ...] | None = None
    messages: Messages | None = None
    kind: str = REPLY
    asked: str = ""
    draft: str = ""
    thumb: str | None = None
    prompt_version: str = ""
    source_hash: str = ""
    lineage: Lineage = field(default_factory=Lineage)

    @property
    def subject_id(self) -> str:
        """What an exclusion names: the turn, or the example."""
        return self.lineage.turn_id or self.origin_id

    @property
    def standalone(self) -> str:
        return self.asked or self.question


def collect(store: Store, assistant: Assistant) -> tuple[list[Candidate], Counter[str]]:
    """The candidates that are fit to be read, best first, and how many are not, by reason.

    A correction comes before an approval and that before an example, a newer one before an older.
    """
    excluded = store.exclusions.in_force(assistant.id)
    dropped: Counter[str] = Counter()
    kept = []
    for candidate in _all(store, assistant):
        text, question = cleaned(candidate.completion), cleaned(candidate.question)
        reason = _unfit(text, question)
        if candidate.subject_id in excluded:
            reason = "a person left it out"
        if reason or text is None or question is None:
            dropped[reason or "it holds hidden characters"] += 1
        else:
            kept.append(replace(candidate, question=question, completion=text))
    return kept, dropped


def disliked(store: Store, assistant: Assistant) -> list[Candidate]:
    """Replies of the model that a visitor disliked and a reviewer faulted in tone: never taught,
    but what to move away from. Newest first."""
    excluded = store.exclusions.in_force(assistant.id)
    found = []
    for seen in reversed(ReviewedTurns(store.database).of_assistant(assistant.id)):
        review = seen.review
        faulted = review.verdict != APPROVED and review.fault == "tone"
        if not (faulted and seen.thumb == "down" and _is_models(seen)):
            continue
        candidate = _reviewed(seen, seen.turn.reply, review.verdict)
        text, question = cleaned(candidate.completion), cleaned(candidate.question)
        unfit = _unfit(text, question) or candidate.subject_id in excluded
        if text is not None and question is not None and not unfit:
            found.append(replace(candidate, question=question, completion=text))
    return found


def source_hash(text: str) -> str:
    """The hash of a reply as a person saw or wrote it."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _all(store: Store, assistant: Assistant) -> Iterator[Candidate]:
    judged = ReviewedTurns(store.database).of_assistant(assistant.id)[::-1]
    for origin in (CORRECTED, APPROVED):
        for seen in judged:
            if seen.review.verdict == origin and (candidate := _from_review(seen)):
                yield candidate
    for example in reversed(store.pairs.examples(assistant.id)):
        yield _from_example(example)


def _from_review(seen: Reviewed) -> Candidate | None:
    """None for a review that is not about tone, or a reply that is not the model's."""
    reply = _corrected(seen.review) if seen.review.verdict == CORRECTED else _approved(seen)
    return _reviewed(seen, reply, seen.review.verdict) if reply else None


def _corrected(review: Review) -> str | None:
    return review.reply if review.fault == "tone" else None


def _approved(seen: Reviewed) -> str | None:
    """An approved reply in the model's words, or an approved refusal or handover."""
    if seen.turn.label in _DECLINED:
        return seen.turn.reply
    return seen.turn.reply if seen.turn.label == "supported" and _is_models(seen) else None


def _is_models(seen: Reviewed) -> bool:
    """Whether the model wrote what was shown: an approved quote is the content's own voice."""
    opening = " ".join(seen.turn.reply.split())[:40]
    return bool(opening) and " ".join(seen.turn.draft.split()).startswith(opening)


def _reviewed(seen: Reviewed, reply: str, origin: str) -> Candidate:
    review, turn = seen.review, seen.turn
    asked = str(turn.signals.get("asked") or "")
    alone = turn.signals.get("kind", Kind.QUESTION.value) == Kind.QUESTION.value
    refuses = turn.label in _DECLINED or declines(reply)
    return Candidate(
        origin=origin,
        origin_id=review.id,
        group_id=turn.conversation_id,
        # The visitor's own words where they stand alone, as in the prompt of serving.
        question=turn.question if alone else asked or turn.question,
        completion=reply,
        facts=tuple(str(row["text"]) for row in turn.evidence),
        messages=turn.messages or None,
        kind=REFUSAL if refuses else REPLY,
        asked=asked,
        draft=turn.draft if _is_models(seen) else "",
        thumb=seen.thumb,
        prompt_version=turn.prompt_version,
        source_hash=source_hash(reply),
        lineage=Lineage(
            turn_id=turn.id,
            reviewer=review.reviewer,
            verdict=review.verdict,
            visitor_id=seen.visitor_id,
            asked_at=seen.asked_at,
            judged_at=review.created_at,
        ),
    )


def _from_example(example: Example) -> Candidate:
    context = (example.context or "").strip()
    facts = tuple(best_sentences(context, example.question, example.answer)) if context else None
    return Candidate(
        origin=VOICE,
        origin_id=example.id,
        group_id=example.id,
        question=example.question,
        completion=example.answer,
        facts=facts,
        kind=REFUSAL if declines(example.answer) else REPLY,
        source_hash=source_hash(example.answer),
        lineage=Lineage(judged_at=example.created_at),
    )


def _unfit(text: str | None, question: str | None) -> str | None:
    if text is None or question is None:
        return "it holds hidden characters"
    words = len(text.split())
    if words < _SHORTEST_WORDS or not question:
        return "it is too short"
    return "it is too long" if words > _LONGEST_WORDS else None
