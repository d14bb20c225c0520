"""What a training run leaves: the adapter or the weights' change, whole, in one rename."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from tuning.child import read_json, write_json
from tuning.training.full import CONFIG, KIND, WEIGHTS
from tuning.training.keeper import sync_files


def save_adapter(model: Any, target: Path) -> None:
    """Write a LoRA adapter as PEFT does, without paths of this machine."""
    draft = _draft(target)
    model.save_pretrained(draft, safe_serialization=True, selected_adapters=["default"])
    settings = draft / "adapter_config.json"
    written = read_json(settings)
    # A path on this machine means nothing elsewhere; the manifest names the base by its hash.
    written["base_model_name_or_path"] = None
    write_json(settings, written)
    (draft / "README.md").unlink(missing_ok=True)
    _publish(draft, target)


def save_change(model: Any, base: Path, target: Path) -> None:
    """Write what full tuning changed: trained minus base, in bf16, by transformers' names.

    The change and not the weights: added to the dequantised GGUF it gives the tuned model, and an
    untouched tensor stays byte for byte what it is.
    """
    draft = _draft(target)
    draft.mkdir()
    held = {name: p.detach() for name, p in model.named_parameters()}
    changes = {}
    with safe_open(base / "model.safetensors", framework="pt") as stored:
        for name in stored.keys():  # noqa: SIM118 - no mapping, only looks like one
            change = held[name].float().cpu() - stored.get_tensor(name).float()
            if change.any():
                changes[name] = change.to(torch.bfloat16)
    save_file(changes, draft / WEIGHTS)
    write_json(draft / CONFIG, {"kind": KIND})
    _publish(draft, target)


def _draft(target: Path) -> Path:
    draft = target.with_name(f".{target.name}")
    shutil.rmtree(draft, ignore_errors=True)
    return draft


def _publish(draft: Path, target: Path) -> None:
    sync_files(draft)
    shutil.rmtree(target, ignore_errors=True)
    draft.rename(target)
