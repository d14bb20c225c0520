"""How values read on screen: moments, shares, differences. Pure functions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import SequenceMatcher
from typing import Any
from urllib.parse import urlsplit

_STEPS = (
    (60, 1, "second"),
    (3600, 60, "minute"),
    (86400, 3600, "hour"),
    (86400 * 14, 86400, "day"),
)
# Below this share of equal words, a word-by-word difference is harder to read than both texts.
_ALIKE = 0.4
# Signals that are next steps for the visitor, not figures.
_OFFERED = frozenset({"contact", "related"})


@dataclass(frozen=True, slots=True)
class Change:
    """A stretch of a corrected reply: kept, removed or added."""

    kind: str
    text: str


def ago(at: datetime | None, *, now: datetime | None = None) -> str:
    """How long ago, in words; the date once it is two weeks."""
    if at is None:
        return "never"
    seconds = max(0, int(((now or datetime.now(UTC)) - at).total_seconds()))
    if seconds < 10:
        return "just now"
    for limit, unit, word in _STEPS:
        if seconds < limit:
            count = seconds // unit
            return f"{count} {word}{'s' if count != 1 else ''} ago"
    return f"{at.day} {at:%b %Y}"


def moment(at: datetime) -> str:
    """The exact moment, for a title."""
    return f"{at.day} {at:%B %Y, %H:%M:%S} UTC"


def percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.0%}"


def figure(value: object, digits: int = 2) -> str:
    """A measured number; a dash where there is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "–" if value is None else str(value)
    return (
        f"{value:,.0f}" if abs(value) >= 1000 or isinstance(value, int) else f"{value:.{digits}f}"
    )


def host_of(url: str | None) -> str:
    """Host and path of an address, short enough for a list."""
    try:
        split = urlsplit(url or "")
    except ValueError:
        return (url or "")[:60]
    return f"{split.netloc}{split.path if split.path != '/' else ''}" or (url or "")[:60]


def safe_link(url: object) -> str | None:
    """The address if a link may lead there; None for javascript:, data: and the like."""
    text = str(url or "")
    return text if re.match(r"https?://[^\s\\]+$", text, re.IGNORECASE) else None


def signal_figures(signals: dict[str, Any]) -> list[tuple[str, str]]:
    """What the gate saw, as names and figures; pages and people that were offered stand elsewhere.

    Groups of signals are shown one by one: {"gate": {"dense": 0.5}} gives ("gate: dense", "0.50").
    """
    found: list[tuple[str, str]] = []
    for name, value in signals.items():
        plain = name.replace("_", " ")
        if isinstance(value, dict):
            found += [(f"{plain}: {inner}", text) for inner, text in signal_figures(value)]
        elif isinstance(value, bool):
            found.append((plain, "yes" if value else "no"))
        elif isinstance(value, int | float):
            found.append((plain, figure(value, 3)))
        elif isinstance(value, str) and name not in _OFFERED:
            found.append((plain, value[:200]))
    return found


def changes(before: str, after: str) -> list[Change]:
    """What a correction removed and added, word by word; as a whole where little is alike."""
    old, new = re.findall(r"\s*\S+", before), re.findall(r"\s*\S+", after)
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    if matcher.ratio() < _ALIKE:
        return [Change("removed", before), Change("added", f" {after}")]
    found: list[Change] = []
    for kind, a, b, c, d in matcher.get_opcodes():
        if kind == "equal":
            found.append(Change("kept", "".join(old[a:b])))
            continue
        found += [Change("removed", "".join(old[a:b]))] if b > a else []
        found += [Change("added", "".join(new[c:d]))] if d > c else []
    return found
