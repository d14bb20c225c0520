"""What a sentence says beyond its content words: who does what, how many, when, and whether at all.

Small words and pairs of opposites decide whether two sentences of the same words say the same. The
lists are short, for English, and hold what turns a true sentence into a false one; the labelled
sentences in tests/quality show what they catch and what they let pass.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from server.answering.words import NUMBER_WORDS, content_words, negates, stem, tokens

_BEFORE, _AFTER, _IF, _ONLY, _ALL, _SOME = "before", "after", "if", "only", "all", "some"
_MUST, _MAY = "must", "may"
_CUES: Mapping[str, frozenset[str]] = {
    _BEFORE: frozenset("before until till prior beforehand unless".split()),
    _AFTER: frozenset("after afterwards afterward once then later since".split()),
    _IF: frozenset("if when whenever where wherever unless while whether otherwise".split()),
    _ONLY: frozenset("only solely merely exclusively alone".split()),
    _ALL: frozenset("all every always everything everybody everyone each any both whole".split()),
    _SOME: frozenset("some sometimes often usually rarely partly occasionally mostly".split()),
    _MUST: frozenset("must need needs needed require requires required mandatory has have".split()),
    _MAY: frozenset("may can could might optional optionally".split()),
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
_LOWER = re.compile(
    r"\b(?:at least|minimum of|more than|over|no (?:less|fewer) than) (\d[\d.,]*)"
    r"|\b(\d[\d.,]*)(?: \w+){0,2} or more\b",
)
_UPPER = re.compile(
    r"\b(?:at most|up to|maximum of|less than|fewer than|under|no more than|within) (\d[\d.,]*)"
    r"|\b(\d[\d.,]*)(?: \w+){0,2} or (?:less|fewer)\b",
)
_CONDITION = re.compile(r"([^,;:.]*)\bif\b([^,;:.]*)")
_VERDICT = re.compile(r"\W*(yes|no)\b\s*(?:[,.!:;\u2013\u2014-]\s*|$)", re.IGNORECASE)
_ASKS = re.compile(
    r"\W*(?:do|does|did|is|are|was|can|could|may|will|must|should|has|have)\b", re.IGNORECASE
)
_LISTS = re.compile(r"^[^:]*\b(?:these|following)\b[^:]*:")
_MEASURES = frozenset(
    stem(word)
    for word in """second minute hour day week month year character word token byte kb mb gb tb
    line page percent euro dollar pound metre meter kilometre mile kilo kilogram gram litre degree
    million billion thousand""".split()
)
_CODE = re.compile(r"`([^`]+)`|\b([A-Z]+_[A-Z_]+)\b")
_CLAUSE = re.compile(r"[,;:()\u2014]")
_DENIALS = frozenset("no not never none nothing neither nor without cannot nobody nowhere".split())
_RELATIVE = frozenset("that which who whose if".split())
_LINKS = frozenset("the a an its their his her your our this that these those only also".split())
_BOUND_WORDS = 3
_LEAST_WORDS = 3
_CONDITION_SHARE = 1 / 3
_ASKED_SHARE = 0.6


def _opposites() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for pair in _PAIRS.replace("\n", "|").split("|"):
        one, other = (stem(word) for word in pair.split())
        found.setdefault(one, set()).add(other)
        found.setdefault(other, set()).add(one)
    return {word: frozenset(others) for word, others in found.items()}


_OPPOSITES = _opposites()


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
        words, raw, lower = _words(rest), tokens(rest), rest.lower()
        return cls(
            words=tuple(words),
            held=frozenset(words),
            pairs=frozenset(pairwise(words)),
            touching=frozenset(_touching(rest)),
            polar=tuple(s for s in map(stem, raw) if s in _OPPOSITES),
            cues=frozenset(_cues(raw)),
            denials=tuple(_denials(rest)),
            lower=frozenset(n for m in _LOWER.findall(lower) for n in m if n),
            upper=frozenset(n for m in _UPPER.findall(lower) for n in m if n),
            bound=_bound(words),
            conditions=tuple(
                (frozenset(_words(main)), frozenset(_words(condition)))
                for main, condition in _CONDITION.findall(lower)
            ),
            code=frozenset(_flat(a or b) for a, b in _CODE.findall(text)),
            raw=_flat(text),
            verdict=said.group(1).lower() if said else "",
            denies_list=bool((head := _LISTS.match(lower)) and negates(head.group())),
        )


def contradicts(said: Reading, fact: Reading, asked: frozenset[str], known: frozenset[str]) -> bool:
    """Whether a sentence says something else than a fact with the same words. `asked`: the
    question's content words, which may stand for a condition that the sentence leaves out;
    `known`: those of all facts."""
    return (
        _denies(said, fact)
        or _opposes(said, fact)
        or _limits(said, fact)
        or _leaves_out(said, fact, asked)
        or _counts_other(said, fact)
        or _turns_round(said, fact, known)
        or any(code not in fact.raw for code in said.code)
    )


def answers(said: Reading, question: str) -> bool:
    """Whether a leading yes or no fits what follows it, as an answer to the question."""
    wanted = Reading.of(question)
    if not _ASKS.match(question) or not wanted.words or wanted.denials:
        return False
    met = len(wanted.held & said.held) >= _ASKED_SHARE * len(wanted.held)
    # What is asked stands at the end of a question, be it a verb ("Can it be returned?") or not.
    if not met or wanted.words[-1] not in said.held:
        return False
    denied = any(not d.aside for d in said.denials)
    flips = any(not _OPPOSITES[w].isdisjoint(said.polar) for w in wanted.polar)
    return (said.verdict == "no") == (denied != flips)


def _denies(said: Reading, fact: Reading) -> bool:
    mine = [set(d.words) for d in said.denials]
    theirs = [set(d.words) for d in fact.denials]
    if any(m and all(m.isdisjoint(t) for t in theirs) for m in mine):
        return True
    if (mine and not theirs) or (fact.denies_list and not mine):
        return True
    for denial in fact.denials:
        needed = denial.words if denial.aside else denial.words[:1]
        if needed and said.held.issuperset(needed) and all(m.isdisjoint(needed) for m in mine):
            return True
    return False


def _opposes(said: Reading, fact: Reading) -> bool:
    for word in said.polar:
        others = _OPPOSITES[word]
        if word not in fact.polar and not others.isdisjoint(fact.polar):
            if others.isdisjoint(said.polar):
                return True
        elif word in fact.polar:
            for other in others.intersection(said.polar, fact.polar):
                ahead = said.polar.index(word) < said.polar.index(other)
                if ahead != (fact.polar.index(word) < fact.polar.index(other)):
                    return True
    return False


def _limits(said: Reading, fact: Reading) -> bool:
    """Order in time, added conditions, quantity, duty, bounds."""
    timed = said.cues & {_BEFORE, _AFTER}
    if timed and not timed & fact.cues and not (_IF in said.cues and _IF in fact.cues):
        return True
    if any(cue in said.cues - fact.cues for cue in (_ONLY, _ALL, _SOME)):
        return True
    if _IF in said.cues and not fact.cues & {_IF, _BEFORE, _AFTER}:
        return True
    if _MUST in said.cues and _MAY in fact.cues and _MUST not in fact.cues:
        return True
    return bool(said.lower & fact.upper - fact.lower or said.upper & fact.lower - fact.upper)


def _leaves_out(said: Reading, fact: Reading, asked: frozenset[str]) -> bool:
    """An "if" of the fact that the sentence drops, in the clause that it takes words from."""
    known = said.held | asked
    return _IF not in said.cues and any(
        len(condition & known) < max(1.0, _CONDITION_SHARE * len(condition))
        for main, condition in fact.conditions
        if not main or not main.isdisjoint(said.held)
    )


def _counts_other(said: Reading, fact: Reading) -> bool:
    """A number that the fact gives to something else, or not at all."""
    for number, words in said.bound.items():
        own = fact.bound.get(number)
        if own is None:
            return True
        others = {w for n, ws in fact.bound.items() if n != number for w in ws}
        # The nearest word that stands with one of the fact's numbers only tells whose it is.
        telling = (w for w in reversed(words) if (w in own) != (w in others))
        if next(telling, "") in others:
            return True
    measures = _MEASURES & said.held
    if measures - fact.held and _MEASURES & fact.held - measures:
        return True
    counts = (p for p in said.pairs if p[0][0].isdigit())
    return any(p not in fact.pairs for p in counts)


def _turns_round(said: Reading, fact: Reading, known: frozenset[str]) -> bool:
    """Words that touch in the other order ("the model sees evidence"), or another subject."""
    for one, other in said.touching:
        if (other, one) in fact.touching and (one, other) not in fact.pairs:
            return True
    if len(said.words) < _LEAST_WORDS or said.words[:2] not in said.touching:
        return False
    head, act = said.words[:2]
    if act not in fact.held:
        return False
    if head not in fact.held:
        return head in known and (fact.words[0], act) in fact.touching
    # It comes later in the fact, where something else does what it is said to do.
    later = fact.words.index(head) > fact.words.index(act)
    return later and any(b == act and a != head for a, b in fact.touching)


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


def _denials(text: str) -> Iterator[Denial]:
    for clause in _CLAUSE.split(text):
        raw = tokens(clause)
        for n, token in enumerate(raw):
            if token in _DENIALS or token.endswith("n't"):
                words = _words(" ".join(raw[n + 1 :]))[:2]
                aside = not _RELATIVE.isdisjoint(raw[max(0, n - 3) : n])
                yield Denial(tuple(words), aside)


def _bound(words: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Each number with the words before it, back to the number before that."""
    found: dict[str, tuple[str, ...]] = {}
    since = 0
    for n, word in enumerate(words):
        if word[0].isdigit():
            found[word] = (*found.get(word, ()), *words[max(since, n - _BOUND_WORDS) : n])
            since = n + 1
    return found
