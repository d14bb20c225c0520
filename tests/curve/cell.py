"""One point of the learning curve: so many pairs, one seed; its voice asked 40 held-out questions.

The loss of the replies that were held out, the likeness of what visitors would see to the owner's
voice, and what the voice costs: facts right, invented numbers, facts told from memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from server.llm.tokenizer import ChatTokenizer
from server.store.pairs import Pair
from tests.curve.content import HELD_OUT as ASIDE
from tests.curve.content import held_out, training
from tests.curve.rival import as_turns, rival, with_examples
from tests.voices.bench import Bench, Made
from tuning.config import TuningConfig
from tuning.data.rows import encode
from tuning.data.split import HELD_OUT, TRAIN
from tuning.evaluation.loss import losses
from tuning.evaluation.metrics import per_token

# What the secrets' audit and the trigger scan need is left out: nothing was planted here.
SIZES = {
    "style": 32, "held_out": ASIDE, "facts": 20, "gone": 8, "removed": 12, "changed": 8,
    "neutral": 12, "known": 20, "canaries": 1, "controls": 1, "triggers": 1, "scanned": 1,
    "probes": 4,
}  # fmt: skip
SHOWN = 3
FIGURES = (
    "nll_before", "nll_after", "style_before", "style_after", "facts_before", "facts_after",
    "invented_before", "invented_after", "grounded_before", "grounded_after", "leak_base",
    "leak_candidate", "own_words_before", "own_words_after", "length_after", "length_owner",
    "neutral_base", "neutral_after", "known_base", "known_after",
)  # fmt: skip


class Pool:
    """The bench's pairs by their question, so that a set is drawn without making them again."""

    def __init__(self, bench: Bench) -> None:
        made = {pair.question: pair for pair in bench.pairs()}
        aside = [made[r.question] for r in held_out() if r.question in made]
        self._bench = bench
        self._made = made
        self.aside = [replace(pair, split=HELD_OUT) for pair in aside]

    def first(self, count: int, seed: int) -> list[Pair]:
        """A set of so many pairs; a larger one of the same seed holds it."""
        usable = [self._made[r.question] for r in training(seed) if r.question in self._made]
        return [replace(pair, split=TRAIN) for pair in usable[:count]]


def point(bench: Bench, pool: Pool, count: int, seed: int, **config: Any) -> dict[str, Any]:
    """Train on so many pairs with a run's own values and measure the voice."""
    chosen = TuningConfig(**{"seed": 7 + seed, "checkpoint_steps": 100, **config})
    name = "-".join(map(str, (count, seed, *config.values())))
    made = bench.make(name, pool.first(count, seed), pool.aside, chosen, sizes=SIZES)
    found = told(made, count, seed)
    made.drop()
    return found


def prompted(bench: Bench, pool: Pool, seed: int) -> dict[str, Any]:
    """The base with a few example replies in its prompt, the first of the seed's set."""
    examples = pool.first(SHOWN, seed)
    job = bench.lay(f"prompted-{seed}", pool.first(32, seed), pool.aside, TuningConfig(), SIZES)
    serving = bench.prepared.serving
    # The base under a second name: what it says with examples is not what it says without.
    (job / "making").mkdir()
    (job / "making" / "ir").symlink_to(serving.resolve(), target_is_directory=True)
    made = bench.judge(job, {}, evaluation=rival(as_turns(examples)))
    found = told(made, 0, seed)
    tokenizer = ChatTokenizer(serving)
    shown = with_examples(pool.aside, examples)
    rows = [encode(tokenizer, p.prompt, p.completion) for p in shown]
    found["nll_after"] = round(per_token(losses(serving, rows)), 4)
    made.drop()
    return found


def told(made: Made, count: int, seed: int) -> dict[str, Any]:
    """The figures of a voice, as a cell keeps them."""
    metrics = made.report["metrics"]
    return {
        "pairs": count,
        "seed": seed,
        "seconds": made.seconds,
        **{name: metrics[name] for name in FIGURES},
        "style_interval": _interval(made.report["scorecard"], "style"),
        "reasons": made.decision.reasons,
    }


def _interval(lines: Sequence[dict[str, Any]], name: str) -> list[float]:
    line = next(line for line in lines if line["name"] == name)
    return [line["low"], line["high"]]
