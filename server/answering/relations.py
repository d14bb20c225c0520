"""Whether two sentences of the same words say the same: who does what, how many, and when."""

from __future__ import annotations

import re
from collections.abc import Sequence

from server.answering.readings import (
    AFTER,
    ALL,
    BEFORE,
    IF,
    MAY,
    MEASURES,
    MUST,
    ONLY,
    OPPOSITES,
    SOME,
    Reading,
)

_ASKS = re.compile(
    r"\W*(?:do|does|did|is|are|was|can|could|may|will|must|should|has|have)\b", re.IGNORECASE
)
_LEAST_WORDS = 3
_CONDITION_SHARE = 1 / 3
_ASKED_SHARE = 0.6


def contradicts(said: Reading, fact: Reading, asked: frozenset[str], known: frozenset[str]) -> bool:
    """Whether a sentence says something else than a fact with the same words. `asked`: the
    question's content words, which may stand for a condition that the sentence leaves out;
    `known`: those of all facts."""
    return (
        reverses(said, fact, known)
        or _limits(said, fact)
        or _leaves_out(said, fact, asked)
        or _counts_other(said, fact)
        or any(code not in fact.raw for code in said.code)
    )


def reverses(said: Reading, fact: Reading, known: frozenset[str]) -> bool:
    """Whether a sentence denies or turns round what a fact says, or measures it otherwise: what no
    freedom of wording explains."""
    return (
        _denies(said, fact)
        or _opposes(said, fact)
        or _measures_other(said, fact)
        or _turns_round(said, fact, known)
    )


def answers(said: Reading, question: str) -> bool:
    """Whether a leading yes or no fits what follows it, as an answer to the question."""
    wanted = Reading.of(question)
    if not _ASKS.match(question) or not wanted.words or wanted.denials:
        return False
    met = len(wanted.held & said.held) >= _ASKED_SHARE * len(wanted.held)
    # What is asked stands at the end of a question, be it a verb ("Can it be returned?") or not.
    if not met or wanted.words[-1] not in said.held:
        return False
    denied = any(not d.aside for d in said.denials)
    flips = any(not OPPOSITES[w].isdisjoint(said.polar) for w in wanted.polar)
    return (said.verdict == "no") == (denied != flips)


def in_order(words: Sequence[str], fact: Reading) -> float:
    """The share of the words that stand in the fact in the same order."""
    row = [0] * (len(fact.words) + 1)
    for word in words:
        before = 0
        for n, other in enumerate(fact.words, start=1):
            before, row[n] = row[n], before + 1 if word == other else max(row[n], row[n - 1])
    return row[-1] / len(words) if words else 1.0


def _denies(said: Reading, fact: Reading) -> bool:
    mine = [set(d.words) for d in said.denials]
    theirs = [set(d.words) for d in fact.denials]
    if any(m and all(m.isdisjoint(t) for t in theirs) for m in mine):
        return True
    if (mine and not theirs) or (fact.denies_list and not mine):
        return True
    for denial in fact.denials:
        needed = denial.words if denial.aside else denial.words[:1]
        if needed and said.held.issuperset(needed) and all(m.isdisjoint(needed) for m in mine):
            return True
    return False


def _opposes(said: Reading, fact: Reading) -> bool:
    for word in said.polar:
        others = OPPOSITES[word]
        if word not in fact.polar and not others.isdisjoint(fact.polar):
            if others.isdisjoint(said.polar):
                return True
        elif word in fact.polar:
            for other in others.intersection(said.polar, fact.polar):
                ahead = said.polar.index(word) < said.polar.index(other)
                if ahead != (fact.polar.index(word) < fact.polar.index(other)):
                    return True
    return False


def _limits(said: Reading, fact: Reading) -> bool:
    """Order in time, added conditions, quantity, duty, bounds."""
    timed = said.cues & {BEFORE, AFTER}
    if timed and not timed & fact.cues and not (IF in said.cues and IF in fact.cues):
        return True
    if any(cue in said.cues - fact.cues for cue in (ONLY, ALL, SOME)):
        return True
    if IF in said.cues and not fact.cues & {IF, BEFORE, AFTER}:
        return True
    if MUST in said.cues and MAY in fact.cues and MUST not in fact.cues:
        return True
    return bool(said.lower & fact.upper - fact.lower or said.upper & fact.lower - fact.upper)


def _leaves_out(said: Reading, fact: Reading, asked: frozenset[str]) -> bool:
    """An "if" of the fact that the sentence drops, in the clause that it takes words from."""
    known = said.held | asked
    return IF not in said.cues and any(
        len(condition & known) < max(1.0, _CONDITION_SHARE * len(condition))
        for main, condition in fact.conditions
        if not main or not main.isdisjoint(said.held)
    )


def _counts_other(said: Reading, fact: Reading) -> bool:
    """A number that the fact gives to something else, or not at all."""
    for number, words in said.bound.items():
        own = fact.bound.get(number)
        if own is None:
            return True
        others = {w for n, ws in fact.bound.items() if n != number for w in ws}
        # The nearest word that stands with one of the fact's numbers only tells whose it is.
        telling = (w for w in reversed(words) if (w in own) != (w in others))
        if next(telling, "") in others:
            return True
    if _measures_other(said, fact):
        return True
    counts = (p for p in said.pairs if p[0][0].isdigit())
    return any(p not in fact.pairs for p in counts)


def _measures_other(said: Reading, fact: Reading) -> bool:
    """Another measure than the fact has: weeks for days."""
    measures = MEASURES & said.held
    return bool(measures - fact.held and MEASURES & fact.held - measures)


def _turns_round(said: Reading, fact: Reading, known: frozenset[str]) -> bool:
    """Words that touch in the other order ("the model sees evidence"), or another subject."""
    for one, other in said.touching:
        if (other, one) in fact.touching and (one, other) not in fact.pairs:
            return True
    if len(said.words) < _LEAST_WORDS or said.words[:2] not in said.touching:
        return False
    head, act = said.words[:2]
    if act not in fact.held:
        return False
    if head not in fact.held:
        return head in known and (fact.words[0], act) in fact.touching
    # It comes later in the fact, where something else does what it is said to do.
    later = fact.words.index(head) > fact.words.index(act)
    return later and any(b == act and a != head for a, b in fact.touching)
