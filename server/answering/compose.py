"""From a streamed draft to a checked reply, sentence by sentence: checking costs no waiting.

A sentence is shown once the evidence carries it. From the first one that it does not carry, nothing
that the draft states is shown any more, and where nothing was stated before, the best evidence is
quoted with its link: no answer falls below that floor. An owner's greeting and sign-off stay.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from server.answering.citations import Citations
from server.answering.evidence import Evidence, EvidenceSentence
from server.answering.grounding import Ground, Support
from server.answering.words import content_words

SUPPORTED, UNCERTAIN, REFUSED, CURATED = "supported", "uncertain", "refused", "curated"

_SENTENCE_END = re.compile(
    r"(?<=[.!?…])[\"”')\]]*\s+(?=[\"“'(\[]?[A-Z0-9À-ÞЀ-Я])|\n+|(?<=[。！？])"
)
_ABBREVIATION = re.compile(r"(?:\b(?:e\.g|i\.e|etc|vs|cf|Mr|Mrs|Dr|No|St)|\b[A-Z]|^\d+)\.$")
# What a small model likes to say before it says anything.
_LEAD = re.compile(
    r"^(?:the |my )?(?:short )?answer(?: to (?:this|that|the|your) question)?(?: is)?\s*:\s*"
    r"|^according to the (?:facts|context|text)(?: given)?,?\s*",
    re.IGNORECASE,
)
_CLOSING = '.!?…。！？"”’)]'
_QUOTED = 2
_REPEATED_SHARE = 0.8


@dataclass(slots=True)
class Reply:
    """A finished reply; `own_words` says whether any statement in it is the model's, `check_ms` how
    long all its checks took."""

    text: str = ""
    draft: str = ""
    label: str = SUPPORTED
    citations: list[dict[str, Any]] = field(default_factory=list)
    own_words: bool = False
    check_ms: float = 0.0


def refusal(text: str) -> Reply:
    return Reply(text=text, label=REFUSED)


def compose(
    evidence: Evidence,
    draft: Iterable[str],
    *,
    sure: bool = True,
    voice: frozenset[str] = frozenset(),
    stop: Callable[[], None] = lambda: None,
    stopped: Callable[[], bool] = lambda: False,
    recites: Callable[[str], bool] = lambda _: False,
    checker: Callable[[Sequence[str], str], float] | None = None,
) -> Iterator[str | Reply]:
    """Yield checked text as it becomes sure, then the Reply as the last item.

    `draft` streams the model's words; `stop` is called once no more of them are wanted; `stopped`
    says that somebody else has ended it, so its last sentence may be half a one. `voice`: stems of
    the owner's manner of speaking, which need no evidence. `sure`: what the gate says of the
    evidence. `recites` says of each sentence whether the draft has come to quote its instructions,
    which ends it. `checker` may veto what the rules pass.
    """
    began = time.perf_counter()
    ground = Ground.of(evidence.facts, question=evidence.question, voice=voice, extra=checker)
    writer = _Writer(evidence, ground, sure, has_manner=bool(voice))
    writer.reply.check_ms = _ms(began)
    for sentence, raw in _sentences(draft):
        writer.reply.draft = raw
        if stopped():
            break
        shown = None if recites(sentence) else writer.take(sentence)
        if shown is None:
            stop()
            break
        if shown:
            yield shown
    if not writer.has_statement and not stopped():
        yield writer.quote()
    writer.close()
    yield writer.reply


class _Writer:
    """Builds one reply: what is shown so far, which statements it made, where they stand."""

    def __init__(self, evidence: Evidence, ground: Ground, sure: bool, *, has_manner: bool) -> None:
        self._evidence = evidence
        self._sure = sure
        self._has_manner = has_manner
        self._has_failed = False
        self._ground = ground
        self._citations = Citations(evidence.sentences)
        self._said: list[set[str]] = []
        self.reply = Reply()
        self.has_statement = False

    def take(self, sentence: str) -> str | None:
        """Text to show for the next sentence of the draft, if any; None if the draft ends here."""
        sentence = _without_lead(sentence)
        if not sentence:
            return ""
        began = time.perf_counter()
        support = self._ground.check(sentence)
        self.reply.check_ms += _ms(began)
        if support is Support.UNSUPPORTED:
            return self._fail()
        if self._has_failed and support is not Support.NEUTRAL:
            return ""
        words = set(content_words(sentence))
        if not words:
            return (
                ""  # "You can do it.": nothing to check it by, and nothing to tell it is said again
            )
        if self._repeats(words):
            return None
        self._said.append(words)
        shown = self._append(sentence)
        if support is Support.SUPPORTED:
            self.has_statement = self.reply.own_words = True
            self._citations.attribute(sentence, len(self.reply.text))
        return shown

    def _fail(self) -> str | None:
        """The draft has left the evidence: it ends, or goes on for the owner's manner alone."""
        if not self._has_manner:
            return None
        self._has_failed = True
        return "" if self.has_statement else self.quote()

    def quote(self) -> str:
        """Fall back to the best evidence, in its own words and order."""
        best = _quotable(self._evidence)
        shown = ""
        for sentence in best:
            shown += self._append(sentence.quote)
            self._citations.cite(sentence, len(self.reply.text))
        self.has_statement = True
        return shown

    def close(self) -> None:
        self.reply.citations = self._citations.rows()
        self.reply.label = SUPPORTED if self.has_statement and self._sure else UNCERTAIN

    def _append(self, sentence: str) -> str:
        # A list needs a line of its own, before and after; so does what ends in no full stop.
        before = self.reply.text.rpartition("\n\n")[2]
        block = "\n" in sentence or "\n" in before or before[-1:] not in _CLOSING
        shown = ("\n\n" if block else " ") + sentence if self.reply.text else sentence
        self.reply.text += shown
        return shown

    def _repeats(self, words: set[str]) -> bool:
        return any(
            words and len(words & said) / len(words | said) >= _REPEATED_SHARE
            for said in self._said
        )


def _without_lead(sentence: str) -> str:
    rest = _LEAD.sub("", sentence)
    return rest if rest == sentence else rest[:1].upper() + rest[1:]


def _ms(began: float) -> float:
    return (time.perf_counter() - began) * 1000


def _quotable(evidence: Evidence) -> list[EvidenceSentence]:
    """The best sentence, with the next best of the same passage, in reading order; of several
    questions asked at once, the best sentence for each."""
    if evidence.parts > 1:
        return list(evidence.sentences[: evidence.parts])
    if not evidence.sentences:
        return []
    first = evidence.sentences[0]
    same = [s for s in evidence.sentences if s.passage.id == first.passage.id][:_QUOTED]
    return sorted(same, key=lambda s: s.start)


def _sentences(pieces: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Split a stream into sentences; each comes with all of the draft read so far."""
    raw = waiting = ""
    for piece in pieces:
        raw += piece
        waiting += piece
        while (end := _first_end(waiting)) is not None:
            sentence, waiting = waiting[: end[0]].strip(), waiting[end[1] :]
            if sentence:
                yield sentence, raw
    if waiting.strip():
        yield waiting.strip(), raw


def _first_end(text: str) -> tuple[int, int] | None:
    for match in _SENTENCE_END.finditer(text):
        head = text[: match.start()].rstrip("\"”')] ")
        if match.start() > 0 and not _ABBREVIATION.search(head):
            return match.start(), match.end()
    return None
