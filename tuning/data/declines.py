"""Whether a reply declines: it says that it does not know, or hands over to a person."""

from __future__ import annotations

import re

from server.answering.phrases import Phrase, say

_LANGUAGES = "en de fr es pt it nl pl sv ja zh ar".split()
_FIXED = frozenset(" ".join(say(Phrase.REFUSAL, code).split()) for code in _LANGUAGES)
_WE = r"\b(?:I|we|(?:our|the|these) (?:pages|site|content|documentation|facts|documents))\b"
_NOT = r"(?:\s?not|n['’]t)"
_DECLINES = re.compile(
    rf"{_WE}[^.!?]{{0,30}}?\b(?:"
    rf"(?:could|can|did|was|am|were|are){_NOT}[^.!?]{{0,30}}?"
    rf"\b(?:find|found|answer|say|tell|know|see|sure)\b"
    rf"|unable to (?:find|answer|say|tell)"
    rf"|do(?:es)?{_NOT} (?:know|mention|say|cover|hold|contain|state)\b"
    rf"|(?:do(?:es)?{_NOT} have|have no) (?:an? |any |that |the )?"
    rf"(?:answer|information|details?)\b)"
    rf"|\bno (?:information|answer) (?:on|about|for|to)\b",
    re.IGNORECASE,
)
_HANDS_OVER = re.compile(
    r"\b(?:pass|hand|put|connect|transfer|forward)(?:ing)? (?:you|this|it|your question)"
    r"(?: (?:on|over|through))? (?:to|with)\b|\ba (?:person|colleague|human|member of our team)"
    r"(?: of ours)? (?:will|can) (?:help|answer|reply|get back)\b",
    re.IGNORECASE,
)
# A reply that says more than so many words answers, whatever it also does not know.
_MOST_WORDS = 60


def declines(reply: str) -> bool:
    """Tell it by the words: English ones, and the product's own refusal in every language."""
    plain = " ".join(reply.split())
    if any(fixed in plain for fixed in _FIXED):
        return True
    short = len(plain.split()) <= _MOST_WORDS
    return short and bool(_DECLINES.search(plain) or _HANDS_OVER.search(plain))
