"""The base model as it is trained: its weights, its tokenizer, the arguments of every trainer."""

from __future__ import annotations

from typing import Any

import torch
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer

from tuning.config import TuningConfig
from tuning.merging.convert import training_base
from tuning.training.fast import multiplies_bf16
from tuning.training.job import Job


def base_model(job: Job) -> Any:
    """The base in the run's precision; full tuning always holds its weights in fp32."""
    half = job.config.tuned == "lora" and chosen_dtype(job.config.dtype) == "bf16"
    model = AutoModelForCausalLM.from_pretrained(
        training_base(job.prepared),
        dtype=torch.bfloat16 if half else torch.float32,
        local_files_only=True,
    )
    model.config.use_cache = False
    return model


def base_tokenizer(job: Job) -> Any:
    return AutoTokenizer.from_pretrained(training_base(job.prepared), local_files_only=True)


def chosen_dtype(wanted: str) -> str:
    """bf16 where the device multiplies it; elsewhere it is slower than fp32."""
    if wanted != "auto":
        return wanted
    return "bf16" if multiplies_bf16(device_type()) else "fp32"


def device_type() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


def lora(config: TuningConfig) -> LoraConfig:
    return LoraConfig(
        r=config.rank,
        lora_alpha=config.alpha,
        lora_dropout=config.dropout,
        target_modules="all-linear",
        bias="none",
        task_type="CAUSAL_LM",
    )


def common_arguments(job: Job, checkpoints: str) -> dict[str, Any]:
    """What the trainers of all methods are told alike."""
    config = job.config
    full = config.tuned == "full"
    # A checkpoint of all weights is 1.6 GB for the default model: not after every third step.
    steps = max(config.checkpoint_steps, 20) if full else config.checkpoint_steps
    return {
        "output_dir": str(job.folder / checkpoints),
        "lr_scheduler_type": "cosine",
        "warmup_steps": config.warmup,
        "weight_decay": config.weight_decay,
        "max_length": config.max_length,
        "seed": config.seed,
        "data_seed": config.seed,
        "save_strategy": "steps",
        "save_steps": steps,
        "save_total_limit": 2,
        "logging_steps": 1,
        "logging_first_step": True,
        # The default would show a loss that is no number as zero.
        "logging_nan_inf_filter": False,
        "report_to": "none",
        "disable_tqdm": True,
        "use_cpu": device_type() == "cpu",
        # Frozen weights are held in bf16 as such; weights in fp32 are multiplied in it.
        "bf16": full and chosen_dtype(config.dtype) == "bf16",
        "gradient_checkpointing": False,
        "dataloader_pin_memory": False,
    }
