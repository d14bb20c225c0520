"""Grounding: does the evidence carry what a sentence of the answer says?

Judge-free (reference/quality.md, D0): every number, address and name of the sentence must stand in
the evidence, and most of its content words too. It sees no negation and no wrong relation; those
limits are stated in the manual.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from server.answering.words import (
    addresses,
    content_words,
    counted,
    names,
    numbers,
)

# A sentence whose content words are mostly in the evidence is a restatement of it.
_SUPPORTED_SHARE = 0.7
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
class Ground:
    """The evidence in the form that checks need; made once for an answer."""

    words: frozenset[str]
    numbers: frozenset[str]
    addresses: frozenset[str]
    neutral: frozenset[str]

    @classmethod
    def of(
        cls, facts: Sequence[str], *, question: str = "", voice: frozenset[str] = frozenset()
    ) -> Ground:
        """`voice` holds stems that belong to the owner's manner of speaking (`voice_words`)."""
        text = "\n".join(facts)
        return cls(
            words=frozenset(content_words(text)) | frozenset(content_words(question)),
            numbers=frozenset(counted(text)),
            addresses=frozenset(addresses(text)),
            neutral=frozenset(w for c in _COURTESY for w in content_words(c)) | voice,
        )

    def check(self, sentence: str) -> Support:
        """Judge one sentence of an answer."""
        if numbers(sentence) - self.numbers or addresses(sentence) - self.addresses:
            return Support.UNSUPPORTED
        if names(sentence) - self.words - self.neutral:
            return Support.UNSUPPORTED
        stated = [w for w in content_words(sentence) if w not in self.neutral or w in self.words]
        factual = [w for w in stated if w not in self.neutral]
        if not factual:
            return Support.NEUTRAL
        share = sum(w in self.words for w in stated) / len(stated)
        return Support.SUPPORTED if share >= _SUPPORTED_SHARE else Support.UNSUPPORTED


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
