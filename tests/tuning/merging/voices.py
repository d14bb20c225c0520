"""Voices without training: a LoRA adapter of chance, as PEFT saves it."""

from __future__ import annotations

import json
from pathlib import Path

from server.llm.models import Prepared


def random_adapter(prepared: Prepared, train_dir: Path, out: Path, *, strength: float) -> Path:
    """An adapter that changes the model so much; 0: PEFT's own before the first step, B is zero.

    0.02 changes it about as much as a tuning does.
    """
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(0)
    base = AutoModelForCausalLM.from_pretrained(train_dir, dtype=torch.float32)
    config = LoraConfig(r=8, lora_alpha=16, target_modules="all-linear", task_type="CAUSAL_LM")
    model = get_peft_model(base, config)
    if strength:
        for name, values in model.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(values, std=strength)
    model.save_pretrained(out)
    (out / "manifest.json").write_text(json.dumps({"base_sha256": prepared.base_sha256}))
    return out
