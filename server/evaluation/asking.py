"""Asking the questions of an evaluation, through the very pipeline that visitors get."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from server.answering.answer import Outcome, answer
from server.answering.compose import CURATED, REFUSED
from server.answering.curated import CuratedAnswers
from server.evaluation.judge import Given, Judged, judge
from server.evaluation.questions import Expected, fragment, same_page
from server.llm.voice import Voice
from server.retrieval.hybrid import Retriever
from server.store import Store
from server.store.assistants import Assistant
from server.store.knowledge import Passage


class Evaluation:
    """Evaluates one assistant on its content as it is now."""

    def __init__(
        self,
        store: Store,
        assistant: Assistant,
        *,
        retriever: Retriever,
        voice: Callable[[], Voice],
        curated: CuratedAnswers | None = None,
    ) -> None:
        self._assistant = assistant
        self._retriever = retriever
        self._voice = voice
        self._curated = curated
        self._passages = store.knowledge.passages(assistant_id=assistant.id)

    def run(self, questions: Sequence[Expected]) -> Iterator[Judged]:
        """Ask and judge one after the other, as a lone visitor would ask. Logs no turn."""
        for expected in questions:
            yield judge(
                expected, self._ask(expected.question), gold_texts(self._passages, expected)
            )

    def _ask(self, question: str) -> Given:
        began = time.perf_counter()
        steps = answer(
            self._assistant,
            question,
            retriever=self._retriever,
            voice=self._voice,
            curated=self._curated,
        )
        outcome = next(step for step in steps if isinstance(step, Outcome))
        seconds = time.perf_counter() - began
        reply, evidence = outcome.reply, outcome.evidence
        hits = evidence.hits if evidence else ()
        cited = {str(c["passage"]) for c in reply.citations}
        return Given(
            reply=reply.text,
            refused=reply.label == REFUSED,
            cited=[str(c["url"] or "") for c in reply.citations],
            # What a person has approved is its own ground.
            grounds=[*self._texts(cited), *([reply.text] if reply.label == CURATED else [])],
            ranked=list(dict.fromkeys(h.passage.url for h in hits)),
            marks=sum(len(c["marks"]) for c in reply.citations),
            label=reply.label,
            confidence=1.0 if reply.label == CURATED else float(outcome.signals.get("gate", 0.0)),
            seconds=seconds,
            check_ms=outcome.timings.get("check", 0.0),
        )

    def _texts(self, cited: set[str]) -> list[str]:
        own: list[Passage] = [p for p in self._passages if p.id in cited]
        return [p.text for p in own]


def gold_texts(passages: Sequence[Passage], expected: Expected) -> list[str]:
    """The text of each expected section; of the whole page where the address names no section, or
    one that has no passage of its own."""
    found = []
    for url in expected.urls:
        page = [p for p in passages if same_page(p.url, url)]
        part = [p for p in page if p.anchor and p.anchor == fragment(url)]
        found.append("\n".join(p.text for p in part or page))
    return [text for text in found if text]
