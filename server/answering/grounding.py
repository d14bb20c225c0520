"""Grounding: does the evidence carry what a sentence of the answer says?

Judge-free (reference/quality.md, D0): every number, address and name of the sentence must stand in
the evidence, and one sentence of the evidence must hold most of what it adds to the question, in
like order. A small model likes to shuffle the words of several facts into a new and wrong one; a
bag of all evidence words would let that pass. Reversed relations still slip through.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

from server.answering.words import (
    addresses,
    content_words,
    counted,
    names,
    negates,
    numbers,
    verdict,
)

# Shares of a statement's new content words, and of its word pairs, that the evidence must hold.
_WORD_SHARE = 0.75
_PAIR_SHARE = 0.4
_LEAST_NEW = 2
_VOICE_SHARE = 0.05
_VOICE_LEAST = 3
# Words of plain courtesy: they state nothing about the owner's business.
_COURTESY = frozenset(
    """hello hi hey welcome thank thanks glad happy hope help helps sure certainly course great good
    question answer short ask asking cheer cheers kind regard regards wish day know else anything
    feel free sorry apology apologies see read find here there friend friends folks everyone okay ok
    briefly simply sum summary note according page pages document documentation site""".split()
)


class Support(Enum):
    """What the evidence says of a sentence."""

    SUPPORTED = "supported"
    UNSUPPORTED = "unsupported"
    NEUTRAL = "neutral"  # states nothing: a greeting, a sign-off


@dataclass(frozen=True, slots=True)
class _Fact:
    words: frozenset[str]
    negated: bool
    verdict: str


@dataclass(frozen=True, slots=True)
class Ground:
    """The evidence in the form that checks need; made once for an answer."""

    facts: tuple[_Fact, ...]
    pairs: frozenset[tuple[str, str]]
    words: frozenset[str]
    question: frozenset[str]
    numbers: frozenset[str]
    addresses: frozenset[str]
    neutral: frozenset[str]

    @classmethod
    def of(
        cls, facts: Sequence[str], *, question: str = "", voice: frozenset[str] = frozenset()
    ) -> Ground:
        """`voice` holds stems that belong to the owner's manner of speaking (`voice_words`)."""
        text = "\n".join(facts)
        asked = frozenset(content_words(question))
        return cls(
            facts=tuple(_Fact(frozenset(content_words(f)), negates(f), verdict(f)) for f in facts),
            pairs=frozenset(p for f in [*facts, question] for p in pairwise(content_words(f))),
            words=frozenset(content_words(text)) | asked,
            question=asked,
            numbers=frozenset(counted(text)),
            addresses=frozenset(addresses(text)),
            neutral=frozenset(w for c in _COURTESY for w in content_words(c)) | voice,
        )

    def check(self, sentence: str) -> Support:
        """Judge one sentence of an answer."""
        # "One" is a pronoun more often than a number.
        stated_numbers = numbers(sentence) | (counted(sentence) - {"1"})
        if stated_numbers - self.numbers or addresses(sentence) - self.addresses:
            return Support.UNSUPPORTED
        if names(sentence) - self.words - self.neutral:
            return Support.UNSUPPORTED
        stated = [w for w in content_words(sentence) if w not in self.neutral]
        if not stated:
            # "The answer is 3." holds courtesy words only, and yet it states something.
            states = counted(sentence) or verdict(sentence) or negates(sentence)
            return Support.UNSUPPORTED if states else Support.NEUTRAL
        return Support.SUPPORTED if self._carries(sentence, stated) else Support.UNSUPPORTED

    def _carries(self, sentence: str, stated: list[str]) -> bool:
        if sentence.rstrip().endswith((":", "?")):
            return False  # it announces or asks, and says nothing
        new = set(stated) - self.question
        pairs = list(pairwise(stated))
        in_order = sum(p in self.pairs for p in pairs) / len(pairs) if pairs else 1.0
        if in_order < _PAIR_SHARE:
            return False
        # "30 weeks" for "30 days": a number means nothing without what it counts.
        counts = (p for p in pairwise(content_words(sentence)) if p[0][0].isdigit())
        if any(pair not in self.pairs for pair in counts):
            return False
        tells = len(new) >= min(_LEAST_NEW, len(set(stated))) or any(w[0].isdigit() for w in new)
        if not new or not tells:
            return False
        denied, said = negates(sentence), verdict(sentence)
        return any(
            len(new & fact.words) >= _WORD_SHARE * len(new)
            and fact.negated == denied
            and said in ("", fact.verdict)
            for fact in self.facts
        )


def voice_words(replies: Sequence[str], facts: Sequence[Sequence[str]]) -> frozenset[str]:
    """Stems that recur in an owner's replies without coming from their facts.

    They are manner, not matter ("cheers", "hope that helps"), so they need no evidence. A stem
    counts when it stands in at least 3 replies and 5 % of them, outside the reply's own facts.
    """
    counts: Counter[str] = Counter()
    for reply, own in zip(replies, facts, strict=True):
        counts.update(set(content_words(reply)) - set(content_words("\n".join(own))))
    least = max(_VOICE_LEAST, _VOICE_SHARE * len(replies))
    return frozenset(w for w, n in counts.items() if n >= least and not any(map(str.isdigit, w)))
