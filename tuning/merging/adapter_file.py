"""Files of a tuned voice, read without trust: they may come from elsewhere.

Only safetensors are read, never a pickle, and nothing that they name is imported or downloaded.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, deserialize

from server.errors import Invalid
from tuning.merging.gguf_file import Array, GgufModel

MANIFEST = "manifest.json"
# transformers' names of the linear layers, and GGUF's.
MODULES = {
    "q_proj": "attn_q",
    "k_proj": "attn_k",
    "v_proj": "attn_v",
    "o_proj": "attn_output",
    "gate_proj": "ffn_gate",
    "up_proj": "ffn_up",
    "down_proj": "ffn_down",
}
_LARGEST_FILE = 2 << 30


def check_manifest(adapter_dir: Path, base_sha256: str) -> None:
    """Invalid if the files were made for another base model."""
    manifest = read_object(adapter_dir / MANIFEST)
    if manifest.get("base_sha256") != base_sha256:
        raise Invalid(
            "the adapter was made for another base model.",
            hint="Train it again on the base that is served, or serve the base it was made for.",
        )


def read_tensors(path: Path) -> list[tuple[str, dict[str, Any]]]:
    """The tensors of a safetensors file, raw; Invalid with the reason if there is none."""
    if not path.is_file():
        others = [p.name for p in path.parent.glob(f"{path.stem}.*")]
        reason = f"it holds {others[0]}, a format that can run code" if others else "it is missing"
        raise Invalid(
            f"there is no {path.name}: {reason}.", hint="Save the adapter as safetensors."
        )
    if path.stat().st_size > _LARGEST_FILE:
        raise unusable(f"its weights are larger than {_LARGEST_FILE >> 30} GB")
    try:
        tensors: list[tuple[str, dict[str, Any]]] = deserialize(path.read_bytes())  # type: ignore[no-untyped-call]
    except (SafetensorError, OverflowError, ValueError) as fault:
        raise unusable(f"{path.name} is damaged ({fault})") from fault
    return tensors


def finite_array(
    name: str, entry: Mapping[str, Any], *, dimensions: Collection[int] = (2,)
) -> Array:
    """A tensor as fp32; Invalid unless it has so many dimensions and finite numbers only."""
    if entry["dtype"] == "BF16":
        # numpy has no bf16; it is the upper half of an f32.
        values = (np.frombuffer(entry["data"], "<u2").astype(np.uint32) << 16).view(np.float32)
    elif entry["dtype"] in ("F32", "F16"):
        kind = "<f4" if entry["dtype"] == "F32" else "<f2"
        values = np.frombuffer(entry["data"], kind).astype(np.float32)
    else:
        raise unusable(f"{name} is of type {entry['dtype']}")
    if len(entry["shape"]) not in dimensions or not np.isfinite(values).all():
        raise unusable(f"{name} is no matrix of finite numbers")
    return values.reshape(entry["shape"])


def permuted(model: GgufModel, module: str, delta: Array) -> Array:
    """Bring q and k rows into the order GGUF keeps for the Llama family (rotary halves paired)."""
    if model.architecture != "llama" or module not in ("q_proj", "k_proj"):
        return delta
    heads = int(model.setting("attention.head_count"))
    if module == "k_proj":
        heads = int(model.setting("attention.head_count_kv", heads))
    # Of a matrix its rows, of a bias its numbers.
    halves = delta.reshape(heads, 2, len(delta) // heads // 2, *delta.shape[1:])
    return halves.swapaxes(1, 2).reshape(delta.shape)


def read_object(path: Path) -> dict[str, Any]:
    """A JSON object; Invalid if the file holds anything else."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as fault:
        raise unusable(f"{path.name} is missing") from fault
    except (ValueError, RecursionError) as fault:
        raise unusable(f"{path.name} is not JSON") from fault
    if not isinstance(found, dict):
        raise unusable(f"{path.name} is not a JSON object")
    return found


def unusable(reason: str) -> Invalid:
    """The error for a file that is not what it should be."""
    return Invalid(f"the adapter cannot be used: {reason}.", hint="Train or export it again.")
