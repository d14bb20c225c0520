"""One side of the training benchmark: `python -m tuning.bench.child SIDE JOB`, one process each.

"plain": TRL's SFTTrainer as a user sets it up, its own defaults for all that is not named.
"stored": the same without gradient checkpointing, TRL's faster setting where memory allows it.
"ours": the trainer of a tuning run. Writes SIDE.json into the job folder, last of all.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset  # type: ignore[import-untyped]
from transformers import (
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
    set_seed,
)
from trl.trainer.sft_config import SFTConfig
from trl.trainer.sft_trainer import SFTTrainer

from server.errors import Unavailable
from tuning.child import begin, guarded, peak_mb, write_json
from tuning.data.rows import encode, read_rows
from tuning.training.job import Job
from tuning.training.model import base_model, base_tokenizer, chosen_dtype, device_type, lora
from tuning.training.stopping import nats_a_token
from tuning.training.train import quiet, sft_trainer

HELD_OUT_FILE = "held_out.jsonl"


class Clock(TrainerCallback):
    """When each step ended."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        self.ends.append(time.perf_counter())


def measure(side: str, job: Job) -> None:
    """Train one side and write its figures; the first step is left out of the times."""
    torch.set_num_threads(job.config.threads or torch.get_num_threads())
    set_seed(job.config.seed)
    clock = Clock()
    trainer = _SIDES[side](job, clock)
    trained = trainer.train()
    seconds = clock.ends[-1] - clock.ends[0]
    peak = peak_mb()
    rows = _encoded(job, "rows.jsonl")
    steps = len(clock.ends) - 1
    tokens = sum(len(row.ids) for row in rows) / len(rows) * job.config.batch
    held_out = _encoded(job, HELD_OUT_FILE)
    # In fp32 on all sides: the figure must not hang on how a side rounds.
    model = trainer.model.float()
    after = nats_a_token(model, held_out)
    with model.disable_adapter():
        before = nats_a_token(model, held_out)
    write_json(
        job.folder / f"{side}.json",
        {
            "examples_per_second": round(job.config.batch * steps / seconds, 4),
            "tokens_per_second": round(tokens * steps / seconds, 1),
            "peak_mb": peak,
            "nll_before": round(before, 5),
            "nll_after": round(after, 5),
            "train_loss": round(float(trained.training_loss), 5),
            "steps": steps + 1,
            "seconds": round(seconds, 2),
        },
    )


def _plain(job: Job, clock: Clock, **changes: Any) -> Any:
    config = job.config
    rows = [
        {"prompt": r.prompt, "completion": [{"role": "assistant", "content": r.completion}]}
        for r in read_rows(job.folder / "rows.jsonl")
    ]
    return SFTTrainer(
        model=base_model(job),
        args=SFTConfig(
            output_dir=str(job.folder / "plain"),
            num_train_epochs=config.epochs_for(len(rows)),
            per_device_train_batch_size=config.batch,
            learning_rate=config.learning_rate,
            lr_scheduler_type="cosine",
            warmup_steps=config.warmup,
            seed=config.seed,
            data_seed=config.seed,
            max_length=config.max_length,
            bf16=chosen_dtype(config.dtype) == "bf16",
            use_cpu=device_type() == "cpu",
            dataloader_pin_memory=device_type() != "cpu",
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            **changes,
        ),
        train_dataset=Dataset.from_list(rows),
        processing_class=base_tokenizer(job),
        peft_config=lora(config),
        callbacks=[clock],
    )


def _stored(job: Job, clock: Clock) -> Any:
    return _plain(job, clock, gradient_checkpointing=False)


def _ours(job: Job, clock: Clock) -> Any:
    return sft_trainer(job, _encoded(job, "rows.jsonl"), [clock])


def _encoded(job: Job, name: str) -> list[Any]:
    tokenizer = job.tokenizer
    return [encode(tokenizer, r.prompt, r.completion) for r in read_rows(job.folder / name)]


_SIDES: dict[str, Callable[[Job, Clock], Any]] = {
    "plain": _plain,
    "stored": _stored,
    "ours": _ours,
}


def main(arguments: Sequence[str]) -> int:
    quiet()
    side, folder = begin(arguments)
    if side not in _SIDES:
        raise Unavailable(f"There is no side {side!r}.")
    return guarded(lambda: measure(side, Job.read(Path(folder))))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
