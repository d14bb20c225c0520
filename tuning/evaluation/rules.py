"""The owner's style guide as rules that a machine can check: habits learnt from the owner's own
replies, and words that the settings forbid. Pure.

A habit is a rule where the owner nearly always or nearly never does a thing; what an owner does now
and then is none. Lengths and reading levels are bands: the middle 80 % of the owner's replies.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from server.answering.words import tokens
from server.store.assistants import AssistantSettings
from tuning.data.context import sentences_of

_ALWAYS, _NEVER = 0.7, 0.3
# An opening or a closing that so many replies share is the owner's.
_SHARED = 0.15
_PHRASE = 2
_BAND = (10, 90)
_ROOM_WORDS, _ROOM_GRADE = 0.15, 1.0
_GREETS = frozenset(
    "hello hi hey dear welcome greetings howdy ahoy hallo bonjour hola ciao".split()
)
_PARTS = frozenset("cheers regards sincerely bye goodbye yours thanks".split())
_PERSONS = {
    "person_i": ("speaks as I", frozenset("i i'm i've i'd i'll my me mine".split())),
    "person_we": ("speaks as we", frozenset("we we're we've we'd we'll our us ours".split())),
    "person_you": ("speaks to you", frozenset("you you're you've you'd you'll your yours".split())),
}
_QUOTED = re.compile(r"[“\"]([^”\"]{2,40})[”\"]|(?<!\w)['‘]([^'’]{2,40})['’](?!\w)")
_VOWELS = re.compile(r"[aeiouy]+")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: what it wants in plain words, how often the owner keeps it, and its check."""

    name: str
    title: str
    owner: float
    keeps: Callable[[str], bool]


def rules_of(replies: Sequence[str], settings: AssistantSettings) -> list[Rule]:
    """The rules that an owner's replies and settings hold; none without replies."""
    if not replies:
        return []
    found = [*_phrases(replies), *_persons(replies), *_bands(replies)]
    if banned := banned_words(settings):
        found.append(_ban(banned, replies))
    return found


def banned_words(settings: AssistantSettings) -> list[str]:
    """What the guardrails put in quotation marks: never say "cheap", no “guarantee”."""
    found = [a or b for rule in settings.guardrails for a, b in _QUOTED.findall(rule)]
    words = (word.lower().strip(" .,!?") for word in found)
    # Of mere signs nothing is left, and nothing stands in every text.
    return [word for word in dict.fromkeys(words) if word]


def grade(text: str) -> float:
    """The Flesch-Kincaid grade level (1975); syllables are counted as groups of vowels."""
    words = [w for w in tokens(text) if w[0].isalpha()]
    if not words:
        return 0.0
    syllables = sum(_syllables(word) for word in words)
    sentences = max(1, len(sentences_of(text)))
    return 0.39 * len(words) / sentences + 11.8 * syllables / len(words) - 15.59


def _phrases(replies: Sequence[str]) -> list[Rule]:
    opens = _common([_opening(r) for r in replies])
    closes = _common([_closing(r) for r in replies])

    def greets(text: str) -> bool:
        return _opening(text) in opens or bool(set(tokens(text)[:1]) & _GREETS)

    def signs_off(text: str) -> bool:
        return _closing(text) in closes or bool(set(tokens(text)[-2:]) & _PARTS)

    return [
        *_habit("greeting", "greets", greets, replies),
        *_habit("sign_off", "signs off", signs_off, replies),
    ]


def _persons(replies: Sequence[str]) -> list[Rule]:
    found = []
    for name, (does, words) in _PERSONS.items():
        found += _habit(name, does, _says_any(words), replies)
    return found


def _says_any(words: frozenset[str]) -> Callable[[str], bool]:
    return lambda text: bool(words & set(tokens(text)))


def _habit(
    name: str, does: str, check: Callable[[str], bool], replies: Sequence[str]
) -> list[Rule]:
    share = sum(map(check, replies)) / len(replies)
    if share >= _ALWAYS:
        return [Rule(name, f"{does}, as you do", share, check)]
    if share <= _NEVER:
        return [Rule(name, f"never {does}, as you", 1 - share, lambda text: not check(text))]
    return []


def _bands(replies: Sequence[str]) -> list[Rule]:
    low, high = _band([float(len(r.split())) for r in replies])
    least, most = low * (1 - _ROOM_WORDS), high * (1 + _ROOM_WORDS)
    easy, hard = _band([grade(r) for r in replies])

    def is_long_enough(text: str) -> bool:
        return least <= len(text.split()) <= most

    def reads_alike(text: str) -> bool:
        return easy - _ROOM_GRADE <= grade(text) <= hard + _ROOM_GRADE

    length = f"is {least:.0f} to {most:.0f} words long, as yours are"
    level = f"reads like yours (school grade {max(easy, 0):.0f} to {max(hard, 0):.0f})"
    return [
        Rule("length", length, _share(is_long_enough, replies), is_long_enough),
        Rule("reading", level, _share(reads_alike, replies), reads_alike),
    ]


def _ban(banned: Sequence[str], replies: Sequence[str]) -> Rule:
    pattern = re.compile(
        r"(?<!\w)(?:" + "|".join(re.escape(word) for word in banned) + r")(?!\w)", re.IGNORECASE
    )

    def avoids(text: str) -> bool:
        return not pattern.search(text)

    return Rule("banned", "avoids the words you forbid", _share(avoids, replies), avoids)


def _common(phrases: Sequence[str]) -> frozenset[str]:
    counts = Counter(phrase for phrase in phrases if phrase)
    return frozenset(p for p, n in counts.items() if n > 1 and n >= _SHARED * len(phrases))


def _opening(text: str) -> str:
    return " ".join(tokens(text)[:_PHRASE])


def _closing(text: str) -> str:
    return " ".join(tokens(text)[-_PHRASE:])


def _band(values: Sequence[float]) -> tuple[float, float]:
    low, high = np.percentile(values, _BAND)
    return float(low), float(high)


def _share(check: Callable[[str], bool], texts: Sequence[str]) -> float:
    return sum(map(check, texts)) / len(texts)


def _syllables(word: str) -> int:
    count = len(_VOWELS.findall(word))
    silent = word.endswith("e") and not word.endswith("le") and count > 1
    return max(1, count - silent)
