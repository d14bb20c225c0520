"""Training: `python -m tuning.train JOB` turns a job folder's rows into a LoRA adapter.

A job folder holds `rows.jsonl` and `job.json` ({"prepared", "config"}); training adds
`progress.jsonl`, `checkpoints/`, `adapter/` and, last of all, `result.json`. Started again, it goes
on from the newest whole checkpoint; a finished job is left as it is. SIGTERM ends it after the
present step, with a checkpoint.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset  # type: ignore[import-untyped]
from datasets.utils.logging import disable_progress_bar  # type: ignore[import-untyped]
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer, set_seed
from transformers.utils import logging as transformers_logging
from trl.trainer.sft_config import SFTConfig

from server.errors import Invalid, Unavailable
from server.llm.tokenizer import ChatTokenizer
from tuning.child import begin, guarded, peak_mb, read_json, tell, write_json
from tuning.config import TuningConfig
from tuning.convert import training_base
from tuning.places import TRAINED
from tuning.rows import Encoded, encode, read_rows
from tuning.trainer import (
    ROW_TOKENS,
    WHOLE,
    Keeper,
    ReplyTrainer,
    check_masks,
    newest_checkpoint,
    sync_files,
)

CANCELLED = 4
# Two checkpoints of the adapter with its two moments, and the adapter itself, as bytes a weight.
_BYTES_A_WEIGHT = 28
_SPARE = 3


@dataclass(frozen=True, slots=True)
class Job:
    """A job folder, read."""

    folder: Path
    prepared: Path
    config: TuningConfig

    @classmethod
    def read(cls, folder: Path) -> Job:
        found = read_json(folder / "job.json")
        config = TuningConfig.from_dict(found["config"])
        return cls(folder, Path(found["prepared"]), config)


def train(job: Job) -> dict[str, Any] | None:
    """Train the job's adapter; return its figures, or None if it was cancelled."""
    if (job.folder / TRAINED).is_file():
        return read_json(job.folder / TRAINED)
    tell(job.folder, done=0, total=0, note="loading the model")
    torch.set_num_threads(job.config.threads or os.cpu_count() or 1)
    set_seed(job.config.seed)
    rows = _encoded(job)
    checkpoint = _tidy(job.folder / "checkpoints")
    keeper = Keeper(job.folder, spent=_seconds(checkpoint))
    trainer = _trainer(job, rows, keeper)
    masked = check_masks(trainer, rows, job.config.micro_batch)
    _check_space(job.folder, _trainable(trainer.model))
    outcome = trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    if keeper.cancelled:
        return None
    _save(trainer.model, job.folder)
    tokens = sum(len(row.ids) for row in rows) * job.config.epochs_for(len(rows))
    result = {
        "steps": trainer.state.global_step,
        "loss": round(float(outcome.training_loss), 4),
        "seconds": round(keeper.seconds, 1),
        "tokens_per_second": round(tokens / keeper.seconds),
        "masked_share": round(masked, 4),
        "rows": len(rows),
        "dtype": _dtype(job.config.dtype),
        "resumed_at": int(checkpoint.name.rpartition("-")[2]) if checkpoint else 0,
        "peak_mb": peak_mb(),
    }
    write_json(job.folder / TRAINED, result)
    return result


def _encoded(job: Job) -> list[Encoded]:
    tokenizer = ChatTokenizer(job.prepared / "serving")
    rows = [encode(tokenizer, r.prompt, r.completion) for r in read_rows(job.folder / "rows.jsonl")]
    if not rows:
        raise Invalid("There are no rows to train on.", hint="See parlance tune readiness KEY.")
    if long := [row for row in rows if len(row.ids) > job.config.max_length]:
        raise Invalid(
            f"{len(long)} rows are longer than {job.config.max_length} tokens.",
            hint="Leave them out, or raise the run's max_length.",
        )
    return rows


