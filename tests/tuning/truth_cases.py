"""Replies in an owner's manner: honest ones, which say freely what their facts say, and false ones.

The honest free ones are written by hand. From the voice of the Debian FAQ come honest replies as
they are, the same told more freely by a few rules, and false ones with one thing changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from server.answering.words import content_words, names, numbers
from tests.tuning.faq_voice import GREETING, SIGN_OFF, Reply, replies
from tuning.data.context import best_sentences, sentences_of


@dataclass(frozen=True, slots=True)
class Case:
    """A reply to a question, and the facts it has to rest on; `kind` says what was done to it."""

    kind: str
    question: str
    facts: tuple[str, ...]
    reply: str


HOURS = ("The shop is open from 9 to 17 on weekdays.", "On Saturdays it closes at noon.")
BACK = ("Orders can be returned within 30 days of delivery.", "Opened software is excluded.")
POST = ("Parcels to Norway take four working days.", "Shipping to Norway costs 12 euros.")
KEYS = ("Press Ctrl+S to save the file.", "Files are kept in the folder Documents for 90 days.")

# (question, facts, reply): each says nothing that its facts do not hold.
FREE: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("When are you open?", HOURS, "Come by on any weekday between 9 and 17, we'd love it!"),
    ("When are you open?", HOURS, "Weekdays 9 to 17, dear guest. On Saturdays we close at noon."),
    ("Are you open late?", HOURS, "Oh, we close at 17 on weekdays and at noon on Saturdays!"),
    ("Can I return it?", BACK, "No problem at all: you have 30 days from delivery to return it."),
    ("Can I return it?", BACK, "Of course! Return it within 30 days, if it is no opened software."),
    ("Is software fine too?", BACK, "Sadly opened software is excluded from returns, mate."),
    ("What is postage?", POST, "Norway, lovely place! Shipping there costs 12 euros."),
    ("How fast is it?", POST, "Your parcel to Norway will need four working days. Hang in there!"),
    ("How fast is it?", POST, "Four working days and it is with you in Norway, promise!"),
    ("How do I save?", KEYS, "Just press Ctrl+S, and your file is saved. Easy peasy!"),
    ("Where are files?", KEYS, "You find your files in the folder Documents, for 90 days."),
    ("How long are they kept?", KEYS, "For 90 days, my friend, in Documents."),
)  # fmt: skip

# One thing in each is not as its facts say.
FALSE: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("When are you open?", HOURS, "Come by on any weekday between 8 and 17!"),
    ("When are you open?", HOURS, "Weekdays 9 to 17, dear guest. On Sundays we bake fresh bread."),
    ("Can I return it?", BACK, "Orders cannot be returned within 30 days of delivery, sorry."),
    ("Can I return it?", BACK, "Yes, within 30 weeks of delivery orders can be returned."),
    ("Is software fine too?", BACK, "Opened software is included, mate."),
    ("What is postage?", POST, "Shipping to Norway costs $12, friend."),
    ("What is postage?", POST, "Shipping to Sweden costs 12 euros, friend."),
    ("How fast is it?", POST, "Parcels to Norway take four days with Posten, see posten.no."),
    ("How do I save?", KEYS, "Press Ctrl+X to save the file, easy!"),
    ("Where are files?", KEYS, "Files are kept on Dropbox for 90 days."),
    ("How long are they kept?", KEYS, "Files are kept there for ever and never deleted."),
    ("How long are they kept?", KEYS, "Our cloud partner stores encrypted backups abroad."),
)  # fmt: skip


def by_hand() -> tuple[list[Case], list[Case]]:
    """Honest and false replies written by hand."""
    return (
        [Case("free, by hand", *case) for case in FREE],
        [Case("false, by hand", *case) for case in FALSE],
    )


def honest() -> list[Case]:
    """The FAQ's voice as it is, and told more freely."""
    found = []
    for reply in replies(100):
        facts = _facts(reply)
        found.append(Case("the voice", reply.question, facts, reply.answer))
        found.append(Case("the voice, freer", reply.question, facts, _freer(reply.answer)))
    return found


def false() -> list[Case]:
    """The FAQ's voice with one thing changed, where there is such a thing."""
    voice = replies(100)
    found = []
    for n, reply in enumerate(voice):
        facts = _facts(reply)
        other = voice[(n + 37) % len(voice)]
        for kind, text in _changed(reply, other):
            found.append(Case(kind, reply.question, facts, text))
    return found


_LOOSER = (
    (re.compile(r"\bIt is\b"), "It's"),
    (re.compile(r"\bdo not\b"), "don't"),
    (re.compile(r"\bFor example, "), "Say, "),
    (re.compile(r"\bHowever, "), "Still, "),
    (re.compile(r"\bWe recommend\b"), "We'd go for"),
    (re.compile(r"\bin order to\b"), "to"),
    (re.compile(r"\bmany\b"), "lots of"),
    (re.compile(r"\bsuch as\b"), "like"),
    (re.compile(r"\((?:[^()]{1,60})\)"), ""),
)


def _freer(answer: str) -> str:
    """Looser words, without what stands in brackets, and in pieces of talk."""
    body = answer.removeprefix(GREETING).removesuffix(SIGN_OFF).strip()
    for pattern, looser in _LOOSER:
        body = pattern.sub(looser, body)
    first, *rest = sentences_of(body)
    told = [f"Right then, {first[:1].lower() + first[1:]}", *rest, "That should do it, mate!"]
    return " ".join([GREETING, *told, SIGN_OFF])


def _changed(reply: Reply, other: Reply) -> Iterator[tuple[str, str]]:
    body = reply.answer.removeprefix(GREETING).removesuffix(SIGN_OFF).strip()
    if figures := sorted(numbers(body)):
        yield "a number changed", _again(body.replace(figures[0], str(int(figures[0][0]) + 77), 1))
    if verb := re.search(r"\b(is|are|can|will|should|must)\b (?!not)", body):
        yield "denied", _again(f"{body[: verb.end()]}not {body[verb.end() :]}")
    held = names(body)
    named = next((w for w in body.split()[1:] if w.isalpha() and w.lower() in held), None)
    if named:
        yield "a name changed", _again(body.replace(named, "Contoso"))
    foreign = sentences_of(other.answer)[1]
    if len(set(content_words(foreign)) - set(content_words(reply.context))) >= 5:
        yield "a foreign sentence added", _again(f"{body} {foreign}")


def _again(body: str) -> str:
    return " ".join([GREETING, body, SIGN_OFF])


def _facts(reply: Reply) -> tuple[str, ...]:
    facts: Sequence[str] = best_sentences(reply.context, reply.question, reply.answer)
    return tuple(facts)
