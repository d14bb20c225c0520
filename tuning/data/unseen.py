"""What rows from content must not give away: the questions a run is judged by, and their answers.

Asked is the same as in the evaluation of the run (`tuning.evaluation.asked`), by the same seed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from server.answering.answer import persona_of
from server.store.assistants import Assistant
from server.store.knowledge import Passage
from server.store.pairs import Pair
from tuning.data.context import sentences_of
from tuning.data.minhash import jaccard
from tuning.data.shingles import shingles
from tuning.data.split import HELD_OUT, TRAIN
from tuning.evaluation.asked import Sizes
from tuning.evaluation.leaks import leak_probes
from tuning.evaluation.questions import fact_questions, key_of

_NEAR = 0.6


class Unseen:
    """Questions that are not to be asked again, and texts of which no sentence is to be told."""

    def __init__(self, questions: Iterable[str] = (), texts: Iterable[str] = ()) -> None:
        self.questions: list[str] = []
        self._keys: set[str] = set()
        self._asked: list[set[str]] = []
        self._told: list[set[str]] = []
        for question in questions:
            self.add_question(question)
        for text in texts:
            self.add_text(text)

    def add_question(self, question: str) -> None:
        self.questions.append(question)
        self._keys.add(key_of(question))
        self._asked.append(shingles(question))

    def add_text(self, text: str) -> None:
        self._told.append(shingles(text))

    def has_asked(self, question: str) -> bool:
        """Whether it is one of the questions, or nearly."""
        own = shingles(question)
        return key_of(question) in self._keys or any(jaccard(own, s) >= _NEAR for s in self._asked)

    def tells(self, reply: str) -> bool:
        """Whether a sentence of a reply stands, for the most part, in one of the texts."""
        return any(
            len(own & told) >= _NEAR * len(own)
            for own in map(shingles, sentences_of(reply))
            for told in self._told
        )


def unseen_of(
    assistant: Assistant,
    pairs: Sequence[Pair],
    passages: Sequence[Passage],
    *,
    sizes: Sizes,
    seed: int,
) -> Unseen:
    """All questions of a run's pairs and of its evaluation; the answers to what it is judged by."""
    train = [pair for pair in pairs if pair.split == TRAIN]
    held = [pair for pair in pairs if pair.split == HELD_OUT]
    asked = [pair.question for pair in train]
    facts = fact_questions(passages, avoid=asked, count=sizes.facts, seed=seed)
    probes = leak_probes(
        [*train, *held],
        persona_of(assistant),
        removed=sizes.removed,
        changed=sizes.changed,
        seed=seed,
    )
    probed = {probe.question for probe in probes}
    judged = [p.completion for p in pairs if p.split == HELD_OUT or p.question in probed]
    questions = [*(pair.question for pair in pairs), *(fact.question for fact in facts)]
    return Unseen(questions, [*judged, *(fact.text for fact in facts)])
