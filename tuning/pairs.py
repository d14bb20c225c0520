"""Training pairs: what people wrote or approved, each with the very prompt that serving would send.

Only two things become pairs: the owner's own example replies, and turns that a reviewer approved
or corrected in tone. A wrong fact belongs to the knowledge, a missed handover to the rules; neither
is ever taught.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

from server.answering.answer import persona_of
from server.answering.grounding import voice_words
from server.answering.words import addresses, counted, numbers
from server.prompt import PROMPT_VERSION, build_messages
from server.store import Store
from server.store.assistants import Assistant
from server.store.conversations import Turn
from server.store.database import new_id
from server.store.pairs import Example, Pair
from server.store.reviews import Review
from tuning.clean import cleaned
from tuning.context import FindFacts, best_sentences, carried_share, found_facts

CORRECTED, APPROVED, VOICE = "corrected", "approved", "voice"
_SHORTEST_WORDS = 2
_LONGEST_WORDS = 400
# Below this a reply speaks of something else than its facts; a free paraphrase lies well above.
_LEAST_CARRIED = 0.3

Messages = list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A reply that may become a pair; `facts` or `messages` are None where not known yet."""

    origin: str
    origin_id: str
    group_id: str
    question: str
    completion: str
    facts: tuple[str, ...] | None = None
    messages: Messages | None = None


@dataclass(slots=True)
class PairReport:
    """The pairs that are fit to learn from, and how many were left out for which reason."""

    pairs: list[Pair] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)

    @property
    def origins(self) -> Counter[str]:
        return Counter(pair.origin for pair in self.pairs)


def gather(store: Store, assistant: Assistant) -> tuple[list[Candidate], Counter[str]]:
    """Collect the candidates of an assistant without looking anything up; and what fell out.

    A correction comes before an approval and that before an example: of equals the first stays.
    """
    dropped: Counter[str] = Counter()
    seen: set[tuple[str, str]] = set()
    kept = []
    for candidate in _all(store, assistant):
        text = cleaned(candidate.completion)
        reason = _unfit(text, cleaned(candidate.question))
        key = (_key(candidate.question), _key(candidate.completion))
        if reason is None and key in seen:
            reason = "the same reply to the same question is there already"
        if reason:
            dropped[reason] += 1
            continue
        seen.add(key)
        kept.append(_with_text(candidate, str(text)))
    return kept, dropped


def build_pairs(
    store: Store, assistant: Assistant, run_id: str, find_facts: FindFacts
) -> PairReport:
    """Make the pairs of a run. `find_facts` gives the evidence that serving would find."""
    candidates, dropped = gather(store, assistant)
    report = PairReport(dropped=dropped)
    given = [_facts(candidate, find_facts) for candidate in candidates]
    manner = voice_words([c.completion for c in candidates], given)
    for candidate, facts in zip(candidates, given, strict=True):
        if reason := _ungrounded(candidate, facts, manner):
            report.dropped[reason] += 1
        else:
            messages = _messages(assistant, candidate, facts)
            report.pairs.append(_pair(assistant, run_id, candidate, messages))
    return report


def _all(store: Store, assistant: Assistant) -> Iterator[Candidate]:
    reviews = store.reviews.in_force(assistant.id)
    for origin in (CORRECTED, APPROVED):
        for review in reviews:
            if review.verdict == origin:
                turn = store.conversations.turn(review.turn_id)
                if candidate := _from_review(review, turn):
                    yield candidate
    for example in store.pairs.examples(assistant.id):
        yield _from_example(example)


def _from_review(review: Review, turn: Turn) -> Candidate | None:
    """None for a review that is not about tone, or a reply that is not the model's."""
    if review.verdict == CORRECTED:
        reply = review.reply if review.fault == "tone" else None
    else:
        reply = turn.reply if turn.label == "supported" and _is_models(turn) else None
    if not reply:
        return None
    return Candidate(
        origin=review.verdict,
        origin_id=review.id,
        group_id=turn.conversation_id,
        question=turn.question,
        completion=reply,
        facts=tuple(str(row["text"]) for row in turn.evidence),
        messages=turn.messages if turn.prompt_version == PROMPT_VERSION else None,
    )


def _is_models(turn: Turn) -> bool:
    """Whether the model wrote what was shown: an approved quote is the content's own voice."""
    opening = " ".join(turn.reply.split())[:40]
    return bool(opening) and " ".join(turn.draft.split()).startswith(opening)


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
    )


def _unfit(text: str | None, question: str | None) -> str | None:
    if text is None or question is None:
        return "it holds hidden characters"
    words = len(text.split())
    if words < _SHORTEST_WORDS or not question:
        return "it is too short"
    return "it is too long" if words > _LONGEST_WORDS else None


def _with_text(candidate: Candidate, text: str) -> Candidate:
    return Candidate(
        candidate.origin,
        candidate.origin_id,
        candidate.group_id,
        str(cleaned(candidate.question)),
        text,
        candidate.facts,
        candidate.messages,
    )


def _facts(candidate: Candidate, find_facts: FindFacts) -> list[str]:
    if candidate.facts is not None:
        return list(candidate.facts)
    return found_facts(candidate.question, candidate.completion, find_facts)


def _messages(assistant: Assistant, candidate: Candidate, facts: Sequence[str]) -> Messages:
    if candidate.messages:
        return candidate.messages
    built = build_messages(persona_of(assistant), candidate.question, facts)
    return [{"role": m["role"], "content": m["content"]} for m in built]


def _ungrounded(candidate: Candidate, facts: Sequence[str], manner: frozenset[str]) -> str | None:
    """Why a reply would teach facts instead of a voice; None if it does not."""
    if not facts:
        return "the content holds no facts for its question"
    given = "\n".join([*facts, candidate.question])
    if addresses(candidate.completion) - addresses(given):
        return "it states an address that its facts do not hold"
    if numbers(candidate.completion) - counted(given):
        return "it states a number that its facts do not hold"
    if carried_share(candidate.completion, [given], manner) < _LEAST_CARRIED:
        return "it says something else than its facts"
    return None


def _pair(assistant: Assistant, run_id: str, candidate: Candidate, messages: Messages) -> Pair:
    spelled = "\0".join([*(m["content"] for m in messages), candidate.completion])
    return Pair(
        id=new_id("par"),
        assistant_id=assistant.id,
        run_id=run_id,
        origin=candidate.origin,
        origin_id=candidate.origin_id,
        group_id=candidate.group_id,
        split="",
        question=candidate.question,
        prompt=messages,
        completion=candidate.completion,
        hash=blake2b(spelled.encode(), digest_size=16).hexdigest(),
    )


def _key(text: str) -> str:
    return " ".join(text.lower().split())
