"""The values of one tuning run; they are checked here and copied into the adapter's manifest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from math import floor
from typing import Any

from server.errors import Invalid
from server.store.runs import GROUNDING, VOICE
from tuning.evaluation.gate import Gate

_RANKS = (4, 8, 16, 32, 64)
_LEAST_EPOCHS, _MOST_EPOCHS = 2, 6
# What a value has to be, by the type of its default.
_TYPES: dict[type, tuple[tuple[type, ...], str]] = {
    str: ((str,), "a word"),
    int: ((int,), "a whole number"),
    float: ((int, float), "a number"),
}
_DTYPES = ("auto", "fp32", "bf16")
_METHODS = ("sft", "sft+dpo", "kto")
# KTO compares a reply with the others of its batch; with fewer its estimate is mostly noise.
_KTO_BATCH = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningConfig:
    """What may be decided about a run; the defaults fit the default model and about 100 pairs.

    `kind`: "voice" learns from people's replies, "grounding" from the owner's content alone.
    `grounding_share`: of a voice run's training rows, how many are made from content.
    `grounding_cap`: the most rows of a grounding run; under `grounding_floor` there is none.

    `batch`: rows a step learns from; they go through the model `micro_batch` at a time.
    `epochs` 0: as many as make about `steps`, so that few pairs are seen more often than many.
    `dtype`: of the frozen base; what is trained is always fp32. `checkpoint_steps`: what a killed
    run can lose. `threads`: 0 is all cores. `on`
    "ray": `workers` processes of a Ray cluster train together.

    `tuned`: "lora" trains an adapter, "full" all weights at `full_learning_rate`. `beta`,
    `sft_weight`: DPO's loss is dpo(beta) + sft_weight * nats a token of the chosen reply.
    `preference_rate`, `preference_epochs`: DPO's and KTO's own. `stop_share` of the rows is set
    apart, from `stop_floor` rows on: `eval_steps` (0: half an epoch) lie between two looks at
    them, and training stops after `patience` looks without gain.
    `gate`: margins of the gate that are not the defaults.

    `visitor_cap`, `visitor_day_cap`, `day_cap`: the most pairs from one visitor, from one on one
    day, from all on one day. `refusal_share`: the most of the pairs that may decline to answer.
    """

    kind: str = VOICE
    grounding_share: float = 0.0
    grounding_cap: int = 260
    grounding_floor: int = 40
    method: str = "sft"
    tuned: str = "lora"
    rank: int = 16
    alpha: int = 32
    dropout: float = 0.0
    learning_rate: float = 5e-4
    full_learning_rate: float = 5e-5
    epochs: int = 0
    steps: int = 40
    batch: int = 4
    micro_batch: int = 1
    warmup: float = 0.1
    weight_decay: float = 0.0
    max_length: int = 1024
    seed: int = 7
    dtype: str = "auto"
    checkpoint_steps: int = 3
    threads: int = 0
    on: str = "here"
    workers: int = 2
    beta: float = 0.1
    sft_weight: float = 1.0
    preference_rate: float = 5e-5
    preference_epochs: int = 2
    kto_batch: int = _KTO_BATCH
    stop_share: float = 0.1
    stop_floor: int = 40
    eval_steps: int = 0
    patience: int = 3
    held_out: float = 0.15
    held_out_floor: int = 8
    pairs_floor: int = 20
    gate: dict[str, Any] = field(default_factory=dict)
    visitor_cap: int = 10
    visitor_day_cap: int = 5
    day_cap: int = 200
    refusal_share: float = 0.1

    def __post_init__(self) -> None:
        for spec in fields(self):
            if type(spec.default) in _TYPES:
                _check_type(spec.name, getattr(self, spec.name), type(spec.default))
        _check(self.kind in (VOICE, GROUNDING), "kind", self.kind, f"{VOICE} or {GROUNDING}")
        share = self.grounding_share
        _check(0 <= share <= 0.5, "grounding_share", share, "0 to 0.5")
        bounded = 4 <= self.grounding_floor <= self.grounding_cap <= 10_000
        _check(bounded, "grounding_floor", self.grounding_floor, "4 up to grounding_cap")
        _check(self.method in _METHODS, "method", self.method, ", ".join(_METHODS))
        taught = self.kind == VOICE or self.method == "sft"
        _check(taught, "method", self.method, "sft: content holds no preferences")
        only_sft = self.tuned == "full" and self.method == "sft"
        _check(
            self.tuned == "lora" or only_sft, "tuned", self.tuned, "lora, or full with method sft"
        )
        _check(self.rank in _RANKS, "rank", self.rank, ", ".join(map(str, _RANKS)))
        _check(1 <= self.alpha <= 256, "alpha", self.alpha, "1 to 256")
        _check(0 <= self.dropout < 0.5, "dropout", self.dropout, "0 up to 0.5")
        _check(0 < self.learning_rate <= 1, "learning_rate", self.learning_rate, "above 0, up to 1")
        _check(0 <= self.epochs <= 50, "epochs", self.epochs, "0 to 50")
        _check(1 <= self.steps <= 100_000, "steps", self.steps, "1 to 100000")
        _check(1 <= self.batch <= 256, "batch", self.batch, "1 to 256")
        fits = self.micro_batch >= 1 and self.batch % max(self.micro_batch, 1) == 0
        _check(fits, "micro_batch", self.micro_batch, "a whole part of batch")
        _check(0 <= self.warmup < 1, "warmup", self.warmup, "0 up to 1")
        _check(0 <= self.weight_decay < 1, "weight_decay", self.weight_decay, "0 up to 1")
        _check(64 <= self.max_length <= 8192, "max_length", self.max_length, "64 to 8192")
        _check(self.seed >= 0, "seed", self.seed, "0 or more")
        _check(self.dtype in _DTYPES, "dtype", self.dtype, ", ".join(_DTYPES))
        _check(self.checkpoint_steps >= 1, "checkpoint_steps", self.checkpoint_steps, "1 or more")
        _check(self.threads >= 0, "threads", self.threads, "0 or more")
        rates = {"full_learning_rate", "preference_rate"}
        for name in sorted(rates):
            _check(0 < getattr(self, name) <= 1, name, getattr(self, name), "above 0, up to 1")
        _check(self.on in ("here", "ray"), "on", self.on, "here or ray")
        shared = self.on == "here" or (self.workers >= 1 and self.batch % self.workers == 0)
        _check(shared, "workers", self.workers, "a number that divides batch")
        _check(0 < self.beta <= 10, "beta", self.beta, "above 0, up to 10")
        _check(0 <= self.sft_weight <= 10, "sft_weight", self.sft_weight, "0 to 10")
        epochs = self.preference_epochs
        _check(1 <= epochs <= 50, "preference_epochs", epochs, "1 to 50")
        fits_kto = _KTO_BATCH <= self.kto_batch <= 256 and self.kto_batch % 4 == 0
        _check(fits_kto, "kto_batch", self.kto_batch, "16 to 256, in fours")
        _check(0 <= self.stop_share <= 0.5, "stop_share", self.stop_share, "0 to 0.5")
        _check(self.stop_floor >= 4, "stop_floor", self.stop_floor, "4 or more")
        _check(self.eval_steps >= 0, "eval_steps", self.eval_steps, "0 or more")
        _check(self.patience >= 1, "patience", self.patience, "1 or more")
        _check(0 < self.held_out <= 0.5, "held_out", self.held_out, "above 0, up to 0.5")
        _check(self.held_out_floor >= 1, "held_out_floor", self.held_out_floor, "1 or more")
        _check(self.pairs_floor >= 2, "pairs_floor", self.pairs_floor, "2 or more")
        Gate.of(self.gate)
        for name in ("visitor_cap", "visitor_day_cap", "day_cap"):
            _check(getattr(self, name) >= 1, name, getattr(self, name), "1 or more")
        _check(0 <= self.refusal_share <= 0.5, "refusal_share", self.refusal_share, "0 to 0.5")

    def epochs_for(self, rows: int) -> int:
        """How often so many rows are gone through."""
        a_pass = max(1, -(-rows // self.batch))
        # One pass over 260 rows of content was enough to ground the default model.
        least = 1 if self.kind == GROUNDING else _LEAST_EPOCHS
        return self.epochs or min(_MOST_EPOCHS, max(least, round(self.steps / a_pass)))

    def grounding_rows_for(self, replies: int) -> int:
        """How many rows from content go beside so many training replies."""
        return floor(self.grounding_share * replies / (1 - self.grounding_share) + 1e-9)

    def eval_every(self, rows: int) -> int:
        """Steps between two looks at the rows set apart."""
        return self.eval_steps or max(1, -(-rows // self.batch) // 2)

    @property
    def rate(self) -> float:
        """The learning rate of the supervised phase."""
        return self.full_learning_rate if self.tuned == "full" else self.learning_rate

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TuningConfig:
        """Read stored values; Invalid for a name this version does not know."""
        known = {spec.name for spec in fields(cls)}
        if unknown := sorted(set(values) - known):
            raise Invalid(
                f"A tuning run has no setting {unknown[0]!r}.",
                hint=f"It has {', '.join(sorted(known))}.",
            )
        return cls(**values)


def _check(right: bool, name: str, value: object, allowed: str) -> None:
    if not right:
        raise Invalid(f"The run's {name} is {value!r}.", hint=f"Use {allowed}.")


def _check_type(name: str, value: object, usual: type) -> None:
    types, told = _TYPES[usual]
    _check(type(value) in types, name, value, told)
