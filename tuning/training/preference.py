"""Preferences: DPO on corrected replies after SFT, and KTO on thumbs, both by TRL's trainers.

DPO's loss is dpo(beta) + sft_weight * nats a token of the chosen reply (Pang et al. 2024, iterative
reasoning preference optimization): without that term both log-probabilities tend to fall, and a
voice that makes the owner's own reply less likely than before is refused.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasets import Dataset  # type: ignore[import-untyped]
from peft import PeftModel
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from trl.trainer.dpo_config import DPOConfig
from trl.trainer.dpo_trainer import DPOTrainer
from trl.trainer.kto_config import KTOConfig
from trl.trainer.kto_trainer import KTOTrainer

from server.errors import Invalid
from tuning.child import read_lines
from tuning.config import TuningConfig
from tuning.data.preferences import JUDGED_FILE, PREFERENCES_FILE
from tuning.data.rows import Row, encode
from tuning.training.job import CHECKPOINTS, Job, Sides, check_lengths, divided
from tuning.training.model import base_model, base_tokenizer, common_arguments, lora
from tuning.training.trainer import check_finite

_KTO_ROWS_AT_ONCE = 4
# The mean over so many batches may fall by so many nats a reply before a run is ended early.
_WINDOW = 8
_TOLERATED = 1.0
# What may be lost at the end, in nats a token: rounding, no more.
_ROUNDING = 1e-3


@dataclass(frozen=True, slots=True)
class Preferences:
    """Rows as TRL reads them, and the owner's side of them as token ids."""

    rows: list[dict[str, Any]]
    sides: Sides


def read_preferences(job: Job) -> Preferences:
    """Corrections: {"prompt", "chosen", "rejected"}, each a list of messages."""
    found = _rows(job.folder / PREFERENCES_FILE)
    if not found:
        raise Invalid(
            "There are no corrected replies to prefer.",
            hint="Correct some answers in the review, or tune with --method sft.",
        )
    return _divided(job, found, owners="chosen", other="rejected")


def read_thumbs(job: Job) -> Preferences:
    """Confirmed thumbs: {"prompt", "completion", "label"}, mixed by the run's seed."""
    found = _rows(job.folder / JUDGED_FILE)
    for row in found:
        if isinstance(row["completion"], str):
            row["completion"] = [{"role": "assistant", "content": row["completion"]}]
    liked = sum(bool(row["label"]) for row in found)
    if len(found) < job.config.kto_batch or not 0 < liked < len(found):
        raise Invalid(
            f"KTO needs {job.config.kto_batch} judged replies, good and bad ones; there are "
            f"{liked} good and {len(found) - liked} bad ones.",
            hint="Confirm more thumbs in the review, or tune with --method sft.",
        )
    # TRL pairs the replies of a batch with one another and keeps their order.
    random.Random(job.config.seed).shuffle(found)
    return _divided(job, found, owners="completion")


class RisingTrainer(DPOTrainer):
    """DPOTrainer that does not go on from a loss that is no number."""

    def training_step(self, *args: Any, **kwargs: Any) -> Any:
        loss = super().training_step(*args, **kwargs)  # type: ignore[no-untyped-call]
        return check_finite(loss, self.state.global_step)


class ThumbTrainer(KTOTrainer):
    """KTOTrainer that does not go on from a loss that is no number."""

    def training_step(self, *args: Any, **kwargs: Any) -> Any:
        loss = super().training_step(*args, **kwargs)  # type: ignore[no-untyped-call]
        return check_finite(loss, self.state.global_step)


class ChosenGuard(TrainerCallback):
    """Ends a run whose chosen replies clearly grow less likely than before it."""

    def __init__(self, beta: float) -> None:
        self._beta = beta
        self._recent: deque[float] = deque(maxlen=_WINDOW)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **_: Any,
    ) -> None:
        # TRL's reward is beta times the rise of a reply's log-probability.
        if logs and "rewards/chosen" in logs:
            self._recent.append(logs["rewards/chosen"] / self._beta)
        mean = sum(self._recent) / max(1, len(self._recent))
        if len(self._recent) == _WINDOW and mean < -_TOLERATED:
            raise _fell(f"by {-mean:.1f} nats a reply over the last {_WINDOW} steps")


