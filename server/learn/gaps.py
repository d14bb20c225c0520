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
from server.learn.arranging import arranged
from server.retrieval.hybrid import Retriever
from server.store import Store
from server.store.assistants import Assistant
from server.store.topics import GAP

_MOST = 100
_SECTIONS = 3


def find_gaps(store: Store, retriever: Retriever, assistant: Assistant) -> None:
    """Group what was asked in vain, and store it with the sections that did not answer."""
    worded = store.topics.wordings(assistant.id, GAP)
    made = arranged(worded, store.topics.all(assistant.id, GAP), least=1, most=_MOST)
    # One for all gaps: it keeps the approved answers and their vectors.
    answers = CuratedAnswers(store, retriever)
    filled = {
        name: replace(
            found,
            sections=_sections(retriever, assistant, found.question),
            closed=answers.match(assistant, found.question) is not None,
        )
        for name, found in made.found.items()
    }
    store.topics.put(assistant.id, GAP, filled, made.members)


def _sections(retriever: Retriever, assistant: Assistant, question: str) -> list[dict[str, str]]:
    """What is nearest, and did not answer."""
    passages = [h.passage for h in retriever.search(assistant.id, question, limit=_SECTIONS)]
    return [{"title": p.title, "section": p.section, "url": p.address} for p in passages]
