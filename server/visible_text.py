"""Characters that no reader sees: taken out of what comes in, shown marked where people look.

The only list of them. Pages, visitors' questions, prompts and training pairs go through
`strip_invisible`; the console shows stored text through `parts`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

# Zero width, bidi controls, invisible operators, annotation marks, tags, variation selectors.
_INVISIBLE = re.compile(
    "[\u061c\u115f\u1160\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff]"
)
# Joiners between letters of scripts that need them, and emoji sequences, carry meaning.
_LETTER = (
    "[^\x00-\u02ff\\s\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\U000e0000-\U000e0fff]"
)
_MEANT = (
    re.compile(f"(?<={_LETTER})[\u200c\u200d\ufe0e\ufe0f]{{1,2}}(?={_LETTER})"),
    re.compile(r"(?<=[#*0-9©®\u2000-\u3300\U0001f000-\U0001faff])[\ufe0e\ufe0f]"),
)
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")
# Text that reads otherwise than it is stored: reordering marks, hidden alphabets, controls.
_DECEIVING = re.compile(
    "[\u202a-\u202e\u2066-\u2069\U000e0000-\U000e0fff\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]"
)
# Not of a control category, and still nothing to see.
_BLANKS = frozenset("\u2800\u2028\u2029")


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of text, or one character that cannot be seen (then `name` says which)."""

    text: str
    name: str = ""


def strip_invisible(text: str) -> tuple[str, int]:
    """Remove characters that no reader sees; return the text and how many carried risk.

    Soft hyphens and control characters go too, but are not counted: they are ordinary.
    """
    text = _CONTROL.sub("", text)
    if text.isascii():
        return text, 0
    text = text.replace("\u00ad", "")
    kept = _meant(text)
    hidden = {m.start() for m in _INVISIBLE.finditer(text)} - kept
    if not hidden:
        return text, 0
    return "".join(c for n, c in enumerate(text) if n not in hidden), len(hidden)


def deceives(text: str) -> bool:
    """Whether a text holds what makes it read otherwise than it is stored."""
    return bool(_DECEIVING.search(text))


def parts(text: str) -> list[Part]:
    """Split text so that what cannot be seen (tags, zero width, bidi) can be shown marked."""
    return list(_parts(text))


def _parts(text: str) -> Iterator[Part]:
    meant = _meant(text)
    plain: list[str] = []
    for index, char in enumerate(text):
        if index in meant or not _is_unseen(char):
            plain.append(char)
            continue
        if plain:
            yield Part("".join(plain))
            plain.clear()
        yield Part(f"U+{ord(char):04X}", unicodedata.name(char, "no name").lower())
    if plain:
        yield Part("".join(plain))


def _meant(text: str) -> set[int]:
    """Where a joiner or a selector changes what is seen, and so is no hidden character."""
    if text.isascii():
        return set()
    return {n for pattern in _MEANT for m in pattern.finditer(text) for n in range(*m.span())}


def _is_unseen(char: str) -> bool:
    if char in "\n\t":
        return False
    # What has no glyph anywhere (private, unassigned, half a pair) is no less hidden to a reviewer.
    return (
        char in _BLANKS
        or unicodedata.category(char) in {"Cc", "Cf", "Co", "Cn", "Cs"}
        or bool(_INVISIBLE.match(char))
    )


def storable(text: str) -> str:
    """A text as every database takes it: JSON may bring NUL and half a surrogate pair."""
    return text.encode("utf-8", "replace").decode().replace("\x00", "")
