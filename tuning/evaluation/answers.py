"""Answers for an evaluation: the whole pipeline that visitors get, on an engine of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from server.answering.answer import Outcome, answer
from server.answering.compose import REFUSED, SUPPORTED, UNCERTAIN
from server.answering.grounding import Ground, Support
from server.answering.words import content_words
from server.llm.voice import Voice
from server.retrieval.hybrid import Retriever
from server.store.assistants import Assistant
from tuning.data.context import sentences_of
from tuning.evaluation.metrics import invents_number
from tuning.evaluation.questions import FactQuestion
from tuning.evaluation.refusals import refuses

# Asked together: the engine batches, and eight are served in the time of three.
TOGETHER = 8
# The share of what a reply states that must stand under the right heading.
_CARRIED = 0.5


@dataclass(frozen=True, slots=True)
class Answered:
    """A question with its outcome."""

    question: str
    outcome: Outcome

    @property
    def text(self) -> str:
        return self.outcome.reply.text

    @property
    def draft(self) -> str:
        """The model's words as it wrote them; empty where it was not asked."""
        return self.outcome.reply.draft

    @property
    def is_answer(self) -> bool:
        return self.outcome.reply.label in (SUPPORTED, UNCERTAIN)

    @property
    def is_refused(self) -> bool:
        return self.outcome.reply.label == REFUSED

    @property
    def given(self) -> str:
        """All that the model was shown."""
        return "\n".join(m["content"] for m in self.outcome.messages)

    @property
    def invents(self) -> bool:
        """Whether the model's raw draft stated a number that its prompt does not hold."""
        return invents_number(self.draft, self.given)

    @property
    def made_up_marks(self) -> int:
        """Citation marks that the model wrote of its own; none of them reaches a visitor."""
        return int(self.outcome.signals.get("dropped_citations", 0))

    def declines(self, own_refusal: str) -> bool:
        """Whether the model's draft refuses."""
        return refuses(self.draft, own_refusal)

    def carried(self, manner: frozenset[str]) -> float:
        """The share of the draft's statements that its evidence carries; 0 if it states nothing."""
        evidence = self.outcome.evidence
        if evidence is None:
            return 0.0
        ground = Ground.of(evidence.facts, question=evidence.question, voice=manner)
        checked = [ground.check(s) for s in sentences_of(self.draft)]
        stated = [support for support in checked if support is not Support.NEUTRAL]
        return sum(s is Support.SUPPORTED for s in stated) / len(stated) if stated else 0.0

    def invalid_citations(self) -> int:
        """Citations that name no passage of the evidence, or quote what does not stand there."""
        evidence = self.outcome.evidence
        held = {s.passage.id: s.passage for s in evidence.sentences} if evidence else {}
        return sum(not _is_valid(row, held, self.text) for row in self.outcome.reply.citations)


def ask_all(
    assistant: Assistant, questions: Sequence[str], *, retriever: Retriever, voice: Voice
) -> list[Answered]:
    """Answer questions as the server would, several at a time, in their order."""

    def one(question: str) -> Answered:
        steps = answer(assistant, question, retriever=retriever, voice=lambda: voice)
        outcome = next(step for step in steps if isinstance(step, Outcome))
        return Answered(question, outcome)

    with ThreadPoolExecutor(TOGETHER) as pool:
        return list(pool.map(one, questions))


def is_right(asked: FactQuestion, given: Answered, *, manner: frozenset[str]) -> bool:
    """Whether a factual answer cites the right page first and says what stands there.

    A rule, not a judge: the top citation must be the gold page, nothing in the reply may be
    unsupported by its evidence, and half of what it states must stand under the gold heading.
    """
    reply, evidence = given.outcome.reply, given.outcome.evidence
    if not given.is_answer or not reply.citations or evidence is None:
        return False
    if reply.citations[0]["page"] != asked.page_id:
        return False
    ground = Ground.of(evidence.facts, question=asked.question, voice=manner)
    if any(ground.check(s) is Support.UNSUPPORTED for s in sentences_of(reply.text)):
        return False
    stated = set(content_words(reply.text)) - manner - set(content_words(asked.question))
    gold = set(content_words(asked.text))
    return bool(stated) and len(stated & gold) / len(stated) >= _CARRIED


def _is_valid(row: dict[str, Any], held: dict[str, Any], text: str) -> bool:
    passage = held.get(row["passage"])
    if passage is None or not row["quote"] or not row["marks"]:
        return False
    spans = [passage.text[start:end].strip() for start, end in row["spans"]]
    return all(spans) and all(0 < mark <= len(text) for mark in row["marks"])
