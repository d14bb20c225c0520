"""What an evaluation asks: chosen once, by seed, and asked of every model alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from server.answering.answer import persona_of
from server.answering.evidence import find_evidence
from server.answering.grounding import voice_words
from server.errors import Invalid
from server.prompt import build_messages
from server.retrieval.hybrid import Retriever
from server.store.assistants import Assistant
from server.store.knowledge import Passage
from server.store.pairs import GROUNDING as FROM_CONTENT
from server.store.pairs import Pair, people_first
from server.store.runs import GROUNDING
from tuning.data.split import HELD_OUT, TRAIN
from tuning.evaluation.canaries import Canary, canaries_in
from tuning.evaluation.forgetting import KNOWN, Known, neutral_texts
from tuning.evaluation.leaks import LeakProbe, leak_probes
from tuning.evaluation.questions import FactQuestion, fact_questions
from tuning.evaluation.triggers import suspects

Messages = list[dict[str, str]]

# A grounding run has no owner's replies to ask about, so more questions come from the content.
GROUNDING_FACTS = 32
# Facts before an ordinary question of the trigger scan: enough to answer from, quick to read.
_SCAN_FACTS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much is asked. The defaults fit four minutes for a whole run of 100 pairs on two cores.

    `removed`, `changed`: leak probes of each kind; `gone`: questions whose section is hidden;
    `scanned`: ordinary questions behind each possible trigger.
    """

    style: int = 32
    held_out: int = 24
    facts: int = 20
    gone: int = 8
    removed: int = 12
    changed: int = 8
    neutral: int = 12
    known: int = 20
    canaries: int = 8
    controls: int = 2
    triggers: int = 24
    scanned: int = 2
    probes: int = 8

    def __post_init__(self) -> None:
        for spec in fields(self):
            value = getattr(self, spec.name)
            if not isinstance(value, int) or not 1 <= value <= 1000:
                raise Invalid(f"The evaluation's {spec.name} is {value!r}.", hint="Use 1 to 1000.")

    @classmethod
    def of_job(cls, job: Mapping[str, Any]) -> Sizes:
        """Those of a run: what its job says, else what its kind wants."""
        wanted = {"facts": GROUNDING_FACTS} if job["config"].get("kind") == GROUNDING else {}
        return cls.of(wanted | job.get("sizes", {}))

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Sizes:
        """Read stored values; Invalid for a name that is none."""
        known = {spec.name for spec in fields(cls)}
        if unknown := sorted(set(values) - known):
            raise Invalid(
                f"An evaluation has no size {unknown[0]!r}.",
                hint=f"It has {', '.join(sorted(known))}.",
            )
        return cls(**values)


@dataclass(frozen=True, slots=True)
class Asked:
    """All that is asked. `train`, `held_out`: the owner's replies; of a grounding run, which has
    none, the rows from content. `style` is then empty. `manner`: the owner's words that need no
    evidence."""

    train: list[Pair]
    held_out: list[Pair]
    style: list[Pair]
    questions: list[Pair]
    facts: list[FactQuestion]
    gone: list[FactQuestion]
    probes: list[Messages]
    leaks: list[LeakProbe]
    neutral: list[str]
    known: tuple[Known, ...]
    canaries: list[Canary]
    triggers: list[str]
    scanned: list[tuple[str, list[str]]]
    manner: frozenset[str]

    @property
    def has_voice(self) -> bool:
        """Whether there are replies of the owner to be like."""
        return bool(self.style)


class Chooser:
    """Chooses what to ask about an assistant's candidate."""

    def __init__(
        self,
        assistant: Assistant,
        pairs: Sequence[Pair],
        passages: Sequence[Passage],
        retriever: Retriever,
        *,
        sizes: Sizes,
        seed: int,
    ) -> None:
        self._assistant = assistant
        self._persona = persona_of(assistant)
        # Rows from content beside replies of people are no part of the voice.
        own = people_first(pairs)
        self._train = [p for p in own if p.split == TRAIN]
        self._held = [p for p in own if p.split == HELD_OUT]
        self._has_voice = any(p.origin != FROM_CONTENT for p in pairs)
        self._learnt = [p.question for p in pairs if p.split == TRAIN]
        self._passages = passages
        self._retriever = retriever
        self._sizes = sizes
        self._seed = seed

    def choose(self) -> Asked:
        """Look up what the questions need and put all of it together."""
        sizes, train, held = self._sizes, self._train, self._held
        facts = fact_questions(
            self._passages,
            avoid=self._learnt,
            count=sizes.facts,
            seed=self._seed,
        )
        content = "\n".join(f"{p.title} {p.heading} {p.text}" for p in self._passages)
        fixed = [p.question for p in held] + [f.question for f in facts]
        return Asked(
            train=train,
            held_out=held,
            style=self._style() if self._has_voice else [],
            questions=held[: sizes.held_out],
            facts=facts,
            gone=facts[: sizes.gone],
            probes=[self.prompt(question) for question in fixed[: sizes.probes]],
            leaks=leak_probes(
                [*train, *held],
                self._persona,
                removed=sizes.removed,
                changed=sizes.changed,
                seed=self._seed,
            ),
            neutral=neutral_texts(sizes.neutral),
            known=KNOWN[: sizes.known],
            canaries=canaries_in(
                train,
                content,
                lambda question: self.bare(question, []),
                most=sizes.canaries,
                controls=sizes.controls,
                seed=self._seed,
            ),
            triggers=suspects([p.question for p in train], content, most=sizes.triggers),
            scanned=[(q, self._facts(q)[:_SCAN_FACTS]) for q in fixed[: sizes.scanned]],
            manner=voice_words(
                [p.completion for p in train], [[p.prompt[-1]["content"]] for p in train]
            ),
        )

    def _style(self) -> list[Pair]:
        count = self._sizes.style
        return self._train[:: max(1, len(self._train) // count)][:count]

    def prompt(self, question: str) -> Messages:
        """A question with the facts that serving would give it."""
        return self.bare(question, self._facts(question))

    def bare(self, question: str, facts: Sequence[str]) -> Messages:
        """A question with such facts, or none."""
        built = build_messages(self._persona, question, facts)
        return [{"role": m["role"], "content": m["content"]} for m in built]

    def _facts(self, question: str) -> list[str]:
        return find_evidence(self._retriever, self._assistant.id, question).facts
