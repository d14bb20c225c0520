"""The facts that a training row shows: what serving would find, and what the reply draws on.

A row whose facts do not hold what its reply says would teach the model to make things up. So where
an example brings no context of its own, the evidence for its question is completed by the evidence
for each of its statements; what serving found anyway stays beside it, as it will at the time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import blake2b

from server.answering.grounding import Ground, Support
from server.answering.words import content_words
from server.knowledge.sentences import split_sentences

FindFacts = Callable[[str], Sequence[str]]

FACTS = 6
# A fact carries a statement that shares at least so much of its content words.
_CARRIES = 0.5


def sentences_of(text: str) -> list[str]:
    """The sentences of a text, each on one line."""
    found = [" ".join(text[start:end].split()) for start, end in split_sentences(text)]
    return [sentence for sentence in found if sentence]


def best_sentences(context: str, question: str, answer: str) -> list[str]:
    """The sentences of an example's own context that bear on it, the question's best first.

    As many as serving would give; those that the answer draws on are always among them.
    """
    unique = list(dict.fromkeys(sentences_of(context)))
    drawn_on = sorted(unique, key=lambda s: -_shared(s, answer))[:FACTS]
    return sorted(drawn_on, key=lambda s: (-_shared(s, question), unique.index(s)))


def found_facts(question: str, answer: str, find_facts: FindFacts) -> list[str]:
    """The evidence for a question, completed by what the answer's statements need."""
    facts = list(find_facts(question))[:FACTS]
    if not facts:
        return []
    ground = Ground.of(facts, question=question)
    added: list[str] = []
    for statement in sentences_of(answer):
        if ground.check(statement) is Support.UNSUPPORTED:
            carrier = _carrier(statement, find_facts)
            if carrier and carrier not in facts and carrier not in added:
                added.append(carrier)
    kept = facts[: max(0, FACTS - len(added))]
    for fact in added[:FACTS]:
        # At no fixed place, or the model would learn the place instead of the reading.
        kept.insert(_place(fact, len(kept)), fact)
    return kept


def carried_share(answer: str, facts: Sequence[str], manner: frozenset[str]) -> float:
    """The share of the answer's content words, manner aside, that its facts hold; 1 if none."""
    stated = [word for word in content_words(answer) if word not in manner]
    held = set(content_words("\n".join(facts)))
    return sum(word in held for word in stated) / len(stated) if stated else 1.0


def _carrier(statement: str, find_facts: FindFacts) -> str | None:
    words = set(content_words(statement))
    if not words:
        return None
    best = max(find_facts(statement), key=lambda fact: _shared(fact, statement), default=None)
    return best if best and _shared(best, statement) / len(words) >= _CARRIES else None


def _shared(sentence: str, other: str) -> int:
    return len(set(content_words(sentence)) & set(content_words(other)))


def _place(fact: str, count: int) -> int:
    return blake2b(fact.encode(), digest_size=2).digest()[0] % (count + 1)
