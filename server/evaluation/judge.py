"""Judging one answer without a judge model: by where it stands, and by the words it stands on.

The rules read the answer against whole passages and the expected section, not against the evidence
sentences that the serving check reads: they see what that check let through. What they cannot see
are relations turned round and inferences; see the manual's page on limits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from server.answering.words import addresses, content_words, counted, names, negates, numbers
from server.evaluation.questions import Expected, same_page
from server.knowledge.sentences import split_sentences

# A statement is carried by a text that holds so much of its content words (ALCE uses an NLI model;
# 0.8 is where our own labelled sentences part best, see tests/quality).
_CARRIED = 0.8
_GOLD = 0.6
_REFERENCE = 0.2
_LEAST_NEW = 2


@dataclass(frozen=True, slots=True)
class Given:
    """An answer to judge: its text, whether it refused, the addresses it cites (top first), the
    passages it was made from, the pages retrieval ranked, and how sure the assistant was."""

    reply: str
    refused: bool
    cited: Sequence[str]
    grounds: Sequence[str]
    ranked: Sequence[str]
    marks: int = 0
    label: str = ""
    confidence: float = 0.0
    seconds: float = 0.0
    check_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Judged:
    """What one answer came to. `ranks`: where retrieval put the expected pages, from 1 (0: not)."""

    question: str
    language: str
    answerable: bool
    refused: bool
    label: str
    right: bool
    right_page: bool
    wrong_fact: bool
    why: str
    statements: int
    supported: int
    marks: int
    citations: int
    citations_right: int
    ranks: tuple[int, ...]
    confidence: float
    seconds: float
    check_ms: float
    reply: str

    @property
    def score(self) -> int:
        """CRAG's score: 1 right, 0 refused, -1 wrong (Yang et al. 2024)."""
        return 0 if self.refused else 1 if self.right else -1


def judge(expected: Expected, given: Given, gold: Sequence[str]) -> Judged:
    """Judge an answer; `gold` is the text of each expected section (none: not answerable)."""
    told = [] if given.refused else statements(given.reply)
    flaws = [flaw for s in told if (flaw := unsupported(s, given.grounds, expected.question))]
    on_page = [any(same_page(c, u) for u in expected.urls) for c in given.cited]
    right, why = _right(expected, given, gold, told, flaws)
    return Judged(
        question=expected.question,
        language=expected.language,
        answerable=expected.is_answerable,
        refused=given.refused,
        label=given.label,
        right=right,
        right_page=bool(on_page and on_page[0]),
        wrong_fact=bool(flaws),
        why=why,
        statements=len(told),
        supported=len(told) - len(flaws),
        marks=given.marks,
        citations=len(on_page),
        citations_right=sum(on_page),
        ranks=tuple(_rank(u, given.ranked) for u in expected.urls),
        confidence=given.confidence,
        seconds=given.seconds,
        check_ms=given.check_ms,
        reply=given.reply,
    )


def statements(reply: str) -> list[str]:
    """The sentences of a reply that say something."""
    found = [" ".join(reply[a:b].split()) for a, b in split_sentences(reply)]
    return [s for s in found if content_words(s)]


def unsupported(statement: str, grounds: Sequence[str], question: str) -> str:
    """Why no passage carries a statement; empty if one does."""
    flat = " ".join(statement.lower().split())
    if any(flat in " ".join(g.lower().split()) for g in grounds):
        return ""
    text = "\n".join(grounds)
    if invented := (numbers(statement) - counted(text)) | (addresses(statement) - addresses(text)):
        return f"{sorted(invented)[0]} stands nowhere"
    known = set(content_words(text)) | set(content_words(question))
    # One letter, as in "System V", is no content word, so no text would hold it.
    if strange := {n for n in names(statement) if len(n) > 1} - known:
        return f"the name {sorted(strange)[0]} stands nowhere"
    words = set(content_words(statement))
    best = max(grounds, key=lambda g: len(words & set(content_words(g))), default="")
    if len(words & set(content_words(best))) < _CARRIED * len(words):
        return "no passage says this"
    return _contradicts(statement, words, best)


def _contradicts(statement: str, words: set[str], ground: str) -> str:
    """A passage's sentence with the same words that denies what the statement says."""
    sentences = [ground[a:b] for a, b in split_sentences(ground)]
    near = [s for s in sentences if len(words & set(content_words(s))) >= _CARRIED * len(words)]
    if near and all(negates(s) != negates(statement) for s in near):
        return "the passage says the opposite"
    return ""


def _right(
    expected: Expected,
    given: Given,
    gold: Sequence[str],
    told: Sequence[str],
    flaws: Sequence[str],
) -> tuple[bool, str]:
    if given.refused:
        return not expected.is_answerable, "refused"
    if not expected.is_answerable:
        return False, "it answers what the content does not hold"
    if flaws:
        return False, flaws[0]
    if expected.phrase and _flat(expected.phrase) not in _flat(given.reply):
        return False, "the expected words are missing"
    if gold and not _says(told, gold, expected.question):
        return False, "it says what stands elsewhere"
    if expected.answer and not _recalls(given.reply, expected):
        return False, "it leaves out what the answer is about"
    return True, ""


def _says(told: Sequence[str], gold: Sequence[str], question: str) -> bool:
    """Whether each expected section carries a statement that adds something to the question."""
    asked = set(content_words(question))
    for section in gold:
        held = set(content_words(section))
        added = [set(content_words(s)) - asked for s in told]
        if not any(len(a) >= _LEAST_NEW and len(a & held) >= _GOLD * len(a) for a in added):
            return False
    return True


def _recalls(reply: str, expected: Expected) -> bool:
    """A short reference answer must be met; of a whole section only a part can be."""
    wanted = set(content_words(expected.answer)) - set(content_words(expected.question))
    if not wanted:
        return True
    met = wanted & set(content_words(reply))
    return len(met) >= _REFERENCE * min(len(wanted), 20)


def _rank(url: str, ranked: Sequence[str]) -> int:
    return next((n for n, r in enumerate(ranked, start=1) if same_page(r, url)), 0)


def _flat(text: str) -> str:
    return " ".join(text.lower().split())
