"""A follow-up made to stand alone: several readings of it, of which retrieval takes the best.

Rules over words, no model: the default model cannot do it. A rule alone cannot know whether "What
about PostgreSQL?" goes on or begins anew either, so each reading is searched and the one whose best
passage speaks of the new words, with the strongest evidence, is taken (`fit`).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from enum import Enum

from server.answering.evidence import Evidence
from server.answering.words import content_words, stem, tokens
from server.knowledge.sentences import split_sentences

_WORD = re.compile(r"[^\W_]+(?:['’.\-][^\W_]+)*")
_GOING_ON = re.compile(
    r"^(?:(?:and|but|or|also|so|then|now)\b[\s,:]*)*(?:(?:what|how) about\b|what of\b)?[\s,:]*",
    re.I,
)
_ASKS = frozenset(
    """how what when where which who whom whose why is are was were do does did can could may might
    must should shall will would has have had am isn't aren't doesn't don't can't""".split()
)
_ORDERS = frozenset("tell show explain give list describe i i'd i'm my we there please".split())
_REFERS = frozenset("it its they them their theirs he him his she her hers".split())
_POINTS = frozenset("this that these those".split())
_ENDS = frozenset("too also instead either otherwise same meanwhile afterwards then".split())
_BEHIND_THAT = frozenset(
    """in on at to for with from by of as again too work works mean means or and possible necessary
    allowed happen happens take need cost safe free do be have later now""".split()
)
_BEFORE_THAT = frozenset("is does do did can was will would for like about after before".split())
_ITSELF = frozenset(
    """site page website web assistant chat chatbot bot service server manual company shop tool
    product software document documentation program project""".split()
)
_EMPTY_IT = re.compile(
    r"\b(?:is|was|will|would|can|may)\s+it\s+(?:be\s+)?(?:\w+\s+)?(?:to|that|if)\b"
    r"|\b(?:is|was)\s+it\s+(?:possible|necessary|true|worth|ok|okay|safe)\s+\w"
    r"|\b(?:does|will|did)\s+it\s+(?:\w+\s+){1,3}to\b"
    r"|\bit(?:\s+is|'s|’s)\s+\w+\s+(?:to|that)\b",
    re.I,
)
_BEFORE_VERB = frozenset("i you we they it one to not".split())
_MODALS = frozenset("can could may might must should will would".split())
_WHO = frozenset("who what that which".split())
_INVERTS = frozenset("do does did which what is are was were".split())
_ANYBODY = frozenset("somebody someone something anybody anyone anything people thing".split())
_ARTICLES = frozenset("the a an my our your its their".split())
_VERBS = _ASKS - frozenset("how what when where which who whom whose why".split())
_HOW = re.compile(r"\bhow\s+(?:long|much|many|often|soon|far|big|large|old|fast)\b", re.I)
_LACKS_NOUN = re.compile(
    r"(?P<asks>how many|which)\s+(?:do|does|did|is|are|can|should|may|must|will|would|have)\b",
    re.I,
)
_MOST_TOPICS = 4
_FRAGMENT = 7
_RICH = 2  # content words: so many may say what is meant, whatever else is pointed at
_WHOLE = 3  # content words: so many may be a question by themselves
# What a reading loses where its best passage does not speak of the new words at all, and what it
# gains where that passage's heading does. Measured on the pairs in tests/talk.
_UNSPOKEN = 0.5
_HEADED = 0.25
_COVERED = 0.25
_LEAST_ASKED = 2
_LONGEST_BEFORE = 500  # characters: else readings grow along a conversation


class Lean(Enum):
    """How a question leans on the one before it."""

    NO = "no"
    MAYBE = "maybe"
    YES = "yes"