def _trainer(job: Job, rows: Sequence[Encoded], keeper: Keeper) -> Any:
    base = training_base(job.prepared)
    model = AutoModelForCausalLM.from_pretrained(
        base,
        dtype=torch.bfloat16 if _dtype(job.config.dtype) == "bf16" else torch.float32,
        local_files_only=True,
    )
    model.config.use_cache = False
    columns = {"input_ids": [row.ids for row in rows], "labels": [row.labels for row in rows]}
    return ReplyTrainer(
        model=model,
        args=_arguments(job, len(rows)),
        train_dataset=Dataset.from_dict(columns),
        processing_class=AutoTokenizer.from_pretrained(base, local_files_only=True),
        peft_config=_lora(job.config),
        callbacks=[keeper],
    )


def _arguments(job: Job, rows: int) -> SFTConfig:
    config = job.config
    return SFTConfig(
        output_dir=str(job.folder / "checkpoints"),
        num_train_epochs=config.epochs_for(rows),
        per_device_train_batch_size=config.micro_batch,
        gradient_accumulation_steps=config.batch // config.micro_batch,
        learning_rate=config.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=config.warmup,
        weight_decay=config.weight_decay,
        max_length=config.max_length,
        pad_to_multiple_of=ROW_TOKENS,
        seed=config.seed,
        data_seed=config.seed,
        save_strategy="steps",
        save_steps=config.checkpoint_steps,
        save_total_limit=2,
        logging_steps=1,
        logging_first_step=True,
        # The default would show a loss that is no number as zero.
        logging_nan_inf_filter=False,
        report_to="none",
        disable_tqdm=True,
        use_cpu=not torch.cuda.is_available(),
        bf16=False,
        gradient_checkpointing=False,
        dataloader_pin_memory=False,
    )


def _lora(config: TuningConfig) -> LoraConfig:
    return LoraConfig(
        r=config.rank,
        lora_alpha=config.alpha,
        lora_dropout=config.dropout,
        target_modules="all-linear",
        bias="none",
        task_type="CAUSAL_LM",
    )


def _dtype(wanted: str) -> str:
    """bf16 where the processor multiplies it; elsewhere it is slower than fp32."""
    if wanted != "auto":
        return wanted
    if torch.cuda.is_available():
        return "bf16"
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return "fp32"
    return "bf16" if "avx512_bf16" in flags or "amx_bf16" in flags else "fp32"


def _tidy(folder: Path) -> Path | None:
    """Remove checkpoints that were cut short; return the newest whole one."""
    folder.mkdir(exist_ok=True)
    for path in folder.glob("checkpoint-*"):
        if not (path / WHOLE).is_file():
            shutil.rmtree(path)
    return newest_checkpoint(folder)


def _seconds(checkpoint: Path | None) -> float:
    if checkpoint is None:
        return 0.0
    return float(read_json(checkpoint / WHOLE)["seconds"])


def _trainable(model: Any) -> int:
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def _check_space(folder: Path, weights: int) -> None:
    needed = _SPARE * _BYTES_A_WEIGHT * weights
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise Unavailable(
            f"Training wants {needed >> 20} MB of free disk, {folder} has {free >> 20} MB.",
            hint="Free some space and start the run again.",
        )


def _save(model: Any, folder: Path) -> None:
    """Write the adapter whole: a folder that appears in one rename."""
    draft = folder / ".adapter"
    shutil.rmtree(draft, ignore_errors=True)
    model.save_pretrained(draft, safe_serialization=True)
    settings = draft / "adapter_config.json"
    written = read_json(settings)
    # A path on this machine means nothing elsewhere; the manifest names the base by its hash.
    written["base_model_name_or_path"] = None
    write_json(settings, written)
    (draft / "README.md").unlink(missing_ok=True)
    sync_files(draft)
    shutil.rmtree(folder / "adapter", ignore_errors=True)
    draft.rename(folder / "adapter")


def main(arguments: Sequence[str]) -> int:
    """Train a job folder; status 4 says that it was cancelled and can go on."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    logging.basicConfig(level=logging.WARNING)
    transformers_logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    disable_progress_bar()
    job = Job.read(Path(begin(arguments)[0]))
    began = time.monotonic()
    ended: list[dict[str, Any] | None] = []
    status = guarded(lambda: ended.append(train(job)))
    if status:
        return status
    logging.getLogger(__name__).info("trained in %.1f s", time.monotonic() - began)
    return 0 if ended[0] else CANCELLED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
