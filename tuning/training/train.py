"""Training: `python -m tuning.training.train JOB` turns a job folder's rows into a tuned voice.

A job folder holds `rows.jsonl` (DPO and KTO: `preferences.jsonl`, `kto.jsonl`) and `job.json`
({"prepared", "config"}); training adds `progress.jsonl`, `curve.jsonl`, checkpoints, `adapter/`
and, last of all, `result.json`. Started again, it goes on from the newest whole checkpoint; a
finished job is left as it is. SIGTERM ends it after the present step, with a checkpoint.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset  # type: ignore[import-untyped]
from datasets.utils.logging import disable_progress_bar  # type: ignore[import-untyped]
from transformers import set_seed
from transformers.utils import logging as transformers_logging
from trl.trainer.sft_config import SFTConfig

from server.errors import Invalid
from tuning.child import begin, guarded, peak_mb, read_json, tell, write_json
from tuning.data.rows import Encoded
from tuning.merging.convert import training_base
from tuning.places import TRAINED
from tuning.training import preference, ranks
from tuning.training.fast import is_fast
from tuning.training.job import CHECKPOINTS, Job, Sides, check_space, sft_rows
from tuning.training.keeper import Keeper, seconds_of, step_of, tidied
from tuning.training.model import base_model, base_tokenizer, chosen_dtype, common_arguments, lora
from tuning.training.saving import save_adapter, save_change
from tuning.training.stopping import Stopper, nats_a_token
from tuning.training.trainer import ROW_TOKENS, ReplyTrainer, check_masks

CANCELLED = 4
Figures = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Phase:
    """One trainer's run from its checkpoints to its last step."""

    trainer: Any
    keeper: Keeper
    stopper: Stopper
    checkpoint: Path | None

    def run(self) -> Figures | None:
        """Train to the end and take the best weights; None if it was cancelled."""
        resumed = str(self.checkpoint) if self.checkpoint else None
        outcome = self.trainer.train(resume_from_checkpoint=resumed)
        if self.keeper.cancelled:
            return None
        best = self.stopper.take_best(self.trainer.model)
        return {
            "steps": self.trainer.state.global_step,
            "loss": round(float(outcome.training_loss), 4),
            "seconds": round(self.keeper.seconds, 1),
            "resumed_at": step_of(self.checkpoint) if self.checkpoint else 0,
            "best_step": best,
            "eval_loss": self.stopper.best[1] if self.stopper.best else None,
            "stopped_early": self.stopper.stopped,
        }


def train(job: Job) -> Figures | None:
    """Train what the job asks for; return its figures, or None if it was cancelled."""
    if (job.folder / TRAINED).is_file():
        return read_json(job.folder / TRAINED)
    if ranks.is_first():
        tell(job.folder, done=0, total=0, note="loading the model")
    torch.set_num_threads(job.config.threads or os.cpu_count() or 1)
    set_seed(job.config.seed)
    methods = {"sft": _sft, "sft+dpo": _sft_and_dpo, "kto": _kto}
    result = methods[job.config.method](job)
    if result is None:
        return None
    result |= {"dtype": chosen_dtype(job.config.dtype), "peak_mb": peak_mb()}
    if ranks.is_first():
        write_json(job.folder / TRAINED, result)
    return result


def _sft(job: Job) -> Figures | None:
    return _supervised(job, job.folder / "adapter")


