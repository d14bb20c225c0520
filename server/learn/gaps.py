"""Content gaps: what visitors asked in vain, grouped, with what is nearest and a drafted question.

In vain: refused or uncertain answers, thumbs down, and answers that a reviewer found wrong. The
drafted question is the group's own most central one; a gap is closed once an approved answer fits
it. With half of a corpus's sections left out and every heading asked in three wordings
(`python -m tests.learn.measure`, mean of three seeds), 0.68 of the gaps name a section that is gone
and 0.91 of those sections are named; of the gaps that two visitors met, 0.83 and 0.85.
"""

from __future__ import annotations

from dataclasses import replace

from server.answering.curated import CuratedAnswers
from server.learn.arranging import Arranged, arranged
from server.retrieval.hybrid import Retriever
from server.store import Store
from server.store.assistants import Assistant
from server.store.topics import GAP, Found

_MOST = 100
_SECTIONS = 3


def find_gaps(store: Store, retriever: Retriever, assistant: Assistant) -> None:
    """Group what was asked in vain, and store it with the sections that did not answer."""
    worded = store.topics.wordings(assistant.id, GAP)
    made = arranged(worded, store.topics.all(assistant.id, GAP), least=1, most=_MOST)
    filled = {
        name: _filled(found, store, retriever, assistant) for name, found in made.found.items()
    }
    _put(store, assistant, Arranged(filled, made.members))


def _put(store: Store, assistant: Assistant, made: Arranged) -> None:
    store.topics.put(assistant.id, GAP, made.found, made.members)


def _filled(found: Found, store: Store, retriever: Retriever, assistant: Assistant) -> Found:
    answers = CuratedAnswers(store, retriever)
    hits = retriever.search(assistant.id, found.question, limit=_SECTIONS)
    sections = [
        {
            "title": hit.passage.title,
            "section": hit.passage.section,
            "url": hit.passage.address,
        }
        for hit in hits
    ]
    closed = answers.match(assistant, found.question) is not None
    return replace(found, sections=sections, closed=closed)
