"""Truth: a reply that states what its facts do not hold would teach facts, so it is refused.

Stricter than a word count and milder than the check of serving (`server.answering.grounding`): a
visitor is shown only what stands nearly word for word, whereas an owner may say the same freely.
So numbers with their signs and units, addresses, names, and a sentence that says otherwise are held
to the letter; of the rest, each sentence must draw most of its words from the facts or the manner.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from server.answering.grounding import Ground, Support
from server.answering.language import language_of
from server.answering.readings import Reading, parts
from server.answering.relations import reverses
from server.answering.words import (
    addresses,
    content_words,
    counted,
    names,
    numbers,
    signed,
    stem,
    tokens,
)
from tuning.data.context import carried_share, sentences_of

# Below this a reply speaks of something else than its facts; a free paraphrase lies well above.
_LEAST_CARRIED = 0.3
# The same of one sentence, if it states enough to be judged by itself.
_LEAST_OF_SENTENCE = 0.4
_LEAST_STATED = 4
# A fact that holds so much of a sentence is what the sentence is about.
_ABOUT = 0.6
# They deny in form only.
_IDIOM = re.compile(
    r"\b(?:no (?:problem|worries|trouble|doubt|sweat|need to worry)(?: at all)?|not to worry"
    r"|do(?: not|n['’]t) (?:worry|hesitate|fret|panic)|never fear|why not|can(?:no|['’])t wait"
    r"|could(?: not|n['’]t) be (?:easier|simpler|happier))\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Given:
    """What a reply may draw on: its facts, its question, the owner's manner, and whatever else the
    owner says of themselves (their name, their contact)."""

    facts: Sequence[str]
    question: str
    manner: frozenset[str]
    owner: str = ""

    @property
    def text(self) -> str:
        return "\n".join([*self.facts, self.question, self.owner])


def untrue(reply: str, given: Given) -> str | None:
    """Why a reply would teach facts instead of a voice; None if it does not."""
    if not given.facts:
        return "the content holds no facts for its question"
    if reason := stray(reply, given):
        return reason
    if carried_share(reply, [given.text], given.manner) < _LEAST_CARRIED:
        return "it says something else than its facts"
    ground = Ground.of(given.facts, question=given.question, voice=given.manner)
    read = [Reading.of(part) for fact in given.facts for part in parts(fact)]
    for sentence in sentences_of(reply):
        if ground.check(sentence) is Support.UNSUPPORTED:
            if _says_otherwise(sentence, read, ground):
                return "it says otherwise than its facts"
            if _stands_nowhere(sentence, given, ground):
                return "a sentence of it stands nowhere in its facts"
    return None


def stray(reply: str, given: Given) -> str | None:
    """What a reply brings that nothing given holds: an address, a number, a unit or a name."""
    text = given.text
    if addresses(reply) - addresses(text):
        return "it states an address that its facts do not hold"
    known = counted(text)
    if numbers(reply) - known:
        return "it states a number that its facts do not hold"
    marks = signed(text)
    if any(one not in marks and one[0] + one[2] and one[1] in known for one in signed(reply)):
        return "it gives a number another sign or unit than its facts"
    # Where all nouns have capitals, a capital makes no name.
    if language_of(reply) != "de":
        held = {stem(t) for t in tokens(text)} | set(content_words(text)) | given.manner
        if _unheld(names(reply), held):
            return "it names what its facts do not name"
    return None


def _unheld(found: Iterable[str], held: set[str]) -> bool:
    return any(name not in held and not set(name.split("-")) <= held for name in found)


def _says_otherwise(sentence: str, facts: Sequence[Reading], ground: Ground) -> bool:
    """Whether every fact that the sentence is about, says something else with the same words."""
    said = Reading.of(_IDIOM.sub(" ", sentence))
    stated = {word for word in said.words if word not in ground.neutral}
    if not stated:
        return False
    about = [f for f in facts if len(stated & f.held) >= _ABOUT * len(stated)]
    return bool(about) and all(reverses(said, fact, ground.words) for fact in about)


def _stands_nowhere(sentence: str, given: Given, ground: Ground) -> bool:
    stated = [w for w in content_words(sentence) if w not in ground.neutral]
    if len(set(stated)) < _LEAST_STATED:
        return False
    return carried_share(sentence, [given.text], ground.neutral) < _LEAST_OF_SENTENCE
