"""Redaction: personal data leaves the prompt of a pair; a reply that turns on it is not taught.

What stands in the facts or in the owner's own settings is public and stays: a shop's telephone
number, a street in a page. Everything else that `personal` finds in what the visitor or the
assistant said becomes a placeholder such as [email]. A placeholder in a reply would be learnt as a
word to say, so a pair whose reply holds such data is left out instead.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from tuning.data.personal import NAME, Personal, find_personal, spelled_alike


@dataclass(frozen=True, slots=True)
class Public:
    """What anybody may read: the facts of a pair, and what the owner wrote in the settings."""

    texts: Sequence[str]
    _spelled: dict[str, str] = field(default_factory=dict)

    def holds(self, found: Personal) -> bool:
        """Whether a find stands there, however it is spelled."""
        wanted = spelled_alike(found.kind, found.text)
        if found.kind not in self._spelled:
            self._spelled[found.kind] = "\n".join(spelled_alike(found.kind, t) for t in self.texts)
        held = self._spelled[found.kind]
        return bool(re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", held)) or (
            wanted.isalnum() and not wanted.isalpha() and wanted in held
        )


@dataclass(frozen=True, slots=True)
class Masked:
    """Texts with placeholders, in the order they were given; `counts`: values masked, by kind."""

    texts: list[str]
    counts: Counter[str]


def personal_values(texts: Sequence[str], public: Public) -> dict[str, str]:
    """The personal values of some texts that go together: their words, with their kind."""
    finds = [found for text in texts for found in find_personal(text)]
    return {found.text: found.kind for found in finds if not public.holds(found)}


def mask(texts: Sequence[str], public: Public) -> Masked:
    """Replace what is personal. A value found in one text is replaced in all of them, so a name
    that is stated once is gone wherever it is said again."""
    values = personal_values(texts, public)
    for name in [v for v, kind in values.items() if kind == NAME]:
        # "My name is Ada Lovelace" - "Hello Ada".
        values |= {part: NAME for part in name.split() if part[0].isupper() and len(part) > 1}
    kept: list[str] = []
    seen: set[str] = set()
    for text in texts:
        for value in sorted(values, key=len, reverse=True):
            text, times = _pattern(value, values[value]).subn(f"[{values[value]}]", text)
            if times:
                seen.add(value)
        kept.append(text)
    return Masked(kept, Counter(values[value] for value in seen))


def _pattern(value: str, kind: str) -> re.Pattern[str]:
    # A name may be a part of another word; of anything else no piece may stay.
    spelled = re.escape(value)
    return re.compile(rf"(?<!\w){spelled}(?!\w)" if kind == NAME else spelled)