def lean(question: str) -> Lean:
    """Whether a question can be understood without the one before it."""
    said = tokens(question)
    if not said or not new_words(question):
        return Lean.YES
    at = _refers_at(question)
    if at is not None:
        # "Stop Parlance when it hangs": the word may mean something in the question itself.
        own = len(content_words(" ".join(said[:at]))) > 1 or len(new_words(question)) >= _RICH
        return Lean.MAYBE if own and said[at] not in ("one", "ones") else Lean.YES
    rest = without_going_on(question)
    if is_clause(rest):
        return Lean.MAYBE if said[-1] in _ENDS or _LACKS_NOUN.match(rest) else Lean.NO
    return Lean.MAYBE if len(tokens(rest)) <= _FRAGMENT else Lean.NO


def is_clause(text: str) -> bool:
    """Whether a text asks by itself, such as "how do I …", and is no fragment."""
    said = tokens(text)
    if not said or said[0] not in _ASKS | _ORDERS:
        return False
    return said[0] in _ORDERS or len(new_words(text)) > 1 or bool(_VERBS & set(said[:3]))


def new_words(text: str) -> list[str]:
    """Stems of the words that a turn brings: in "how long", "long" is none of them."""
    return content_words(_HOW.sub("how", text))


def without_going_on(question: str) -> str:
    """The question without a leading "and", "but", "what about"."""
    return _GOING_ON.sub("", question).strip() or question


def readings(question: str, before: str, heading: str = "") -> list[str]:
    """What a question may mean after the question `before`, answered under `heading`.

    The most literal reading comes first.
    """
    leaning = lean(question)
    rest = without_going_on(question)
    before = before[-_LONGEST_BEFORE:]
    if leaning is Lean.NO:
        return [rest if is_clause(rest) else question]
    found = [rest] if leaning is Lean.MAYBE else []
    at = _refers_at(question)
    if at is not None or not new_words(question) or is_clause(rest):
        said = set(content_words(question))
        topics = dict.fromkeys(_topics(before) + _topics(heading))
        fresh = [t for t in topics if not set(content_words(t)) <= said][:_MOST_TOPICS]
        found += [_put(question, at, t) if at is not None else _added(rest, t) for t in fresh]
    else:
        found += _swapped(before, _bare(rest))
    return list(dict.fromkeys([*found, f"{before} {question}"]))


def several(question: str) -> list[str]:
    """The questions that a visitor asks at once; empty if it is one only."""
    found = [question[a:b] for a, b in split_sentences(question) if question[a:b].endswith("?")]
    asking = [part for part in found if len(set(content_words(part))) >= _LEAST_ASKED]
    return asking if len(asking) > 1 else []


def corrected(before: str, wrong: str, right: str) -> list[str]:
    """The question `before` with one thing put right; `wrong` may be empty: anything then."""
    bare = _bare(right)
    spans = [(m.start(), m.end()) for m in _WORD.finditer(before)]
    words = [stem(before[s:e].lower()) for s, e in spans]
    sought = [stem(t) for t in tokens(_bare(wrong))]
    for n in range(len(words) - len(sought) + 1 if sought else 0):
        if words[n : n + len(sought)] == sought:
            start, end = spans[n][0], spans[n + len(sought) - 1][1]
            return [before[:start] + bare + before[end:]]
    swapped = _swapped(before, bare)
    return swapped if swapped and len(new_words(bare)) < _WHOLE else [*swapped, right]


def fit(evidence: Evidence, new: Collection[str]) -> float:
    """How well a reading is answered: its strength, and whether its best passage speaks of `new`
    (stems of the words that the follow-up itself brought)."""
    if not evidence.sentences:
        return 0.0
    passage = evidence.sentences[0].passage
    words = set(new)
    if not words:
        return _strength(evidence)
    heading = set(content_words(passage.heading.rsplit(" > ", 1)[-1]))
    spoken = heading | set(content_words(passage.text))
    share = sum(_has(spoken, word) for word in words) / len(words)
    headed = sum(_has(heading, word) for word in words) / len(words)
    return _strength(evidence) - _UNSPOKEN * (1 - share) + _HEADED * headed


def _strength(evidence: Evidence) -> float:
    return evidence.signals["near"] + _COVERED * evidence.signals["covered"]


