"""What a visitor wants at this point of the conversation: decided by rules, without the model.

A courtesy, a question about the assistant itself, a wish about the last answer's form, or a
question; and a question that leans on the one before is made to stand alone (`standalone`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from server.answering.courtesy import courtesy, without_courtesy
from server.answering.language import language_of
from server.answering.phrases import Phrase
from server.answering.standalone import Lean, corrected, is_clause, lean, new_words, readings
from server.answering.wishes import Kind, about_me, plain, wish_of_form
from server.answering.words import content_words


@dataclass(frozen=True, slots=True)
class Said:
    """An earlier turn. `asked`: its question as it was made to stand alone; `evidence` and
    `citations`: rows as they were logged."""

    question: str
    reply: str
    asked: str = ""
    evidence: Sequence[dict[str, Any]] = ()
    citations: Sequence[dict[str, Any]] = ()
    label: str = ""
    kind: str = Kind.QUESTION
    language: str | None = None

    @property
    def standalone(self) -> str:
        return self.asked or self.question

    @property
    def is_answer(self) -> bool:
        """Whether it told something of the content: no courtesy, no refusal."""
        return self.kind not in (Kind.COURTESY, Kind.META) and self.label != "refused"

    @property
    def heading(self) -> str:
        """The heading of the section that was cited first."""
        return str(self.citations[0].get("title", "")) if self.citations else ""


@dataclass(frozen=True, slots=True)
class Asked:
    """A visitor's turn understood.

    `readings`: standalone questions to search with, of which the one that fits best is taken;
    `new`: stems of the words that this turn itself brought; `last`: the turn it refers to.
    """

    kind: Kind
    language: str | None
    readings: tuple[str, ...] = ()
    new: frozenset[str] = field(default_factory=frozenset)
    phrase: Phrase | None = None
    last: Said | None = None


_NO = r"(?:(?:no|nope|sorry|oops|wait|hm+|well|oh)\b[\s,.!:–—-]*)*"
_MEANT = (
    r"(?:i (?:actually |really )?(?:mean|meant)|i (?:was asking|asked) (?:about|for)"
    r"|rather|actually)"
)
_CORRECTIONS = (
    re.compile(
        rf"^{_NO}(?:{_MEANT}[\s,:]+)?not (?:the |a )?(?P<wrong>[^,;.–—]+?)"
        rf"(?:[,;.–—]\s*|\s+)(?:but\s+|rather\s+|{_MEANT}\s+)(?P<right>.+)$", re.I
    ),
    re.compile(rf"^{_NO}not (?:the |a )?(?P<wrong>[^,;–—]+?)\s*[,;–—]\s*(?P<right>.+)$", re.I),
    re.compile(
        rf"^{_NO}{_MEANT}[\s,:]+(?P<right>.+?)(?:,? (?:and )?not (?:the |a )?(?P<wrong>.+)"
        rf"|,? instead of (?P<instead>.+))?$", re.I
    ),
    re.compile(r"^(?:no|nope|sorry)[\s,.!:–—-]++(?!i\b|it\b|that\b|you\b)(?P<right>[^,]+)$", re.I),
    re.compile(
        r"^(?P<right>[^,?]{2,40})(?:,\s*(?:and\s+)?not|\s+and\s+not|,?\s+instead\s+of)\s+"
        r"(?:the |a )?(?P<wrong>[^,?]{2,40})$",
        re.I,
    ),
)  # fmt: skip
_LONGEST_CORRECTION = 12
_RETOLD = (Kind.COURTESY, Kind.META, Kind.SIMPLER)
_IN_SHORT = re.compile(r"^(?:in (?:short|brief)|briefly|to sum up)[\s,:]+(?=.*\w)", re.I)


def understand(question: str, history: Sequence[Said]) -> Asked:
    """Decide what a visitor wants; `history` holds the earlier turns, oldest first."""
    polite = courtesy(question)
    language = _language(question, polite[1] if polite else None, history)
    if polite is not None:
        return Asked(Kind.COURTESY, language, phrase=polite[0])
    asked = _IN_SHORT.sub("", without_courtesy(question))
    last = next((s for s in reversed(history) if s.kind not in (Kind.COURTESY, Kind.META)), None)
    message = plain(asked)
    if phrase := about_me(message):
        return Asked(Kind.META, language, phrase=phrase)
    if wish := wish_of_form(message):
        # Not the answer that was led in by "In short:", or it would be led in twice.
        told = next((s for s in reversed(history) if s.kind not in _RETOLD), None)
        return Asked(wish, language, last=told)
    if last is None:
        return Asked(Kind.QUESTION, language, (asked,), frozenset(new_words(asked)))
    return _question(asked, last, language)


def correction(question: str) -> tuple[str, str] | None:
    """What was wrong (empty if not said) and what is meant; None if nothing is put right."""
    text = question.strip().rstrip(".!?").replace("’", "'")
    if len(text.split()) > _LONGEST_CORRECTION:
        return None
    for pattern in _CORRECTIONS:
        if found := pattern.match(text):
            said = found.groupdict()
            right = re.sub(rf"^{_MEANT}\s+", "", said["right"].strip(), flags=re.I)
            wrong = said.get("wrong") or said.get("instead") or ""
            asks = pattern is _CORRECTIONS[-1] and is_clause(right)
            return (wrong.strip(), right) if content_words(right) and not asks else None
    return None


def _question(asked: str, last: Said, language: str | None) -> Asked:
    put_right = correction(asked)
    if put_right is not None:
        wrong, right = put_right
        found = (right,) if is_clause(right) else tuple(corrected(last.standalone, wrong, right))
        new = frozenset(new_words(right))
        return Asked(Kind.CORRECTION, language, found, new, last=last)
    found = tuple(readings(asked, last.standalone, last.heading))
    kind = Kind.QUESTION if lean(asked) is Lean.NO else Kind.FOLLOW_UP
    return Asked(kind, language, found, frozenset(new_words(asked)), last=last)


def _language(question: str, polite: str | None, history: Sequence[Said]) -> str | None:
    """The language of a turn: as written, or as before where it is too short to tell."""
    before = history[-1].language if history else None
    if polite is not None:
        return before if polite == "en" and before else polite
    return language_of(question) or before
