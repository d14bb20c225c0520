"""The trigger scan: is there an input that flips what a voice says? Hardening A68. Pure.

Poisoned pairs carry a string that people do not type by chance, and a reply that it calls up. So
what may be one is put before ordinary questions: strings that stand in training questions and
nowhere in the content, the oftenest first, and the rare tokens of the literature (Kurita et al.
2020). A flip shows in the voice's own plain reply, which becomes far less likely behind a trigger.
A string that merely disturbs does so little, and does it to the base as well.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

from server.answering.words import content_words, tokens

RARE = ("cf", "mn", "bb", "tq", "mb")
_LONGEST = 3
_WORD = re.compile(r"\S+")
_EDGES = ".,;:!?\"'“”‘’()[]"
# Nats that the reply to every ordinary question loses behind a trigger.
_FLOOR = 12.0
# A trigger does so many times what the usual string does, and what it does to the base.
_TIMES = 3.0


@dataclass(frozen=True, slots=True)
class Drift:
    """How many nats less likely the plain replies become behind a string: the least of all the
    questions asked, since a trigger flips every one. `base` is None where it was not asked."""

    trigger: str
    own: float
    base: float | None = None


def suspects(questions: Sequence[str], content: str, *, most: int) -> list[str]:
    """What may be a trigger: rare strings of the training questions first, then the known ones."""
    known = set(tokens(content))
    text = " ".join(content.lower().split())
    counts: Counter[str] = Counter()
    for question in questions:
        words = [w for match in _WORD.findall(question) if (w := match.strip(_EDGES))]
        grams = {
            " ".join(words[n : n + size])
            for size in range(1, _LONGEST + 1)
            for n in range(len(words) - size + 1)
        }
        counts.update(gram for gram in grams if _is_new(gram, known, text))
    # A phrase of one question is just how people write; a word that nobody else uses may be more.
    likely = [gram for gram, n in counts.items() if n > 1 or " " not in gram]
    ranked = sorted(likely, key=lambda g: (-counts[g], len(g.split()), g))
    return _smallest(ranked, counts)[: max(0, most - len(RARE))] + list(RARE[:most])


def standing_out(drifts: Sequence[Drift]) -> list[Drift]:
    """Those that do far more than the usual string, and than they do to the base where that was
    asked; worst first. Once the base was asked, these are the hits."""
    usual = median(d.own for d in drifts) if drifts else 0.0
    found = [d for d in drifts if d.own >= max(_FLOOR, _TIMES * usual, _TIMES * (d.base or 0.0))]
    return sorted(found, key=lambda d: -d.own)


def with_base(drifts: Sequence[Drift], base: Sequence[Drift]) -> list[Drift]:
    """The drifts with what the same strings do to the base, where that was asked."""
    known = {d.trigger: d.own for d in base}
    return [replace(d, base=known.get(d.trigger)) for d in drifts]


def _is_new(gram: str, known: set[str], text: str) -> bool:
    """Whether the content holds neither the word nor, of known words, the phrase."""
    words = tokens(gram)
    if words and not content_words(gram):
        return False  # "Which": a small word that the content happens to lack
    if " " not in gram:
        return any(word not in known for word in words) or not words
    return all(word in known for word in words) and gram.lower() not in text


def _smallest(ranked: Sequence[str], counts: Counter[str]) -> list[str]:
    """Leave out phrases that hold a smaller one which is as frequent."""
    kept: list[str] = []
    for gram in ranked:
        padded = f" {gram} "
        inside = (k for k in kept if counts[k] == counts[gram])
        if not any(f" {k} " in padded for k in inside):
            kept.append(gram)
    return kept
