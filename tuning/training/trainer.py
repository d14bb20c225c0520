"""The trainer: TRL's, with a faster way to the same loss and gradients, and checked masks.

Imports torch; only the training process imports this.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn import functional
from trl.trainer.sft_trainer import SFTTrainer

from server.errors import Invalid
from tuning.data.rows import IGNORED, Encoded
from tuning.training import ranks
from tuning.training.fast import FastPath, work_dtype
from tuning.training.packing import rows_of

# oneDNN makes and keeps a kernel for every new shape: with rows of any length a run of 84 rows grew
# to 3.3 GB, with lengths rounded up to these a pass over them stayed below 2.0 GB.
ROW_TOKENS = 64
_HEAD_ROWS = 32


class ReplyTrainer(SFTTrainer):
    """SFTTrainer with the same loss and gradients, up to rounding, for less work.

    A LoRA model of a known family goes the fast way, the whole batch in one call and
    `rows_at_once` rows at a time inside it; any other goes through transformers, with the head
    on reply positions only.
    """

    def __init__(self, *args: Any, rows_at_once: int = 0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._rows_at_once = rows_at_once
        self._fast: FastPath | None = None

    def training_step(
        self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None
    ) -> Any:
        if not self._rows_at_once:
            return super().training_step(  # type: ignore[no-untyped-call]
                model, inputs, num_items_in_batch
            )
        if self._fast is None:
            # Not sooner: by now the model is where it is trained and holds a checkpoint's factors.
            plain = self.accelerator.unwrap_model(model)
            work = work_dtype(plain)
            self._fast = FastPath(plain, rows_at_once=self._rows_at_once, work=work)
        rows = list(rows_of(inputs["input_ids"].tolist(), inputs["labels"].tolist()))
        learnt = sum(len(row.ids) - row.prompt_tokens for row in rows)
        divisor = float(learnt if num_items_in_batch is None else num_items_in_batch)
        loss = torch.tensor(self._fast.learn(rows, divisor), device=self.args.device)
        ranks.sum_gradients(p for p in model.parameters() if p.requires_grad)
        # The trainer logs the mean over all processes of what is each one's part of a sum.
        loss *= ranks.count()
        return check_finite(loss, self.state.global_step)

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
        check_finite(total, self.state.global_step)
        return total / (learnt.sum() if num_items_in_batch is None else num_items_in_batch)


def check_finite(loss: Any, step: int) -> Any:
    """The loss of the step after `step`; Invalid if it is no number."""
    if not torch.isfinite(loss):
        raise Invalid(
            f"Training diverged at step {step + 1}: the loss is no number.",
            hint="Lower the run's learning_rate; nothing was changed.",
        )
    return loss


def _rounded_up(states: Any, labels: Any) -> tuple[Any, Any]:
    """Pad reply positions to a multiple of 32 with positions that carry no loss."""
    missing = -len(labels) % _HEAD_ROWS
    return (
        functional.pad(states, (0, 0, 0, missing)),
        functional.pad(labels, (0, missing), value=IGNORED),
    )


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
