"""The trainer: TRL's, with the head on reply tokens only, checked masks, whole checkpoints.

Imports torch; only `tuning.train`, a process of its own, imports this.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch.nn import functional
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from trl.trainer.sft_trainer import SFTTrainer

from server.errors import Invalid
from tuning.child import tell, write_json
from tuning.rows import IGNORED, Encoded

WHOLE = "whole.json"
# oneDNN makes and keeps a kernel for every new shape: with rows of any length a run of 84 rows grew
# to 3.3 GB, with lengths rounded up to these a pass over them stayed below 2.0 GB.
ROW_TOKENS = 64
_HEAD_ROWS = 32


class ReplyTrainer(SFTTrainer):
    """SFTTrainer that projects reply positions only.

    The same loss and gradients to the last rounding: prompt positions carry no loss, so the head
    over the whole vocabulary is spared on them. Measured on 320-token rows, a quarter of them
    reply: 360 against 230 tokens a second, 3.2 against 4.0 GB at four rows a time.
    """

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        plain = model.get_base_model() if hasattr(model, "get_base_model") else model
        # Rows are padded on the right, where causal attention already keeps the padding from
        # being seen; without a mask the faster kernel runs.
        backbone = getattr(plain, plain.base_model_prefix)
        hidden = backbone(input_ids=inputs["input_ids"], use_cache=False).last_hidden_state[:, :-1]
        wanted = inputs["labels"][:, 1:]
        learnt = wanted != IGNORED
        if not learnt.any() or learnt.all():
            raise Invalid("A batch masks nothing or everything; nothing sound can be learnt.")
        states, labels = _rounded_up(hidden[learnt], wanted[learnt])
        logits = plain.get_output_embeddings()(states).float()
        total = functional.cross_entropy(logits, labels, reduction="sum", ignore_index=IGNORED)
        if not torch.isfinite(total):
            raise Invalid(
                f"Training diverged at step {self.state.global_step + 1}: the loss is no number.",
                hint="Lower the run's learning_rate; nothing was changed.",
            )
        return total / (learnt.sum() if num_items_in_batch is None else num_items_in_batch)


class Keeper(TrainerCallback):
    """Tells progress, makes checkpoints whole, and stops at a step's end when asked to."""

    def __init__(self, job: Path, *, spent: float = 0.0) -> None:
        self._job = job
        self._spent = spent
        self._began = time.monotonic()
        self.cancelled = False
        signal.signal(signal.SIGTERM, self._cancel)

    @property
    def seconds(self) -> float:
        """Seconds of training, those before a restart included."""
        return self._spent + time.monotonic() - self._began

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **_: Any,
    ) -> None:
        if logs and "loss" in logs:
            tell(
                self._job,
                done=state.global_step,
                total=state.max_steps,
                note=f"loss {logs['loss']:.3f}",
                loss=logs["loss"],
                seconds=round(self.seconds, 1),
            )

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        if self.cancelled:
            control.should_save = True
            control.should_training_stop = True

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        folder = Path(str(args.output_dir)) / f"checkpoint-{state.global_step}"
        sync_files(folder)
        write_json(folder / WHOLE, {"step": state.global_step, "seconds": self.seconds})
        sync(folder)

    def _cancel(self, _number: int, _frame: FrameType | None) -> None:
        self.cancelled = True


def _rounded_up(states: Any, labels: Any) -> tuple[Any, Any]:
    """Pad reply positions to a multiple of 32 with positions that carry no loss."""
    missing = -len(labels) % _HEAD_ROWS
    return (
        functional.pad(states, (0, 0, 0, missing)),
        functional.pad(labels, (0, missing), value=IGNORED),
    )


def newest_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint that was written to its end; None if there is none."""
    whole = [path.parent for path in folder.glob(f"checkpoint-*/{WHOLE}")]
    return max(whole, key=lambda path: int(path.name.rpartition("-")[2]), default=None)


def check_masks(trainer: Any, rows: Sequence[Encoded], size: int) -> float:
    """Compare what the batches mask with what the prompts are; return the share that is masked.

    Before step 1, over every batch as the trainer's own collator makes it: a mask that is off
    teaches the model to write questions, or nothing at all (TRL #4879, axolotl #3098).
    """
    dataset = trainer.train_dataset
    if len(dataset) != len(rows):
        raise Invalid(f"{len(rows)} rows were given, the trainer kept {len(dataset)}.")
    masked = tokens = 0
    for first in range(0, len(rows), size):
        chosen = rows[first : first + size]
        batch = trainer.data_collator([dataset[first + n] for n in range(len(chosen))])
        padded = int((batch["attention_mask"] == 0).sum())
        hidden = int((batch["labels"] == IGNORED).sum()) - padded
        expected = sum(row.prompt_tokens for row in chosen)
        whole = sum(len(row.ids) for row in chosen)
        if hidden != expected or not 0 < hidden < whole:
            raise Invalid(
                f"A batch masks {hidden} of {whole} tokens where the prompts have {expected}.",
                hint="This is a fault in the program; nothing was trained. Please report it.",
            )
        masked += hidden
        tokens += whole
    return masked / tokens


def sync_files(folder: Path) -> None:
    """Have the disk confirm every file of a folder."""
    for path in folder.rglob("*"):
        if path.is_file():
            sync(path)


def sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