def _has(words: set[str], word: str) -> bool:
    """Whether a stem is among others, up to a doubled consonant that the stemmer left."""
    return any(
        w == word or (min(len(w), len(word)) > 3 and (w.startswith(word) or word.startswith(w)))
        for w in words
    )


def _refers_at(question: str) -> int | None:
    """The place of the first word that refers back, among the question's words."""
    plain = _EMPTY_IT.sub(lambda m: re.sub(r"\b(it)\b", "there", m.group(), flags=re.I), question)
    said = [m.group().lower().replace("’", "'") for m in _WORD.finditer(plain)]
    for n, word in enumerate(said):
        after = said[n + 1] if n + 1 < len(said) else ""
        before = said[n - 1] if n else ""
        if word in _REFERS:
            return n
        if word in ("one", "ones") and (not after or after in _BEHIND_THAT) and n:
            return n
        if word in _POINTS and _points_back(word, before, after):
            return n
    return None


def _points_back(word: str, before: str, after: str) -> bool:
    if after in _ITSELF or stem(after) in _ITSELF:
        return False
    if not after or after in _BEHIND_THAT:
        return True
    if word == "that":
        return before in _BEFORE_THAT and bool(content_words(after))
    return True


def _topics(question: str) -> list[str]:
    """What a question is about: its runs of content words, without verbs as far as rules can tell.

    "the" stays before a noun that had an article; a name has none.
    """
    found: list[str] = []
    run: list[str] = []
    lead, inverted, article, before, previous = "", False, "", "", ""
    for match in [*_WORD.finditer(_HOW.sub("how", question)), None]:
        word = match.group() if match else ""
        low = word.lower()
        verb = previous in _BEFORE_VERB or (previous in _MODALS and before in _WHO)
        if content_words(word) and not verb and low not in _ANYBODY:
            if not run:
                lead = article
            run.append(word)
        else:
            if run:
                found += _nouns(run, lead, inverted=inverted)
                run, inverted = [], False
            turns = low in _INVERTS or (low in _MODALS and previous not in _WHO)
            inverted = (inverted or turns) and low not in _BEFORE_VERB
        article = "the " if low in _ARTICLES else ""
        before, previous = previous, low
    return found


def _nouns(run: list[str], lead: str, *, inverted: bool) -> list[str]:
    """What a run of words may name: behind "does" or "which", its last word may be the verb."""
    if inverted and len(run) > 1:
        return [lead + run[0], lead + " ".join(run[:-1])]
    return [lead + " ".join(run), run[-1]] if len(run) > 2 else [lead + " ".join(run)]


def _put(question: str, at: int, topic: str) -> str:
    """The question with a topic in the place of the word that refers back."""
    word = list(_WORD.finditer(question))[at]
    low, after = word.group().lower(), question[word.end() :]
    if low in _POINTS and content_words(" ".join(tokens(after)[:1])):
        return f"{question} {topic}"  # "that setting": what it points at has a name already
    if low in ("its", "their", "his", "her"):
        topic += "’s"
    if low in ("one", "ones"):
        topic = topic.removeprefix("the ")
    return question[: word.start()] + topic + after


def _added(question: str, topic: str) -> str:
    """The question with a topic where it lacks its noun ("how many do I need"), or at its end."""
    if lacking := _LACKS_NOUN.match(question):
        rest = question[lacking.end("asks") :].strip()
        return f"{lacking['asks']} {topic.removeprefix('the ')} {rest}"
    return f"{question.rstrip(' ?.!')} {topic}?"


def _swapped(before: str, bare: str) -> list[str]:
    """The question before with `bare` in the place of each of its content words in turn."""
    found = []
    for match in _WORD.finditer(before):
        if content_words(match.group()):
            found.append(before[: match.start()] + bare + before[match.end() :])
    return found[-_MOST_TOPICS:]


def _bare(text: str) -> str:
    """A fragment without its leading preposition and article, and without its final mark."""
    return re.sub(
        r"^(?:(?:with|for|on|in|at|by|from|via|using|to|of|the|a|an|my)\s+)+",
        "",
        text.strip(" .!?,"),
        flags=re.I,
    )
