"""Wishes that are no question to the content: the last answer told otherwise, and who is speaking.

Each pattern has to match a whole message in plain words (`plain`), so a question that only begins
like a wish is searched. English only.
"""

from __future__ import annotations

import re
from enum import StrEnum

from server.answering.phrases import Phrase


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

_PARTS = {
    "IT": r"(?: (?:it|that|this|them|(?:the|your) (?:last )?answer))?",
    "PLEASE": r"(?:(?:can|could|would|will) you (?:please )?|please )?",
    "TALK": r"(?:talk|speak|chat)(?:ing)?",
    "MORE": r"(?:a (?:bit|little) )?more(?: details?| info(?:rmation)?| detailed)?",
    "ABOUT": r"(?: (?:about|on|of)(?: (?:it|that|this|them))?)?",
    "MACHINE": r"(?:an? |the )?(?:real |actual |live )?(?:ai |chat ?)?"
    r"(?:bot|robot|human(?: being)?|person|machine|ai|computer|program|chatgpt|somebody real|real)"
    r"(?: or (?:an? )?(?:real )?\w+)?",
    "PERSON": r"(?:a |an |the |some)?(?:real |actual |live |human )*"
    r"(?:person|human(?: being)?|someone|somebody|agent|operator|representative|people|staff"
    r"|support(?: team)?|employee|one)",
}
_ABOUT_ME = {
    Phrase.NO_PERSON: """
(?:(?:can|could|may) i |how (?:can|do) i )?(?:please )?{TALK} (?:to|with) {PERSON}(?: here)?
(?:i (?:want|need|would like|wish) to |i'd like to |let me ){TALK} (?:to|with) {PERSON}(?: here)?
{PLEASE}(?:connect|transfer|put) me (?:to|with|through to) {PERSON}
(?:real |live )?(?:human|agent|operator|person)
is there {PERSON} (?:i can|to) {TALK} (?:to|with)
""",
    Phrase.WHO: """
(?:are|r) (?:you|u) {MACHINE}
(?:is this|am i {TALK} (?:to|with)) {MACHINE}
who (?:are you|is this|am i {TALK} (?:to|with)|made you)
what are you
what(?: is|'s) your name
do you have a name
""",
    Phrase.CAN_DO: """
what (?:can|do) you (?:do|know|help (?:me )?with)(?: for me)?
what can i ask(?: you)?(?: here)?
how (?:can|do) you help(?: me)?
(?:can you )?(?:please )?help(?: me)?
what are you (?:for|good (?:for|at))
how do you work
""",
}
_OF_FORM = {
    Kind.SHORTER: """
in (?:short|brief|a nutshell|one (?:sentence|line|word)|a few words|a sentence)
briefly
(?:a |the )?short(?:er)?(?: version| answer)?
{PLEASE}(?:give me )?(?:a |the )?(?:short(?:er)? (?:version|answer)|summary|gist)(?: of{IT})?
{PLEASE}(?:summari[sz]e|shorten|sum up){IT}(?: up| for me| in (?:one|a) sentence)?
sum (?:it|that) up
tl ?dr
{PLEASE}(?:make|say|keep|put) (?:it|that) (?:short(?:er)?|brief(?:er)?)
{PLEASE}(?:say|put) (?:it|that) in (?:one sentence|short|brief)
(?:(?:that|it)(?:'s| is| was) )?too long
just the gist
""",
    Kind.MORE: """
(?:tell me |give me |show me |say |explain |any |some )?{MORE}{ABOUT}
i (?:want|need) (?:to know )?{MORE}{ABOUT}
(?:what|anything) else(?: (?:is there|should i know|do i need to know|can you tell me))?
go on
continue
(?:in )?(?:more )?detail(?:s|ed)?
{PLEASE}elaborate(?: on{IT})?
{PLEASE}(?:explain|expand|describe)(?: on)?{IT} (?:(?:a bit )?more|further|in (?:more )?detail)
{PLEASE}(?:give|tell) me (?:some )?{MORE}{ABOUT}
""",
    Kind.LIST: """
{PLEASE}(?:(?:show|give|put|make|write) )?(?:me )?(?:(?:it|that|this|them) )?{AS_LIST}
bullet points
{PLEASE}list (?:it|them|that)
""",
    Kind.SIMPLER: """
(?:{PLEASE}(?:say|explain|put){IT} )?(?:in|with) {SIMPLE}(?: (?:words|terms|english|language))?
simpler
eli5
{PLEASE}explain{IT} (?:simply|like i'm five)
i (?:do not|don't|did not|didn't) (?:really )?understand{IT}
what do you mean
what does (?:that|this) mean
""",
    Kind.AGAIN: """
{PLEASE}(?:say|show|tell me){IT}(?: once)?(?: again| more)
{PLEASE}repeat{IT}(?: once)?(?: again| more)?
(?:once )?again
come again
pardon(?: me)?
what did you (?:just )?say
what
huh
i (?:did not|didn't) (?:get|catch|see|hear) (?:that|it)
are you (?:really )?(?:sure|certain)(?: about{IT})?
(?:is|was) that (?:really )?(?:true|right|correct)
really
(?:what(?: is|'s| are) (?:your|the) )?(?:source|sources|reference)
where (?:does it|do the pages) say (?:that|this|so)
where (?:did you get|do you have) (?:that|this) from
how do you know(?: that)?
says who
""",
}
_PARTS |= {
    "AS_LIST": r"(?:as|in|into) (?:a |an )?(?:bullet(?:ed)? ?)?(?:list|points|bullets)(?: form)?",
    "SIMPLE": r"(?:simpler?|plain|easy|easier|other|different)",
}


def plain(text: str) -> str:
    """A message in lower case, without marks, "please" and leading "and"."""
    bare = re.sub(r"[^\w\s']", " ", text.lower().replace("’", "'"))
    bare = " ".join(bare.split())
    return re.sub(r"^(?:(?:and|but|so|then|now|please) )+|(?: (?:please|now|then))+$", "", bare)


def about_me(message: str) -> Phrase | None:
    """What a question about the assistant itself is answered with, if a plain message is one."""
    return next((p for p, pattern in _ABOUT_ME_PATTERNS if pattern.fullmatch(message)), None)


def wish_of_form(message: str) -> Kind | None:
    """The wish about the last answer that a plain message holds, if it does."""
    return next((kind for kind, pattern in _FORM_PATTERNS if pattern.fullmatch(message)), None)


def _pattern(lines: str) -> re.Pattern[str]:
    joined = "|".join(lines.split("\n")[1:-1])
    for name, part in _PARTS.items():
        joined = joined.replace("{" + name + "}", part)
    return re.compile(joined)


_ABOUT_ME_PATTERNS = [(phrase, _pattern(lines)) for phrase, lines in _ABOUT_ME.items()]
_FORM_PATTERNS = [(kind, _pattern(lines)) for kind, lines in _OF_FORM.items()]