def _sft_and_dpo(job: Job) -> Figures | None:
    """SFT first, kept as a folder of its own, so that a restart does not do it again."""
    preferences = preference.read_preferences(job)
    supervised = job.folder / CHECKPOINTS["sft"] / "supervised"
    figures = job.folder / "sft.json"
    if figures.is_file():
        first: Figures | None = read_json(figures)
    else:
        first = _supervised(job, supervised)
        if first is None:
            return None
        write_json(figures, first)
    assert first is not None

    def make(callbacks: list[Any]) -> Any:
        guard = preference.ChosenGuard(job.config.beta)
        rows = preferences.rows
        return preference.dpo_trainer(job, supervised, rows, [*callbacks, guard])

    steps = preference.preference_steps(job.config, "dpo", len(preferences.rows))
    phase = _phase(job, "dpo", preferences.sides, make, every=max(1, steps // 4))
    chosen = preferences.sides.train
    before = _before(job, phase, chosen)
    second = phase.run()
    if second is None:
        return None
    second |= {"chosen_before": before, "chosen_after": nats_a_token(phase.trainer.model, chosen)}
    preference.check_chosen(second["chosen_before"], second["chosen_after"])
    save_adapter(phase.trainer.model, job.folder / "adapter")
    return first | {"seconds": round(first["seconds"] + second["seconds"], 1), "dpo": second}


def _kto(job: Job) -> Figures | None:
    thumbs = preference.read_thumbs(job)
    steps = preference.preference_steps(job.config, "kto", len(thumbs.rows))
    phase = _phase(
        job,
        "kto",
        thumbs.sides,
        lambda callbacks: preference.kto_trainer(job, thumbs.rows, callbacks),
        every=max(1, steps // 4),
    )
    figures = phase.run()
    if figures is None:
        return None
    save_adapter(phase.trainer.model, job.folder / "adapter")
    tokens = sum(len(row.ids) for row in thumbs.sides.train)
    return figures | _rate(tokens * job.config.preference_epochs, figures, thumbs.sides)


def _supervised(job: Job, target: Path) -> Figures | None:
    """One phase on the rows' replies, saved at `target`."""
    sides, config = sft_rows(job), job.config
    phase = _phase(
        job,
        "sft",
        sides,
        lambda callbacks: sft_trainer(job, sides.train, callbacks),
        every=config.eval_every(len(sides.train)),
    )
    masked = check_masks(phase.trainer, sides.train, config.batch)
    figures = phase.run()
    if figures is None:
        return None
    if not ranks.is_first():
        return figures
    if config.tuned == "full":
        save_change(phase.trainer.model, training_base(job.prepared), target)
    else:
        save_adapter(phase.trainer.model, target)
    passes = figures["steps"] / max(1, -(-len(sides.train) // config.batch))
    tokens = round(sum(len(row.ids) for row in sides.train) * passes)
    return figures | _rate(tokens, figures, sides) | {"masked_share": round(masked, 4)}


def _rate(tokens: int, figures: Figures, sides: Sides) -> Figures:
    return {
        "tokens_per_second": round(tokens / max(figures["seconds"], 1e-9)),
        "rows": len(sides.train),
        "rows_apart": len(sides.apart),
    }


def _phase(
    job: Job, name: str, sides: Sides, make: Callable[[list[Any]], Any], *, every: int
) -> Phase:
    """Build a trainer with what keeps it safe, at its newest checkpoint."""
    checkpoint = tidied(job.folder / CHECKPOINTS[name])
    keeper = Keeper(job.folder, phase=name, spent=seconds_of(checkpoint))
    stopper = Stopper(
        job.folder,
        sides.apart,
        phase=name,
        every=every,
        patience=job.config.patience,
        seconds=lambda: keeper.seconds,
        resumed=step_of(checkpoint) if checkpoint else 0,
    )
    # A checkpoint is whole before what was best at the one before it goes.
    trainer = make([keeper, stopper])
    check_space(job.folder, sum(p.numel() for p in trainer.model.parameters() if p.requires_grad))
    return Phase(trainer, keeper, stopper, checkpoint)


def _before(job: Job, phase: Phase, chosen: Sequence[Encoded]) -> float:
    """How likely the chosen replies were when the phase first began."""
    kept = job.folder / "chosen.json"
    if not kept.is_file():
        write_json(kept, {"nats_a_token": nats_a_token(phase.trainer.model, chosen)})
    return float(read_json(kept)["nats_a_token"])


def sft_trainer(job: Job, rows: Sequence[Encoded], callbacks: list[Any]) -> Any:
    """The supervised trainer over encoded rows."""
    config, model = job.config, base_model(job)
    adapter = None if config.tuned == "full" else lora(config)
    fast = adapter is not None and is_fast(model, config.dropout)
    if ranks.count() > 1 and not fast:
        raise Invalid(
            "Only LoRA adapters of Llama or Qwen2 models without dropout train on several "
            "processes.",
            hint="Run it on one: leave out --on ray.",
        )
    at_once = config.batch // ranks.count() if fast else config.micro_batch
    columns = {"input_ids": [row.ids for row in rows], "labels": [row.labels for row in rows]}
    return ReplyTrainer(
        model=model,
        args=SFTConfig(
            **common_arguments(job, CHECKPOINTS["sft"]),
            num_train_epochs=config.epochs_for(len(rows)),
            per_device_train_batch_size=at_once,
            gradient_accumulation_steps=config.batch // ranks.count() // at_once,
            learning_rate=config.rate,
            pad_to_multiple_of=ROW_TOKENS,
        ),
        train_dataset=Dataset.from_dict(columns),
        processing_class=base_tokenizer(job),
        peft_config=adapter,
        callbacks=callbacks,
        rows_at_once=config.micro_batch if fast else 0,
    )


def main(arguments: Sequence[str]) -> int:
    """Train a job folder; status 4 says that it was cancelled and can go on."""
    quiet()
    job = Job.read(Path(begin(arguments)[0]))
    began = time.monotonic()
    ended: list[Figures | None] = []
    if job.config.on == "ray":
        from tuning.training.ray_train import train_on_ray  # an extra that few install

        status = guarded(lambda: ended.append(train_on_ray(job)))
    else:
        status = guarded(lambda: ended.append(train(job)))
    if status:
        return status
    logging.getLogger(__name__).info("trained in %.1f s", time.monotonic() - began)
    return 0 if ended[0] else CANCELLED


def quiet() -> None:
    """Keep the libraries from writing bars and notes where a parent reads."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    logging.basicConfig(level=logging.WARNING)
    transformers_logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    disable_progress_bar()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
