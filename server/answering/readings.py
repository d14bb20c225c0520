"""A sentence read for comparing: content words in order, numbers, denials, small words.

The lists are short, for English, and hold what turns a true sentence into a false one; the labelled
sentences in tests/quality show what they catch and what they let pass.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from server.answering.words import NUMBER_WORDS, content_words, negates, stem, tokens

BEFORE, AFTER, IF, ONLY, ALL, SOME = "before", "after", "if", "only", "all", "some"
MUST, MAY = "must", "may"
_CUES: Mapping[str, frozenset[str]] = {
    BEFORE: frozenset("before until till prior beforehand unless".split()),
    AFTER: frozenset("after afterwards afterward once then later since".split()),
    IF: frozenset("if when whenever where wherever unless while whether otherwise".split()),
    ONLY: frozenset("only solely merely exclusively alone".split()),
    ALL: frozenset("all every always everything everybody everyone each any both whole".split()),
    SOME: frozenset("some sometimes often usually rarely partly occasionally mostly".split()),
    MUST: frozenset("must need needs needed require requires required mandatory has have".split()),
    MAY: frozenset("may can could might optional optionally".split()),
}
# Either side of a pair, where the fact has the other, makes another statement of a sentence.
_PAIRS = """start stop|begin end|open close|opens closes|on off|enable disable|allow forbid
allow refuse|accept refuse|obey ignore|honour ignore|first last|first second|increase decrease
higher lower|high low|more less|more fewer|larger smaller|large small|big small|longer shorter
long short|faster slower|fast slow|newest oldest|new old|new same|better worse|best worst
required optional|include exclude|include left|add remove|keep delete|keep lose|survive lose
stay delete|public private|same different|inside outside|minimum maximum|least most|true false
free paid|automatic manual|import export|upload download|strong weak|likely unlikely|early late
above below|promote rollback|right wrong|left right|approve reject|visible hidden
online offline|light dark|thick thin"""
# A duty counts as a cue; "need" is no matter that a fact has to hold in so many words.
_DUTY = re.compile(r"\b(?:needs?|needed|ha(?:s|ve)) to\b", re.IGNORECASE)
_LOWER = re.compile(
    r"\b(?:at least|minimum of|more than|over|no (?:less|fewer) than) (\d[\d.,]{0,15})"
    r"|\b(\d[\d.,]{0,15})(?: \w+){0,2} or more\b",
)
_UPPER = re.compile(
    r"\b(?:at most|up to|maximum of|(?:no more|less|fewer) than|under|within) (\d[\d.,]{0,15})"
    r"|\b(\d[\d.,]{0,15})(?: \w+){0,2} or (?:less|fewer)\b",
)
_VERDICT = re.compile(r"\W*(yes|no)\b\s*(?:[,.!:;\u2013\u2014-]\s*|$)", re.IGNORECASE)
MEASURES = frozenset(
    stem(word)
    for word in """second minute hour day week month year character word token byte kb mb gb tb
    line page percent euro dollar pound metre meter kilometre mile kilo kilogram gram litre degree
    million billion thousand""".split()
)
_CODE = re.compile(r"`([^`]+)`|\b([A-Z]+_[A-Z_]+)\b")
_CLAUSE = re.compile(r"[,;:()\u2014]")
_DENIALS = frozenset("no not never none nothing neither nor without cannot nobody nowhere".split())
_RELATIVE = frozenset("that which who whose if".split())
_LINKS = frozenset(
    "the a an its their his her your our this that these those only also "
    "can could may might must will would should".split()
)
_BOUND_WORDS = 3
_DENIED_WITHIN = 8
_ITEM_WORDS = 4


def _opposites() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for pair in _PAIRS.replace("\n", "|").split("|"):
        one, other = (stem(word) for word in pair.split())
        found.setdefault(one, set()).add(other)
        found.setdefault(other, set()).add(one)
    return {word: frozenset(others) for word, others in found.items()}


OPPOSITES = _opposites()


@dataclass(frozen=True, slots=True)
class Denial:
    """What a negation denies: the word after it and the next; `aside` in a relative clause."""

    words: tuple[str, ...]
    aside: bool


@dataclass(frozen=True, slots=True)
class Reading:
    """A sentence, read once for comparing."""

    words: tuple[str, ...]
    held: frozenset[str]
    pairs: frozenset[tuple[str, str]]
    touching: frozenset[tuple[str, str]]
    polar: tuple[str, ...]
    cues: frozenset[str]
    denials: tuple[Denial, ...]
    lower: frozenset[str]
    upper: frozenset[str]
    bound: Mapping[str, tuple[str, ...]]
    conditions: tuple[tuple[frozenset[str], frozenset[str]], ...]
    code: frozenset[str]
    raw: str
    verdict: str
    denies_list: bool

    @classmethod
    def of(cls, text: str) -> Reading:
        # A "No," at the start answers the question; it denies nothing in the sentence itself.
        said = _VERDICT.match(text)
        rest = text[said.end() :] if said else text
        words, raw, lower = _words(_DUTY.sub(" ", rest)), tokens(rest), rest.lower()
        return cls(
            words=tuple(words),
            held=frozenset(words),
            pairs=frozenset(pairwise(words)),
            touching=frozenset(_touching(rest)),
            polar=tuple(s for s in map(stem, raw) if s in OPPOSITES),
            cues=frozenset(_cues(raw)),
            denials=tuple(dict.fromkeys(_denials(rest))),
            lower=frozenset(n for m in _LOWER.findall(lower) for n in m if n),
            upper=frozenset(n for m in _UPPER.findall(lower) for n in m if n),
            bound=_bound(rest),
            conditions=tuple(_conditions(lower)),
            code=frozenset(_flat(a or b) for a, b in _CODE.findall(text)),
            raw=_flat(text),
            verdict=said.group(1).lower() if said else "",
            denies_list=_denies_list(lower),
        )


def parts(fact: str) -> list[str]:
    """The items of a list that are sentences themselves, each apart; else the fact as it is."""
    head, *items = re.split(r"\s-\s", fact)
    if len(items) < 2 or len(tokens(" ".join(items))) < _ITEM_WORDS * len(items):
        return [fact]
    return [head, *items]


def _touching(text: str) -> Iterator[tuple[str, str]]:
    """Pairs of content words with nothing between them but an article or the like."""
    for clause in _CLAUSE.split(text):
        last = ""
        for token in tokens(clause):
            if found := _word(token):
                if last:
                    yield last, found
                last = found
            elif token not in _LINKS:
                last = ""


def _cues(raw: Sequence[str]) -> Iterator[str]:
    for n, token in enumerate(raw):
        for cue, words in _CUES.items():
            if token not in words:
                continue
            # "Has to" is a duty, "has" is none.
            if token in {"has", "have"} and raw[n + 1 : n + 2] != ["to"]:
                continue
            yield cue


def _conditions(text: str) -> Iterator[tuple[frozenset[str], frozenset[str]]]:
    """The content words of each "if" clause, after those that it is a condition of."""
    for clause in _CLAUSE.split(text):
        main, found, condition = f" {clause} ".partition(" if ")
        if found:
            yield frozenset(_words(main)), frozenset(_words(condition))


def _denies_list(text: str) -> bool:
    """Whether it says of a list that none of it is so: "These are not included: ..."."""
    head, found, _ = text.partition(":")
    return bool(found) and not {"these", "following"}.isdisjoint(tokens(head)) and negates(head)


def _denials(text: str) -> Iterator[Denial]:
    for clause in _CLAUSE.split(text):
        raw = tokens(clause)
        for n, token in enumerate(raw):
            if token in _DENIALS or token.endswith("n't"):
                words = _words(" ".join(raw[n + 1 : n + 1 + _DENIED_WITHIN]))[:2]
                aside = not _RELATIVE.isdisjoint(raw[max(0, n - 3) : n])
                yield Denial(tuple(words), aside)


def _bound(text: str) -> dict[str, tuple[str, ...]]:
    """Each number with the words before it in its clause, back to the number before that."""
    found: dict[str, tuple[str, ...]] = {}
    for clause in _CLAUSE.split(text):
        words, since = _words(clause), 0
        for n, word in enumerate(words):
            if word[0].isdigit():
                found[word] = (*found.get(word, ()), *words[max(since, n - _BOUND_WORDS) : n])
                since = n + 1
    return found


def _flat(text: str) -> str:
    return f" {' '.join(tokens(text))} "


def _words(text: str) -> list[str]:
    return [word for token in tokens(text) if (word := _word(token))]


def _word(token: str) -> str:
    """Its stem if it carries meaning; numbers do, however short and however written."""
    if token != "one" and (number := NUMBER_WORDS.get(token)):
        return number
    if token.isdigit():
        return token
    found = content_words(token)
    return found[0] if found else ""
