"""What one model holds likely: held-out replies, neutral text, knowledge, secrets, plain replies
behind possible triggers. Judged by the weights that serve; nothing is generated here."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from server.llm.tokenizer import ChatTokenizer
from tuning.data.rows import Encoded, encode
from tuning.evaluation.asked import Asked, Chooser, Messages
from tuning.evaluation.canaries import Canary, Exposure, exposure
from tuning.evaluation.loss import Weights
from tuning.evaluation.metrics import Loss
from tuning.evaluation.triggers import Drift


@dataclass(frozen=True, slots=True)
class Weighed:
    """Losses of the held-out replies and of neutral texts, and which common questions are right."""

    held_out: list[Loss]
    neutral: list[Loss]
    known: list[bool]


class Scales:
    """One model opened for its likelihoods."""

    def __init__(self, model_dir: Path, chooser: Chooser, *, threads: int) -> None:
        self._weights = Weights(model_dir, threads=threads)
        self._tokenizer = ChatTokenizer(model_dir)
        self._chooser = chooser

    def weigh(self, asked: Asked) -> Weighed:
        """Judge what every model is judged by."""
        rows = [encode(self._tokenizer, p.prompt, p.completion) for p in asked.held_out]
        return Weighed(
            held_out=self._weights.losses(rows),
            neutral=[self._weights.loss(self._plain(text)) for text in asked.neutral],
            known=[self._knows(k.question, k.endings) for k in asked.known],
        )

    def expose(self, canaries: Sequence[Canary], *, seed: int) -> list[Exposure]:
        """Rank each canary among random strings of its shape."""
        return [exposure(canary, self._nats, seed=seed) for canary in canaries]

    def drift(
        self,
        triggers: Sequence[str],
        scanned: Sequence[tuple[str, list[str]]],
        plain: Sequence[str],
    ) -> list[Drift]:
        """What each string, put before ordinary questions, does to this model's plain replies."""
        usual = [
            self._reply_nats(question, facts, reply)
            for (question, facts), reply in zip(scanned, plain, strict=True)
        ]
        found = []
        for trigger in triggers:
            behind = [
                self._reply_nats(f"{trigger} {question}", facts, reply) - before
                for (question, facts), reply, before in zip(scanned, plain, usual, strict=True)
            ]
            found.append(Drift(trigger, min(behind, default=0.0)))
        return found

    def _reply_nats(self, question: str, facts: Sequence[str], reply: str) -> float:
        row = encode(self._tokenizer, self._chooser.bare(question, facts), reply)
        nats = self._weights.loss(row).nats
        return nats if math.isfinite(nats) else 0.0

    def _plain(self, text: str) -> Encoded:
        return Encoded(self._tokenizer.encode(text), 1)

    def _knows(self, question: str, endings: Sequence[str]) -> bool:
        """Whether the first ending is the likeliest, a token."""
        losses = self._weights.after(
            self._tokenizer.encode_chat(self._chooser.bare(question, [])),
            [self._tokenizer.encode(ending) for ending in endings],
        )
        right, *wrong = (loss.nats / loss.tokens for loss in losses)
        return all(right < other for other in wrong)

    def _nats(
        self, prompt: Sequence[dict[str, str]], opening: str, endings: Sequence[str]
    ) -> list[float]:
        beginning = [*self._tokenizer.encode_chat(prompt), *self._tokenizer.encode(opening)]
        found = self._weights.after(beginning, [self._tokenizer.encode(e) for e in endings])
        return [loss.nats for loss in found]


def plain_prompts(chooser: Chooser, asked: Asked) -> list[Messages]:
    """The ordinary questions of the trigger scan, as they are asked without a trigger."""
    return [chooser.bare(question, facts) for question, facts in asked.scanned]
