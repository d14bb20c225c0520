"""Rows from the owner's own content, which nobody has to label: they teach to answer from facts.

The question is a heading, an FAQ's question among them; the facts are what serving finds for it;
the reply is the one or two sentences of its own section that serving ranks highest, in reading
order. None declines: with refusals among the rows, the default model refused 40 of 48 questions
that it could answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from server.answering.answer import persona_of
from server.answering.evidence import Evidence
from server.answering.grounding import Ground, Support
from server.answering.words import is_pointer
from server.prompt import build_messages
from server.store.assistants import Assistant
from server.store.database import new_id
from server.store.knowledge import Passage
from server.store.pairs import GROUNDING, Pair
from tuning.data.candidates import source_hash
from tuning.data.clean import cleaned
from tuning.data.context import sentences_of
from tuning.data.duplicates import Embed, same_questions
from tuning.data.rows import row_hash
from tuning.data.split import TRAIN
from tuning.data.unseen import Unseen
from tuning.evaluation.questions import FactQuestion, asking_headings, in_order

FindEvidence = Callable[[str], Evidence]

_SENTENCES = 2
_LEAST_WORDS, _MOST_WORDS = 5, 50
_ENDS = (".", "!", "?", "…", "。", "！", "？")
_QUOTES = "\"'”’)] "


def answerable(passages: Sequence[Passage]) -> list[FactQuestion]:
    """Headings below which a sentence stands that could answer them."""
    fit = {passage.id for passage in passages if any(map(_is_plain, _sentences(passage)))}
    return [found for found in asking_headings(passages) if found.passages & fit]


class Grounder:
    """Makes the rows of a run. `find_evidence` finds what serving would; `embed` gives the unit
    vectors by which questions of one meaning are told."""

    def __init__(
        self, assistant: Assistant, run_id: str, find_evidence: FindEvidence, embed: Embed
    ) -> None:
        self._assistant = assistant
        self._run_id = run_id
        self._find_evidence = find_evidence
        self._embed = embed

    def rows(
        self, passages: Sequence[Passage], unseen: Unseen, *, most: int, seed: int
    ) -> list[Pair]:
        """Up to so many rows in the order of a seeded hash; none repeats another, or gives away
        what is unseen. What is made is added to that."""
        kept: list[Pair] = []
        for section in in_order(self._apart(answerable(passages), unseen), seed):
            if len(kept) == most:
                break
            row = None if unseen.has_asked(section.question) else self._row(section)
            if row is not None and not unseen.tells(row.completion):
                kept.append(row)
                unseen.add_question(row.question)
                unseen.add_text(row.completion)
        return kept

    def _apart(self, found: Sequence[FactQuestion], unseen: Unseen) -> list[FactQuestion]:
        """Those that mean none of the unseen questions, though few words may say so."""
        asked = [*unseen.questions, *(section.question for section in found)]
        first = len(unseen.questions)
        links = same_questions(asked, self._embed(asked)) if asked else []
        meant = {other - first for one, other in links if one < first <= other}
        return [section for n, section in enumerate(found) if n not in meant]

    def _row(self, section: FactQuestion) -> Pair | None:
        """The row of a section; None where nothing of it is fit to be said, or to be found."""
        evidence = self._find_evidence(section.question)
        own = [s for s in evidence.sentences if s.passage.id in section.passages][:_SENTENCES]
        best = [s for s in own if _is_plain(s.text)]
        # Where the very best is a list or a pointer, what comes after it is no answer.
        if not best or best[0] is not own[0]:
            return None
        reply = " ".join(s.text for s in sorted(best, key=lambda s: (s.passage.seq, s.start)))
        if not _stands(reply, evidence):
            return None
        return self._pair(section.question, evidence.facts, reply, best[0].passage.id)

    def _pair(self, question: str, facts: Sequence[str], reply: str, passage_id: str) -> Pair:
        built = build_messages(persona_of(self._assistant), question, facts)
        prompt = [{"role": m["role"], "content": m["content"]} for m in built]
        return Pair(
            id=new_id("par"),
            assistant_id=self._assistant.id,
            run_id=self._run_id,
            origin=GROUNDING,
            origin_id=passage_id,
            group_id=passage_id,
            split=TRAIN,
            question=question,
            prompt=prompt,
            completion=reply,
            hash=row_hash(prompt, reply),
            source_hash=source_hash(reply),
        )


def _stands(reply: str, evidence: Evidence) -> bool:
    """Whether the check of serving lets all of a reply pass, as it would a model's words."""
    ground = Ground.of(evidence.facts, question=evidence.question)
    return all(ground.check(s) is Support.SUPPORTED for s in sentences_of(reply))


def _sentences(passage: Passage) -> list[str]:
    return [" ".join(passage.text[start:end].split()) for start, end in passage.sentences]


def _is_plain(text: str) -> bool:
    """Whether it is a whole sentence that says something by itself, and nothing hidden."""
    words = len(text.split())
    whole = text.rstrip(_QUOTES).endswith(_ENDS)
    fit = whole and _LEAST_WORDS <= words <= _MOST_WORDS and not is_pointer(text)
    return fit and cleaned(text) == text
