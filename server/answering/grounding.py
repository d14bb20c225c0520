"""Grounding: does the evidence carry what a sentence of the answer says?

Judge-free (reference/quality.md, D0): every number, address and name of the sentence must stand in
the evidence, and one sentence of the evidence must hold most of what it adds to the question, in
like order. A small model likes to shuffle the words of several facts into a new and wrong one; a
bag of all evidence words would let that pass. Reversed relations still slip through.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

from server.answering.readings import Reading, parts
from server.answering.relations import answers, contradicts, in_order
from server.answering.words import (
    addresses,
    content_words,
    counted,
    names,
    negates,
    numbers,
    signed,
    tokens,
    verdict,
)

Scorer = Callable[[Sequence[str], str], float]

# Shares of a statement's new content words, and of its word pairs, that the evidence must hold.
_WORD_SHARE = 0.75
_PAIR_SHARE = 0.4
_LEAST_NEW = 2
# A sentence that adds less is carried by a fact that has nearly all of its words.
_OWN_SHARE = 0.9
_LEAST_OWN = 2
# What the question says may be said again, but not of anything.
_LEAST_SHARE = 0.7
# Words that a sentence leaves out part those that stay; their order is still the fact's.
_ORDER_SHARE = 0.7
# Below this probability of entailment, an owner's checker vetoes.
_LEAST_ENTAILED = 0.5
_VOICE_SHARE = 0.05
_VOICE_LEAST = 3
# Words of plain courtesy: they state nothing about the owner's business.
_COURTESY = frozenset(
    """hello hi hey welcome thank thanks glad happy hope help helps sure certainly course great good
    question answer short ask asking cheer cheers kind regard regards wish day know else anything
    sorry apology apologies see read find here there friend friends folks okay ok
    briefly simply sum summary note according page pages document documentation site""".split()
)

# Agreeing is a statement as soon as it is about something: "Of course you can."
_AGREES = frozenset("sure certainly course okay ok absolutely definitely".split())
_CLAIMS = frozenset(
    "can could may might is are was will would should must do does has have works".split()
)
_OFFER = re.compile(
    r"\b(?:feel free to ask|happy to help|glad to help|i can help|can i help)\b", re.I
)
_NEUTRAL = frozenset(w for c in _COURTESY for w in content_words(c))


class Support(Enum):
    """What the evidence says of a sentence."""

    SUPPORTED = "supported"
    UNSUPPORTED = "unsupported"
    NEUTRAL = "neutral"  # states nothing: a greeting, a sign-off


@dataclass(frozen=True, slots=True)
class Ground:
    """The evidence in the form that checks need; made once for an answer."""

    texts: tuple[str, ...]
    facts: tuple[Reading, ...]
    pairs: frozenset[tuple[str, str]]
    words: frozenset[str]
    asked: str
    question: frozenset[str]
    numbers: frozenset[str]
    signed: frozenset[tuple[str, str, str]]
    addresses: frozenset[str]
    neutral: frozenset[str]
    extra: Scorer | None

    @classmethod
    def of(
        cls,
        facts: Sequence[str],
        *,
        question: str = "",
        voice: frozenset[str] = frozenset(),
        extra: Scorer | None = None,
    ) -> Ground:
        """`voice` holds stems that belong to the owner's manner of speaking (`voice_words`).
        `extra` may veto what the rules pass: `server.llm.checker.Checker`, if there is one."""
        text = "\n".join(facts)
        asked = frozenset(content_words(question))
        neutral = _NEUTRAL | voice
        read = tuple(Reading.of(part) for fact in facts for part in parts(fact))
        listed = [list(one.words) for one in (*read, Reading.of(question))]
        # A sentence is read without its courtesy, which a fact may hold for words of its own.
        listed += [[w for w in words if w not in neutral] for words in listed]
        return cls(
            texts=tuple(facts),
            facts=read,
            pairs=frozenset(p for words in listed for p in pairwise(words)),
            words=frozenset(content_words(text)) | asked,
            asked=question,
            question=asked,
            numbers=frozenset(counted(text)),
            signed=frozenset(signed(f"{text}\n{question}")),
            addresses=frozenset(addresses(text)),
            neutral=neutral,
            extra=extra,
        )

    def check(self, sentence: str) -> Support:
        """Judge one sentence of an answer."""
        # "One" is a pronoun more often than a number.
        stated_numbers = numbers(sentence) | (counted(sentence) - {"1"})
        if stated_numbers - self.numbers or addresses(sentence) - self.addresses:
            return Support.UNSUPPORTED
        if names(sentence) - self.words - self.neutral or not self._counts_alike(sentence):
            return Support.UNSUPPORTED
        plain = content_words(_OFFER.sub(" ", sentence))
        stated = [w for w in plain if w not in self.neutral]
        if not stated:
            # "The answer is 3." holds courtesy words only, and yet it states something.
            states = (
                counted(sentence) or verdict(sentence) or negates(sentence) or _agrees(sentence)
            )
            return Support.UNSUPPORTED if states else Support.NEUTRAL
        if self._repeats(sentence):
            return Support.SUPPORTED
        if not self._carries(sentence) or self._vetoes(sentence):
            return Support.UNSUPPORTED
        return Support.SUPPORTED

    def _counts_alike(self, sentence: str) -> bool:
        """Whether each number has the sign and the unit mark that it has in the facts: "-20", "5 %"
        and "€5" are other figures than 20, 5 and $5."""
        known = {number for _, number, _ in self.signed}
        return all(one in self.signed for one in signed(sentence) if one[1] in known)

    def _repeats(self, sentence: str) -> bool:
        """Whether it is a fact, word for word, which needs no further look."""
        said = tokens(sentence)
        return sentence.rstrip()[-1:] not in ":?" and any(said == tokens(f) for f in self.texts)

    def _vetoes(self, sentence: str) -> bool:
        return self.extra is not None and self.extra(self.texts, sentence) < _LEAST_ENTAILED

    def _carries(self, sentence: str) -> bool:
        if sentence.rstrip().endswith((":", "?")):
            return False  # it announces or asks, and says nothing
        said = Reading.of(sentence)
        stated = [w for w in said.words if w not in self.neutral]
        pairs = list(pairwise(stated))
        near = sum(p in self.pairs for p in pairs) >= _PAIR_SHARE * len(pairs)
        named = names(sentence) - self.neutral - self.question
        return any(
            named <= fact.held
            and self._holds(fact, stated)
            and (near or in_order(stated, fact) >= _ORDER_SHARE)
            and self._fits(said, fact)
            and not contradicts(said, fact, self.question, self.words)
            for fact in self.facts
        )

    def _holds(self, fact: Reading, stated: Sequence[str]) -> bool:
        """Whether the fact has the words: nearly all of them, or most of what is new and enough."""
        own = set(stated)
        held = len(own & fact.held)
        if len(own) >= _LEAST_OWN and held >= _OWN_SHARE * len(own):
            return True
        new = own - self.question
        tells = len(new) >= min(_LEAST_NEW, len(own)) or any(w[0].isdigit() for w in new)
        told = bool(new) and tells and len(new & fact.held) >= _WORD_SHARE * len(new)
        return told and held >= _LEAST_SHARE * len(own)

    def _fits(self, said: Reading, fact: Reading) -> bool:
        return said.verdict in ("", fact.verdict) or answers(said, self.asked)


def _agrees(sentence: str) -> bool:
    said = set(tokens(_OFFER.sub("", sentence)))
    return bool(said & _AGREES and said & _CLAIMS)


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
