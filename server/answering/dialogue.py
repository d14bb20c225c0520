"""What a visitor wants at this point of the conversation: decided by rules, without the model.

A courtesy, a question about the assistant itself, a wish about the last answer's form, or a
question; and a question that leans on the one before is made to stand alone (`standalone`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from server.answering.courtesy import courtesy, without_courtesy
from server.answering.language import language_of
from server.answering.phrases import Phrase
from server.answering.standalone import corrected, is_clause, new_words, readings
from server.answering.words import content_words


class Kind(StrEnum):
    """What is wanted; logged with the turn."""

    COURTESY = "courtesy"
    META = "meta"
    SHORTER = "shorter"
    SIMPLER = "simpler"
    MORE = "more"
    AGAIN = "again"
    LIST = "list"
    CORRECTION = "correction"
    FOLLOW_UP = "follow_up"
    QUESTION = "question"


# Wishes about the form of the last answer: they bring no question of their own.
FORMS = (Kind.SHORTER, Kind.SIMPLER, Kind.MORE, Kind.AGAIN, Kind.LIST)


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


_IT = r"(?: (?:it|that|this|them|the (?:last )?answer|your (?:last )?answer))?"
_CAN_YOU = r"(?:(?:can|could|would|will) you (?:please )?|please )?"
_TALK = r"(?:talk|speak|chat)(?:ing)?"
_PERSON = (
    r"(?:a |an |the |some)?(?:real |actual |live |human )*"
    r"(?:person|human(?: being)?|someone|somebody|agent|operator|representative|people|staff|"
    r"support(?: team)?|employee|one)"
)
_META = (
    (
        Phrase.NO_PERSON,
        rf"(?:(?:can|could|may) i |how (?:can|do) i |i (?:want|need|would like|wish) to |i'd like to |"
        rf"let me )?(?:please )?{_TALK} (?:to|with) {_PERSON}(?: here| please)?"
        rf"|(?:(?:can|could) you )?(?:please )?(?:connect|transfer|put) me (?:to|with|through to)"
        rf" {_PERSON}|(?:real |live )?(?:human|agent|operator|person)(?: please)?"
        rf"|is there {_PERSON} (?:i can|to) {_TALK} (?:to|with)",
    ),
    (
        Phrase.WHO,
        rf"(?:are|r) (?:you|u) (?:an? |the )?(?:real |actual |live )?(?:ai |chat ?)?"
        rf"(?:bot|robot|human(?: being)?|person|machine|ai|computer|program|real|chatgpt)"
        rf"(?: or (?:an? )?(?:real )?\w+)?"
        rf"|(?:is this|am i {_TALK} (?:to|with)) (?:an? )?(?:real |actual )?(?:ai |chat ?)?"
        rf"(?:bot|robot|human|person|machine|ai|computer|somebody real)(?: or (?:an? )?(?:real )?\w+)?"
        rf"|who (?:are you|is this|am i {_TALK} (?:to|with)|made you)|what are you"
        rf"|what(?: is|'s) your name|do you have a name",
    ),
    (
        Phrase.CAN_DO,
        r"what (?:can|do) you (?:do|know|help (?:me )?with)(?: for me)?|what can i ask(?: you)?(?: here)?"
        r"|how (?:can|do) you help(?: me)?|(?:can you )?(?:please )?help(?: me)?(?: please)?"
        r"|what are you (?:for|good (?:for|at))|how do you work",
    ),
)
_FORMS = (
    (
        Kind.SHORTER,
        rf"(?:in (?:short|brief|a nutshell|one (?:sentence|line|word)|a (?:few words|sentence))|briefly"
        rf"|(?:a |the )?short(?:er)?(?: version| answer)?|{_CAN_YOU}(?:give me )?(?:a |the )?"
        rf"(?:short(?:er)? (?:version|answer)|summary|gist)(?: of{_IT})?|{_CAN_YOU}(?:summari[sz]e|shorten"
        rf"|sum up){_IT}(?: up| for me| in (?:one|a) sentence)?|sum (?:it|that) up|tl ?dr"
        rf"|{_CAN_YOU}(?:make|say|keep|put) (?:it|that) (?:short(?:er)?|brief(?:er)?|brief"
        rf"|in (?:one sentence|short|brief))"
        rf"|(?:(?:that|it)(?:'s| is| was) )?too long|just the gist)",
    ),
    (
        Kind.MORE,
        rf"(?:(?:(?:tell|give|show) me |say |explain |i (?:want|need) (?:to know )?|any |some )?(?:a (?:bit|little) )?"
        rf"more(?: details?| info(?:rmation)?| detailed)?(?: (?:about|on|of){_IT})?"
        rf"|(?:and )?(?:what|anything) else(?: (?:is there|should i know|do i need to know|can you tell me))?"
        rf"|go on|continue|(?:in )?(?:more )?detail(?:s|ed)?|{_CAN_YOU}elaborate(?: on{_IT})?"
        rf"|{_CAN_YOU}(?:explain|expand|describe)(?: on)?{_IT}"
        rf"(?: more| further| (?:a bit )?more| in (?:more )?detail)"
        rf"|{_CAN_YOU}(?:give|tell) me (?:more|some more)(?: details?| information)?(?: (?:about|on){_IT})?)",
    ),
    (
        Kind.LIST,
        rf"(?:{_CAN_YOU}(?:show |give |put |make |write )?(?:me )?(?:it |that |this |them )?"
        rf"(?:as|in|into) (?:a |an )?(?:bullet(?:ed)? ?)?(?:list|points|bullets)(?: form| please)?"
        rf"|bullet points|{_CAN_YOU}list (?:it|them|that))",
    ),
    (
        Kind.SIMPLER,
        rf"(?:{_CAN_YOU}(?:say|explain|put){_IT} )?(?:in|with) (?:simple|simpler|plain|easy|easier|other"
        rf"|different|plain english) ?(?:words|terms|english|language)?|simpler|eli5"
        rf"|{_CAN_YOU}explain{_IT} (?:simply|like i'm five)|i (?:do not|don't|did not|didn't) (?:really )?understand{_IT}"
        rf"|what do you mean|what does (?:that|this) mean",
    ),
    (
        Kind.AGAIN,
        rf"(?:{_CAN_YOU}(?:say|repeat|show|tell me){_IT}(?: once)?(?: again| more)?(?: please)?"
        rf"|(?:once )?again|come again|pardon(?: me)?|what did you (?:just )?say|what|huh"
        rf"|i (?:did not|didn't) (?:get|catch|see|hear) (?:that|it)"
        rf"|are you (?:really )?(?:sure|certain)(?: about{_IT})?|(?:is|was) that (?:really )?(?:true|right|correct)|really"
        rf"|(?:what(?: is|'s| are) (?:your|the) )?(?:source|sources|reference)"
        rf"|where (?:does it|do the pages) say (?:that|this|so)|where (?:did you get|do you have) (?:that|this) from"
        rf"|how do you know(?: that)?|says who)",
    ),
)
_NO = r"(?:(?:no|nope|sorry|oops|wait|hm+|well|oh)\b[\s,.!:–—-]*)*"
_MEANT = r"(?:i (?:actually |really )?(?:mean|meant)|i was asking (?:about|for)|i asked (?:about|for)|rather|actually)"
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
        r"^(?P<right>[^,?]{2,40})(?:,\s*(?:and\s+)?not|\s+and\s+not|,?\s+instead\s+of)\s+(?:the |a )?(?P<wrong>[^,?]{2,40})$",
        re.I,
    ),
)  # fmt: skip
_LONGEST_CORRECTION = 12
_IN_SHORT = re.compile(r"^(?:in (?:short|brief)|briefly|to sum up)[\s,:]+(?=.*\w)", re.I)


def understand(question: str, history: Sequence[Said]) -> Asked:
    """Decide what a visitor wants; `history` holds the earlier turns, oldest first."""
    polite = courtesy(question)
    language = _language(question, polite[1] if polite else None, history)
    if polite is not None:
        return Asked(Kind.COURTESY, language, phrase=polite[0])
    asked = _IN_SHORT.sub("", without_courtesy(question))
    last = next((s for s in reversed(history) if s.kind not in (Kind.COURTESY, Kind.META)), None)
    plain = _plain(asked)
    for phrase, pattern in _META:
        if re.fullmatch(pattern, plain):
            return Asked(Kind.META, language, phrase=phrase)
    for kind, pattern in _FORMS:
        if re.fullmatch(pattern, plain):
            return Asked(kind, language, last=last)
    if last is None:
        return Asked(Kind.QUESTION, language, (asked,), frozenset(new_words(asked)))
    return _question(asked, last, language)


def correction(question: str) -> tuple[str, str] | None:
    """What was wrong (empty if not said) and what is meant instead; None if nothing is put right."""
    text = question.strip().rstrip(".!?").replace("’", "'")
    if len(text.split()) > _LONGEST_CORRECTION:
        return None
    for pattern in _CORRECTIONS:
        if found := pattern.match(text):
            said = found.groupdict()
            right = re.sub(rf"^{_MEANT}\s+", "", said["right"].strip(), flags=re.I)
            wrong = said.get("wrong") or said.get("instead") or ""
            plain = pattern is _CORRECTIONS[-1] and is_clause(right)
            return (wrong.strip(), right) if content_words(right) and not plain else None
    return None


def _question(asked: str, last: Said, language: str | None) -> Asked:
    put_right = correction(asked)
    if put_right is not None:
        wrong, right = put_right
        found = (right,) if is_clause(right) else tuple(corrected(last.standalone, wrong, right))
        new = frozenset(new_words(right))
        return Asked(Kind.CORRECTION, language, found, new, last=last)
    found = tuple(readings(asked, last.standalone, last.heading))
    kind = Kind.QUESTION if len(found) == 1 else Kind.FOLLOW_UP
    return Asked(kind, language, found, frozenset(new_words(asked)), last=last)


def _language(question: str, polite: str | None, history: Sequence[Said]) -> str | None:
    """The language of a turn: as written, or as before where it is too short to tell."""
    before = history[-1].language if history else None
    if polite is not None:
        return before if polite == "en" and before else polite
    return language_of(question) or before


def _plain(text: str) -> str:
    plain = re.sub(r"[^\w\s']", " ", text.lower().replace("’", "'"))
    plain = re.sub(r"^\s*(?:and|but|so|then|now|please)\s+|\s+(?:please|now|then)\s*$", "", plain)
    return " ".join(plain.split())
