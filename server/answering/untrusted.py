"""What a model wrote, before the check: citation marks of its own go, recited prompt ends it.

Our prompt gives the model no ids, so whatever it cites is made up; the system attributes each
statement itself (`citations.py`). A bracketed numeral that stands in the evidence, such as the
index of an array, is content and stays.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Sequence

from server.visible_text import strip_invisible

_NUMERALS = r"\^?\d{1,4}(?:\s*[,;–-]\s*\^?\d{1,4})*"
_NAMED = r"(?:source|fact|page|passage|citation|ref|reference|doc|document|note)s?\.?\s*#?"
_OUR_IDS = r"(?:psg|pag|src)_\w+"
_MARK = re.compile(
    rf"[ \t]*(?:\[\s*(?:{_NAMED})?(?:{_NUMERALS}|{_OUR_IDS})\s*\]"
    rf"|【\s*(?:{_NAMED})?{_NUMERALS}(?:†[^】]*)?\s*】"
    rf"|\(\s*{_NAMED}{_NUMERALS}\s*\))",
    re.IGNORECASE,
)
# An open bracket may become a mark; this long without its end, it is none.
_LONGEST_MARK = 60
_OPEN = re.compile(r"[\[【(][^\[【(\]】)]*\Z")
_BRACKETED = re.compile(rf"[\[【(][^\[【(\]】)]{{0,{_LONGEST_MARK}}}[\]】)]")
# A word is passed on whole, and the blank before a mark goes with it.
_LAST_WORD = re.compile(r"\s*\S*\Z")


# So many characters of the instructions in a row are a quotation of them (hardening A31).
_RECITED = 40


class Marks:
    """Filters one draft; `dropped` counts the marks that were taken out so far."""

    def __init__(self, facts: Sequence[str]) -> None:
        self._known = "\n".join(facts)
        self.dropped = 0

    def filter(self, draft: Iterable[str]) -> Generator[str, None, None]:
        """Pass a stream on without marks and invisible characters; closing it closes the draft."""
        waiting = ""
        try:
            for piece in draft:
                waiting += piece
                cut = _sure(waiting)
                if cut:
                    yield self._clean(waiting[:cut])
                    waiting = waiting[cut:]
            if waiting:
                yield self._clean(waiting)
        finally:
            close = getattr(draft, "close", None)
            if close is not None:
                close()

    def _clean(self, text: str) -> str:
        return _MARK.sub(self._judge, strip_invisible(text)[0])

    def _judge(self, mark: re.Match[str]) -> str:
        if mark.group().strip() in self._known:
            return mark.group()
        self.dropped += 1
        return ""


class Recital:
    """Tells whether a draft, sentence by sentence, recites the instructions it was given.

    The check against the evidence stops nearly all of that; it lets pass what a page says in much
    the same words. What the evidence holds as it stands is no secret and may be said.
    """

    def __init__(self, instructions: str, facts: Sequence[str]) -> None:
        self._instructions = _flat(instructions)
        self._facts = _flat("\n".join(facts))
        self._said = ""

    def continues(self, sentence: str) -> bool:
        """Whether with this sentence a stretch of the instructions has been said."""
        fresh = len(_flat(sentence)) + _RECITED
        self._said = _flat(f"{self._said} {sentence}")
        tail = self._said[-fresh:]
        windows = (tail[n : n + _RECITED] for n in range(len(tail) - _RECITED + 1))
        return any(w in self._instructions and w not in self._facts for w in windows)


def _flat(text: str) -> str:
    return " ".join(text.split()).casefold()


def _sure(text: str) -> int:
    """How much of a text cannot be the beginning of a mark any more, up to the end of a word."""
    opened = _OPEN.search(text)
    if opened and len(opened.group()) > _LONGEST_MARK:
        opened = None
    cut = _word_start(text, opened.start() if opened else len(text))
    for group in reversed(list(_BRACKETED.finditer(text))):
        # The blank of "[1, 2]" ends no word.
        if group.start() < cut < group.end():
            cut = _word_start(text, group.start())
    return cut


def _word_start(text: str, end: int) -> int:
    last = _LAST_WORD.search(text[:end])
    return last.start() if last else end
