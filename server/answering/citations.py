"""Citations: the system, not the model, says which sentence of which page carries a statement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from server.answering.evidence import EvidenceSentence
from server.answering.words import content_words, counted

# Between quoted sentences that do not follow each other.
BETWEEN_QUOTES = " … "


@dataclass(slots=True)
class Citation:
    """Cited spans of one section; `marks`: offsets in the reply, in code points, they follow."""

    n: int
    sentences: list[EvidenceSentence]
    marks: list[int]

    def as_row(self) -> dict[str, Any]:
        """The citation as visitors get it and the log keeps it: bound to page version and hash."""
        first = self.sentences[0]
        passage = first.passage
        return {
            "n": self.n,
            "title": _title(first),
            "url": first.url if first.url.startswith("http") else None,
            "quote": BETWEEN_QUOTES.join(s.text for s in self.sentences),
            "source": passage.source_id,
            "page": passage.page_id,
            "passage": passage.id,
            "version": passage.page_version,
            "hash": passage.hash,
            "spans": [[s.start, s.end] for s in self.sentences],
            "marks": list(self.marks),
        }


class Citations:
    """Collects the citations of one reply, numbered in the order they are first needed."""

    def __init__(self, evidence: Sequence[EvidenceSentence]) -> None:
        self._evidence = evidence
        self._cited: list[Citation] = []

    def attribute(self, statement: str, at: int) -> None:
        """Cite the evidence sentence that best carries a statement which ends at offset `at`."""
        best = bearer(statement, self._evidence)
        if best is not None:
            self.cite(best, at)

    def cite(self, sentence: EvidenceSentence, at: int) -> None:
        """Cite a sentence; sentences of one passage share a number."""
        for citation in self._cited:
            if citation.sentences[0].passage.id == sentence.passage.id:
                if sentence not in citation.sentences:
                    citation.sentences.append(sentence)
                citation.marks.append(at)
                return
        self._cited.append(Citation(len(self._cited) + 1, [sentence], [at]))

    def rows(self) -> list[dict[str, Any]]:
        return [citation.as_row() for citation in self._cited]


def bearer(statement: str, evidence: Sequence[EvidenceSentence]) -> EvidenceSentence | None:
    """The evidence sentence that shares most with a statement; the earlier one on a tie."""
    wanted = set(content_words(statement)) | counted(statement)
    shares = [
        (len(wanted & (set(content_words(s.text)) | counted(s.text))), -n)
        for n, s in enumerate(evidence)
    ]
    if not shares or max(shares)[0] == 0:
        return None
    return evidence[-max(shares)[1]]


def _title(sentence: EvidenceSentence) -> str:
    passage = sentence.passage
    last = passage.heading.rsplit(" > ", 1)[-1]
    return last or passage.title or passage.url
