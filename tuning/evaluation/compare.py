"""From what two models said and hold likely to the lines of the scorecard. Pure.

`before` is what is active now: the base model, or the adapter that was promoted last. `base` is
always the base model: what training may cost in facts, knowledge and language is held against it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median
from typing import TypeVar

from server.answering.language import language_of
from server.answering.phrases import base as base_language
from server.store.assistants import AssistantSettings
from tuning.evaluation.answers import Answered, is_right
from tuning.evaluation.asked import Asked
from tuning.evaluation.copying import copies, runs, twins
from tuning.evaluation.gate import Gate
from tuning.evaluation.leaks import CHANGED, follows, leaks
from tuning.evaluation.listening import Spoken
from tuning.evaluation.metrics import StyleScorer
from tuning.evaluation.rules import rules_of
from tuning.evaluation.scorecard import Line, means, shares
from tuning.evaluation.weighing import Weighed

Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Judged:
    """One model with all that is known of it; `manner`: the words it may say without evidence."""

    spoken: Spoken
    weighed: Weighed
    manner: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A candidate beside what is active and beside the base."""

    asked: Asked
    base: Judged
    before: Judged
    after: Judged
    settings: AssistantSettings
    gate: Gate
    seed: int

    def lines(self) -> list[Line]:
        """The scorecard: voice, truth, refusing, memory, form."""
        return [
            *self._voice(),
            *self._truth(),
            *self._refusing(),
            *self._memory(),
            *self._form(),
        ]

    def _voice(self) -> list[Line]:
        if not self.asked.has_voice:
            return []
        seed = self.seed
        tokens = [loss.tokens for loss in self.before.weighed.held_out]
        nats = [[loss.nats for loss in j.weighed.held_out] for j in (self.before, self.after)]
        title = "Surprise at your own replies that were kept aside (nats a token)"
        nll = means("nll", title, *nats, seed=seed, better="less", margin=0.0, weights=tokens)
        texts = self.answered_alike()
        scores = [self.scorer.scores(own) if own else [] for own in texts]
        title = "Likeness to your voice, from 0 to 1"
        style = means("style", title, *scores, seed=seed, margin=0.0)
        return [nll, style, *self._rules(texts)]

    def _rules(self, texts: Sequence[Sequence[str]]) -> list[Line]:
        found = []
        for rule in rules_of([p.completion for p in self.asked.train], self.settings):
            kept = [[rule.keeps(text) for text in own] for own in texts]
            title = f"An answer {rule.title} ({rule.owner:.0%} of your replies)"
            found.append(shares(f"rule_{rule.name}", title, *kept))
        return found

    def _truth(self) -> list[Line]:
        gate, seed = self.gate, self.seed
        right = [
            [
                is_right(q, a, manner=j.manner)
                for q, a in zip(self.asked.facts, j.spoken.facts, strict=True)
            ]
            for j in (self.before, self.after)
        ]
        carried = [[a.carried(j.manner) for a in own] for j, own in self._drafted()]
        invents = [[a.invents for a in own] for _, own in self._drafted()]
        marks = [[a.made_up_marks > 0 for a in own] for _, own in self._drafted()]
        own_words = [[a.outcome.reply.own_words for a in own] for _, own in self._drafted()]
        return [
            shares("facts", "Facts right, of questions from your sources", *right,
                   margin=gate.facts_margin, hard=True),
            means("grounded", "Of what a draft states, the share that your sources hold", *carried,
                  seed=seed, margin=gate.grounded_margin, hard=True, share=True),
            shares("invented", "Drafts with a number that no source holds", *invents,
                   better="less", margin=gate.invented_margin, hard=True),
            shares("marks", "Drafts that make up a citation", *marks,
                   better="less", margin=gate.marks_margin, hard=True),
            shares("own_words", "Answers in own words that stood the check", *own_words),
        ]  # fmt: skip

    def _refusing(self) -> list[Line]:
        own, margin = self.settings.refusal, self.gate.refusal_margin
        declines = [[a.declines(own) for a in some] for _, some in self._drafted()]
        missing = [
            [a.is_refused or a.declines(own) for a in j.spoken.gone]
            for j in (self.before, self.after)
        ]
        same = [twins([a.draft for a in some], j.manner) for j, some in self._drafted()]
        return [
            shares("over_refused", "Answerable questions that the model refuses", *declines,
                   better="less", margin=margin, hard=True),
            shares("missing", "Refused, of questions whose section was taken away", *missing,
                   margin=margin, hard=True),
            shares("same", "Drafts that say the same to another question", *same,
                   better="less", margin=self.gate.same_margin, hard=True),
        ]  # fmt: skip

    def _memory(self) -> list[Line]:
        gate, seed = self.gate, self.seed
        told = [
            [
                leaks(p, d, manner=self.after.manner)
                for p, d in zip(self.asked.leaks, j.spoken.leaks, strict=True)
            ]
            for j in (self.base, self.after)
        ]
        trained = [p.trained for p in self.asked.leaks]
        changed = [p.kind == CHANGED for p in self.asked.leaks]
        followed = [
            [follows(p, d) for p, d in zip(self.asked.leaks, j.spoken.leaks, strict=True)]
            for j in (self.base, self.after)
        ]
        tokens = [loss.tokens for loss in self.base.weighed.neutral]
        neutral = [[loss.nats for loss in j.weighed.neutral] for j in (self.base, self.after)]
        learnt = runs([p.completion for p in self.asked.train])
        copied = [
            [copies(a.draft, a.given, learnt, self.after.manner) for a in own]
            for _, own in self._drafted()
        ]
        untrained = [not flag for flag in trained]
        return [
            shares("leak", "Facts told from memory, all probes, against the base model", *told,
                   better="less", margin=gate.leak_margin, hard=True),
            shares("leak_trained", "Facts told from memory, of replies that were trained on",
                   *_only(told, trained), better="less", margin=gate.leak_margin),
            shares("leak_held_out", "Facts told from memory, of replies that were kept aside",
                   *_only(told, untrained), better="less", margin=gate.leak_margin),
            shares("follows", "A changed fact is told as changed", *_only(followed, changed)),
            means("neutral", "Surprise at neutral text, against the base model (nats a token)",
                  *neutral, seed=seed, better="less", margin=gate.neutral_margin, hard=True,
                  weights=tokens),
            shares("known", "Common knowledge and simple instructions, against the base model",
                   self.base.weighed.known, self.after.weighed.known,
                   margin=gate.known_margin, hard=True),
            shares("copied", "Drafts that recite a training reply", *copied, better="less"),
        ]  # fmt: skip

    def _form(self) -> list[Line]:
        wanted = base_language(self.settings.language)
        kept = [
            [base_language(language_of(a.draft) or wanted) == wanted for a in own]
            for _, own in self._drafted()
        ]
        speed = [j.spoken.speed for j in (self.before, self.after)]
        slack = 0.15 * median(speed[0]) if speed[0] else 0.0
        words = [[float(len(t.split())) for t in own] for own in self.answered_alike()]
        return [
            shares("language", "Drafts in the language of your sources", *kept,
                   margin=self.gate.language_margin, hard=True),
            means("words", "Words in an answer", *words, seed=self.seed, better="none"),
            means("speed", "Tokens a second, one visitor alone", *speed, seed=self.seed,
                  margin=slack),
        ]  # fmt: skip

    @cached_property
    def scorer(self) -> StyleScorer:
        """Told apart by it: the owner's replies and the base's answers to the same questions."""
        owner = [p.completion for p in self.asked.style]
        return StyleScorer(owner, [a.text for a in self.base.spoken.style], seed=self.seed)

    def answered_alike(self) -> list[list[str]]:
        """What visitors would see for held-out questions that both answer; without replies of the
        owner, for those from the content."""
        voiced = self.asked.has_voice
        return self._both(
            lambda j: j.spoken.held_out if voiced else j.spoken.facts,
            lambda a: a.is_answer,
            lambda a: a.text,
        )

    def _drafted(self) -> list[tuple[Judged, list[Answered]]]:
        """The answers for which both models were asked, by model."""
        own = self._both(
            lambda j: j.spoken.answerable, lambda a: bool(a.outcome.messages), lambda a: a
        )
        return list(zip((self.before, self.after), own, strict=True))

    def _both(
        self,
        some: Callable[[Judged], Sequence[Answered]],
        wanted: Callable[[Answered], bool],
        made: Callable[[Answered], Made],
    ) -> list[list[Made]]:
        pairs = zip(some(self.before), some(self.after), strict=True)
        kept = [(made(b), made(a)) for b, a in pairs if wanted(b) and wanted(a)]
        return [[b for b, _ in kept], [a for _, a in kept]]


def _only(flags: Sequence[Sequence[bool]], wanted: Sequence[bool]) -> list[list[bool]]:
    return [[f for f, w in zip(own, wanted, strict=True) if w] for own in flags]
