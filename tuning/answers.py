"""Answers for an evaluation: the whole pipeline that visitors get, on an engine of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from server.answering.answer import Outcome, answer
from server.answering.compose import SUPPORTED, UNCERTAIN
from server.answering.grounding import Ground, Support
from server.answering.words import content_words
from server.llm.voice import Voice
from server.retrieval.hybrid import Retriever
from server.store.assistants import Assistant
from tuning.context import sentences_of
from tuning.metrics import invents_number
from tuning.questions import FactQuestion

# Asked together: the engine batches, and eight are served in the time of three.
_TOGETHER = 8
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
    def is_answer(self) -> bool:
        return self.outcome.reply.label in (SUPPORTED, UNCERTAIN)

    @property
    def invents(self) -> bool:
        """Whether the model's raw draft stated a number that its prompt does not hold."""
        given = "\n".join(m["content"] for m in self.outcome.messages)
        return invents_number(self.outcome.reply.draft, given)


def ask_all(
    assistant: Assistant, questions: Sequence[str], *, retriever: Retriever, voice: Voice
) -> list[Answered]:
    """Answer questions as the server would, several at a time, in their order."""

    def one(question: str) -> Answered:
        steps = answer(assistant, question, retriever=retriever, voice=lambda: voice)
        outcome = next(step for step in steps if isinstance(step, Outcome))
        return Answered(question, outcome)

    with ThreadPoolExecutor(_TOGETHER) as pool:
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
