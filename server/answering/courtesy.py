"""Greetings, thanks and farewells: answered at once, without content and without the model."""

from __future__ import annotations

import re

_GREETING = re.compile(
    r"(hi|hello|hey|hiya|good (morning|afternoon|evening|day)|greetings)( there| all| everyone)?"
)
_THANKS = re.compile(
    r"(many |ok(ay)?,? )?(thanks?|thank you|thx|cheers)( a lot| so much| very much)?"
)
_FAREWELL = re.compile(r"(good ?bye|bye( bye)?|see you( later)?|good night)")


def courtesy(question: str, *, greeting: str) -> str | None:
    """The reply to a mere courtesy; None if the visitor asks something."""
    plain = re.sub(r"[^\w\s,]", "", question).strip().lower()
    if _GREETING.fullmatch(plain):
        return greeting
    if _THANKS.fullmatch(plain):
        return "You are welcome. Is there anything else you would like to know?"
    return "Goodbye, and come back any time." if _FAREWELL.fullmatch(plain) else None
