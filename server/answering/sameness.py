"""Whether two questions ask the same thing: how alike they are, and what sets them apart.

Meaning alone is not enough: "How do I enable X?" and "How do I disable X?" are near neighbours in
any embedding. So numbers, negation, names, opposites and direction have a veto.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

from server.answering.words import (
    content_words,
    counted,
    likeness,
    names,
    negates,
    numbers,
    stem,
    tokens,
)

DENSE_WEIGHT = 0.9

# One line, one pair; alternatives are separated by "/". Words that `content_words` drops count too.
_OPPOSITES = """
enable/activate disable/deactivate
on off
in out
install/add uninstall/remove/delete
add/create remove/delete
start/run/begin stop/end/quit
open close/shut
lock unlock
upgrade downgrade
import export
allow/permit/accept deny/forbid/block/refuse/reject
increase/raise decrease/reduce/lower
before after
upload download
subscribe unsubscribe
connect disconnect
maximum/most/highest/longest/largest minimum/least/lowest/shortest/smallest
max min
first last
buy/bought sell/sold
send/sent receive
show/appear hide/disappear
public/shared private/secret
inside outside
domestic international
up down
more less/fewer
read write/written
ask answer
question answer
quick/quickly/fast/fastest slow/slowly/slowest
backup restore
earliest latest
early late
inbound outbound
incoming outgoing
cheapest expensive
deposit withdraw/withdrawn
lend/lent borrow
client server
visitor owner
with without
include/including exclude/excluding
mount unmount
freeze unfreeze
""".strip().splitlines()
_PREFIXES = ("un", "dis", "de", "non", "in", "im", "re")
# Words that say where the next ones stand: swapped around them, a question asks something else.
_DIRECTIONS = frozenset(
    """to into onto from before after over than by via with without for of on one several many all
    each every""".split()
)
_KIND = re.compile(r"(?:for |at |by )?(who|where|when|why|how (?:many|much|long|often|far|old))\b")


def alike(cosine: float, one: Iterable[str], other: Iterable[str]) -> float:
    """How alike two questions are, from their cosine and their content words; 0 to 1."""
    return DENSE_WEIGHT * max(0.0, cosine) + (1 - DENSE_WEIGHT) * likeness(one, other)


def set_apart(one: str, other: str, *, known: frozenset[str] = frozenset()) -> str | None:
    """What makes two like questions different ones, in a word; None if nothing does.

    `known`: stems that name nothing in particular, such as those of the assistant's own name.
    """
    if _figures(one) != _figures(other):
        return "number"
    if negates(one) != negates(other):
        return "negation"
    first, second = _stems(one), _stems(other)
    if _opposed(first, second) or _opposed(second, first):
        return "opposite"
    if _turned(one, other):
        return "direction"
    if _asks_else(one, other):
        return "kind"
    unnamed = {n for n in names(one) if not _holds(second, n)}
    unnamed |= {n for n in names(other) if not _holds(first, n)}
    return "name" if unnamed - known else None


def _figures(text: str) -> set[str]:
    """The numbers of a text; "one" as a word is none: "one visitor" is a visitor."""
    written = numbers(text)
    return written | (counted(text) - written - {"1"})


def _stems(text: str) -> set[str]:
    """Stems of all words, small ones included."""
    return {stem(t.split("'")[0]) for t in tokens(text)}


def _holds(stems: set[str], name: str) -> bool:
    """Whether a name is among some words, whole or taken apart at its hyphens."""
    return name in stems or all(stem(part) in stems for part in name.split("-"))


def _opposed(first: set[str], second: set[str]) -> bool:
    """Whether a word that only the first has is undone by one that only the second has."""
    gone, come = first - second, second - first
    for word in gone:
        if come & _AGAINST.get(word, set()):
            return True
        if any(prefix + word in come and len(word) > 3 for prefix in _PREFIXES):
            return True
    return False


def _turned(one: str, other: str) -> bool:
    """Whether what one asks "to" or "from" is what the other has on the other side."""
    first, second = _aims(one), _aims(other)
    mine, theirs = set(content_words(one)), set(content_words(other))
    for way in first.keys() & second.keys():
        aim, goal = first[way][0], second[way][0]
        elsewhere = aim not in second[way] and goal not in first[way]
        if elsewhere and aim in theirs and goal in mine:
            return True
    return False


def _asks_else(one: str, other: str) -> bool:
    """Whether the question words do not fit: where, when and who differ, and why is like no other.

    "What does it cost?" and "How much is it?" are the same, so a mere "what" fits all but "why".
    """
    first, second = (_KIND.match(" ".join(tokens(text))) for text in (one, other))
    kinds = {match[1] if match else "" for match in (first, second)}
    return len(kinds) == 2 and ("" not in kinds or "why" in kinds)


def _aims(text: str) -> dict[str, list[str]]:
    """The two content words behind each word of direction, where it stands first."""
    found: dict[str, list[str]] = {}
    said = tokens(text)
    for n, token in enumerate(said):
        behind = content_words(" ".join(said[n + 1 :]))[:2]
        if token in _DIRECTIONS and behind:
            found.setdefault(token, behind)
    return found


def _against() -> dict[str, set[str]]:
    table: defaultdict[str, set[str]] = defaultdict(set)
    for line in _OPPOSITES:
        left, right = ({stem(w) for w in side.split("/")} for side in line.split())
        for word in left:
            table[word] |= right - left
        for word in right:
            table[word] |= left - right
    return dict(table)


_AGAINST = _against()
