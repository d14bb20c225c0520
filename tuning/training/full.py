"""Full tuning as a file: the change of every weight, checked and brought into GGUF's names.

`full_model.safetensors` holds trained minus base by transformers' names, `full_config.json` says
{"kind": "full"}; beside them lies the same manifest as an adapter's.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from tuning.merging.adapter_file import (
    MODULES,
    check_manifest,
    finite_array,
    permuted,
    read_object,
    read_tensors,
    unusable,
)
from tuning.merging.gguf_file import Array, GgufModel

WEIGHTS = "full_model.safetensors"
CONFIG = "full_config.json"
KIND = "full"
_LAYER = re.compile(
    r"model\.layers\.(\d{1,4})\.(?:(?:self_attn|mlp)\.(\w+)|(\w+_layernorm))\.(weight|bias)"
)
_NORMS = {
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "q_norm": "attn_q_norm",
    "k_norm": "attn_k_norm",
}
_OUTSIDE = {
    "model.embed_tokens.weight": "token_embd.weight",
    "model.norm.weight": "output_norm.weight",
    "lm_head.weight": "output.weight",
}


def is_full(folder: Path) -> bool:
    """Whether a folder holds a change of all weights and not a LoRA adapter."""
    return (folder / CONFIG).is_file()


def read_changes(model: GgufModel, folder: Path, *, base_sha256: str) -> dict[str, Array]:
    """Check a change and return it by GGUF tensor name, in GGUF's row order.

    Raises Invalid for a change of another base, an unknown tensor, or one of another shape.
    """
    check_manifest(folder, base_sha256)
    if read_object(folder / CONFIG) != {"kind": KIND}:
        raise unusable(f"its {CONFIG} says something else than full tuning")
    shapes = model.shapes()
    changes: dict[str, Array] = {}
    for name, entry in read_tensors(folder / WEIGHTS):
        target, module = _target(name)
        values = finite_array(name, entry, dimensions=(1, 2))
        if shapes.get(target) != values.shape:
            raise unusable(f"{target} is {shapes.get(target)}, its change is {values.shape}")
        changes[target] = np.ascontiguousarray(permuted(model, module, values))
    return changes


def _target(name: str) -> tuple[str, str]:
    """The GGUF name of a tensor, and its module's."""
    if name in _OUTSIDE:
        return _OUTSIDE[name], ""
    match = _LAYER.fullmatch(name)
    module = (match[2] or match[3]) if match else ""
    known = MODULES | _NORMS
    if match is None or module not in known:
        raise unusable(f"it holds the unexpected tensor '{name[:80]}'")
    return f"blk.{match[1]}.{known[module]}.{match[4]}", module
