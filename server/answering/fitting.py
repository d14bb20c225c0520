"""Fitting an assistant's gate to its own content: what is asked of sections that stand, and of
sections that are left out (RGB's negative rejection, made from the headings).

A heading that asks is a question. It is asked three times: of the content as it is, of the content
without this heading's words, and of the content without the section.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from threading import Thread

import numpy as np

from server.answering.gate import SHIPPED, Gate, Sample, fit, rates
from server.answering.signals import Asked, Candidate, Frame, asked_of, signals
from server.answering.words import content_words
from server.retrieval.hybrid import Retriever
from server.retrieval.vectors import Vector, matrix
from server.store import Store
from server.store.knowledge import Passage

log = logging.getLogger(__name__)

HITS = 8
# The bounds are quantiles: of 120 samples one hung on twelve, and moved with every new section.
_MOST_HEADINGS = 240
_LEAST_WORDS = 2

_Section = tuple[str, list[Passage]]


def gate_of(store: Store, assistant_id: str) -> Gate:
    """The gate in force: fitted to the content, or as shipped until that is done."""
    kept = store.gates.latest(assistant_id)
    return (Gate.from_json(kept.fitted) if kept else None) or SHIPPED


def fit_gate(retriever: Retriever, assistant_id: str) -> Gate:
    """Fit and store an assistant's gate, unless the stored one is of this very content."""
    store = retriever.store
    content = store.gates.content(assistant_id)
    kept = store.gates.latest(assistant_id)
    stored = Gate.from_json(kept.fitted) if kept is not None else None
    if kept is not None and stored is not None and kept.content == content:
        return stored
    passages = store.knowledge.passages(assistant_id=assistant_id)
    frame = Frame.of(matrix(passages))
    samples = samples_of(retriever, assistant_id, passages, frame)
    gate = fit(samples, frame)
    report = rates(gate, samples) | {"passages": len(passages)}
    store.gates.put(assistant_id, content, gate.as_json(), report)
    log.info("the gate of %s is fitted to %d passages", assistant_id, len(passages))
    log.debug("shares it refuses of its samples: %s", report)
    return gate


def fit_soon(retriever: Retriever, assistant_ids: Iterable[str]) -> None:
    """Fit gates whose content has changed, in the background: at a start, after a removal."""
    ids = list(assistant_ids)
    Thread(target=_fit_all, args=(retriever, ids), name="gates", daemon=True).start()


def _fit_all(retriever: Retriever, assistant_ids: Sequence[str]) -> None:
    for id in assistant_ids:
        try:
            fit_gate(retriever, id)
        except Exception:
            # The gate in force goes on; the next reading fits it again.
            log.exception("the gate of %s could not be fitted", id)


def samples_of(
    retriever: Retriever, assistant_id: str, passages: Sequence[Passage], frame: Frame
) -> list[Sample]:
    """Questions made from the headings, with the signals of each of their three situations."""
    found = []
    for question, own in _sections(passages):
        vector = retriever.embed(question)
        asked = asked_of(retriever, assistant_id, question, vector, frame)
        gold = {p.id for p in own}
        deep = retriever.search(assistant_id, question, vector=vector, limit=HITS + len(own))
        hits = [h.passage for h in deep]
        others = [Candidate.of(asked, p) for p in hits if p.id not in gold][:HITS]
        hidden = [*others, *_without_heading(retriever, asked, own)]
        hidden.sort(key=lambda c: -c.dense)
        plain = [Candidate.of(asked, p) for p in hits[:HITS]]
        found += [
            Sample("plain", signals(asked, plain)),
            Sample("hidden", signals(asked, hidden[:HITS])),
            Sample("gone", signals(asked, others)),
        ]
    return found


def _sections(passages: Sequence[Passage]) -> list[_Section]:
    """Headings that ask something, with their passages; some of many, by a hash.

    Only these: bounds fitted to headings such as "Overview" refused nobody (python, hidden
    headings). Without enough of them the shipped gate serves, in the content's own frame.
    """
    held: dict[tuple[str, str, str], list[Passage]] = {}
    for passage in passages:
        held.setdefault((passage.page_id, passage.heading, passage.anchor), []).append(passage)
    named = [(own[0].section, own) for own in held.values()]
    often = Counter(heading.lower() for heading, _ in named)
    asking = [
        (heading, own)
        for heading, own in named
        if heading.endswith("?")
        and often[heading.lower()] == 1
        and len(set(content_words(heading))) >= _LEAST_WORDS
    ]
    return sorted(asking, key=lambda s: blake2b(s[0].encode()).digest())[:_MOST_HEADINGS]


def _without_heading(retriever: Retriever, asked: Asked, own: Sequence[Passage]) -> list[Candidate]:
    """The section's passages as they would be found if its heading stood nowhere."""
    found = []
    for passage in own[:3]:
        above = passage.heading.split(" > ")[:-1][-1:]
        vector: Vector = np.asarray(retriever.embed("\n".join([*above, passage.text])))
        found.append(Candidate.of(asked, passage, heading=" > ".join(above), vector=vector))
    return found