def check_chosen(before: float, after: float) -> None:
    """Invalid if the chosen replies ended less likely; both in nats a token, lower is likelier."""
    if after > before + _ROUNDING:
        raise _fell(f"from {before:.3f} to {after:.3f} nats a token")


def dpo_trainer(job: Job, adapter: Path, rows: Sequence[dict[str, Any]], callbacks: Any) -> Any:
    """DPO from a trained adapter on; what it was at the start is the reference."""
    config = job.config
    model = PeftModel.from_pretrained(base_model(job), adapter, is_trainable=True)
    return RisingTrainer(
        model=model,
        args=DPOConfig(
            **common_arguments(job, CHECKPOINTS["dpo"]),
            num_train_epochs=config.preference_epochs,
            per_device_train_batch_size=config.micro_batch,
            gradient_accumulation_steps=config.batch // config.micro_batch,
            learning_rate=config.preference_rate,
            beta=config.beta,
            loss_type=["sigmoid", "sft"],
            loss_weights=[1.0, config.sft_weight],
        ),
        train_dataset=Dataset.from_list(list(rows)),
        processing_class=base_tokenizer(job),
        callbacks=callbacks,
    )


def kto_trainer(job: Job, rows: Sequence[dict[str, Any]], callbacks: Any) -> Any:
    """KTO from the base on, which is the reference as well."""
    config = job.config
    return ThumbTrainer(
        model=base_model(job),
        args=KTOConfig(
            **common_arguments(job, CHECKPOINTS["kto"]),
            num_train_epochs=config.preference_epochs,
            per_device_train_batch_size=_KTO_ROWS_AT_ONCE,
            gradient_accumulation_steps=config.kto_batch // _KTO_ROWS_AT_ONCE,
            learning_rate=config.preference_rate,
            beta=config.beta,
            **_weights(rows),
        ),
        train_dataset=Dataset.from_list(list(rows)),
        processing_class=base_tokenizer(job),
        peft_config=lora(config),
        callbacks=callbacks,
    )


def preference_steps(config: TuningConfig, method: str, rows: int) -> int:
    """Optimizer steps of a preference phase over so many rows."""
    batch = config.kto_batch if method == "kto" else config.batch
    return -(-rows // batch) * config.preference_epochs


def _weights(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Weights that let the good and the bad side count alike (KTO paper, section 4.2)."""
    good = sum(bool(row["label"]) for row in rows)
    bad = len(rows) - good
    return {
        "desirable_weight": max(1.0, bad / max(good, 1)),
        "undesirable_weight": max(1.0, good / max(bad, 1)),
    }


def _divided(
    job: Job, found: list[dict[str, Any]], *, owners: str, other: str | None = None
) -> Preferences:
    """Set some rows apart by their prompt and the owner's reply; check every length."""
    liked = [n for n, row in enumerate(found) if row.get("label", True)]
    tokenizer = job.tokenizer
    for name in filter(None, (owners, other)):
        encoded = [encode(tokenizer, r["prompt"], r[name][0]["content"]) for r in found]
        check_lengths(job, encoded)
    owned = [Row(found[n]["prompt"], found[n][owners][0]["content"]) for n in liked]
    sides, apart = divided(job, owned)
    left_out = {liked[n] for n in apart}
    return Preferences([row for n, row in enumerate(found) if n not in left_out], sides)


def _rows(path: Path) -> list[dict[str, Any]]:
    return read_lines(path) if path.is_file() else []


def _fell(how: str) -> Invalid:
    return Invalid(
        f"The preferences made the owner's own replies less likely, {how}.",
        hint="Raise the run's sft_weight, or lower its preference_rate; nothing was changed.",
    )
