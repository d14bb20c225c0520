"""What the learning curve is trained and asked on: one voice over two manuals.

The Debian FAQ's replies give the questions that are held out; the Python documentation gives as
many more replies in the same voice as the curve needs, each with its own section for a context.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

from lxml import html

from tests.tuning.faq_voice import Reply, Section, replies, reply_of

MANUAL = Path("/usr/share/doc/python3.11/html")
CHAPTERS = ("tutorial", "faq", "howto", "library")
HELD_OUT = 40
_HEADING = "./*[self::h1 or self::h2 or self::h3 or self::h4]"
_LEAST_WORDS, _MOST_WORDS = 2, 12


def held_out() -> list[Reply]:
    """Forty replies over the Debian FAQ, drawn once."""
    made = replies(1000)
    return random.Random(0).sample(made, HELD_OUT)


def training(seed: int) -> list[Reply]:
    """All other replies in an order of this seed: the first n of them are a set of n pairs.

    Every second one is about the Debian FAQ for as long as there are such.
    """
    aside = {reply.question for reply in held_out()}
    chance = random.Random(seed)
    near = [reply for reply in replies(1000) if reply.question not in aside]
    far = _manual_replies()
    chance.shuffle(near)
    chance.shuffle(far)
    mixed = [reply for both in zip(near, far, strict=False) for reply in both]
    return [*mixed, *far[len(near) :]]


def _manual_replies() -> list[Reply]:
    found: dict[str, Reply] = {}
    for section in _sections():
        reply = reply_of(section)
        if reply is not None and "¶" not in reply.answer:
            found.setdefault(reply.question, reply)
    return list(found.values())


def _sections() -> Iterator[Section]:
    for chapter in CHAPTERS:
        for path in sorted((MANUAL / chapter).glob("*.html")):
            for element in html.parse(str(path)).iter("section"):
                titles = element.xpath(_HEADING)
                paragraphs = [" ".join(p.text_content().split()) for p in element.xpath("./p")]
                if not titles or not paragraphs:
                    continue
                heading = titles[0].text_content().replace("¶", "").strip().lstrip("0123456789. ")
                if _LEAST_WORDS <= len(heading.split()) <= _MOST_WORDS:
                    yield Section(path.name, heading, "\n".join(paragraphs))
