"""Merging: a LoRA adapter into its base, as the GGUF that the engine serves and others can run.

Works on the GGUF itself with numpy: no torch, and the weights of a merged voice differ from the
served base by the adapter only. An adapter is checked first, because it may come from elsewhere:
only safetensors are read, never a pickle, and nothing its config names is imported or downloaded.
"""

import json
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, deserialize

from server.errors import Invalid
from server.llm.models import file_sha256
from tuning.gguf_file import Array, GgufModel, open_gguf, write_served

WEIGHTS = "adapter_model.safetensors"
CONFIG = "adapter_config.json"
MANIFEST = "manifest.json"
_MODULES = {
    "q_proj": "attn_q",
    "k_proj": "attn_k",
    "v_proj": "attn_v",
    "o_proj": "attn_output",
    "gate_proj": "ffn_gate",
    "up_proj": "ffn_up",
    "down_proj": "ffn_down",
}
_NAME = re.compile(
    r"base_model\.model\.model\.layers\.(\d{1,4})\.(?:self_attn|mlp)\.(\w+)"
    r"\.lora_([AB])\.weight"
)
# Settings that change what the weights mean; each must be off.
_UNSUPPORTED = (
    "use_dora", "fan_in_fan_out", "modules_to_save", "rank_pattern", "alpha_pattern",
    "layers_to_transform", "layer_replication", "megatron_config", "target_parameters",
    "trainable_token_indices", "use_qalora", "alora_invocation_tokens", "lora_bias",
)  # fmt: skip
_LARGEST_RANK = 512
_LARGEST_FILE = 2 << 30


@dataclass(frozen=True, slots=True)
class Merged:
    """A merged model file."""

    path: Path
    sha256: str


@dataclass(frozen=True, slots=True)
class _Config:
    rank: int
    scale: float
    targets: frozenset[str]


def merge(base: Path, adapter_dir: Path, out: Path, *, base_sha256: str) -> Merged:
    """Write base + adapter as a Q8_0 GGUF; atomic.

    `base` is the prepared model's source.gguf and `base_sha256` its hash, which the adapter's
    manifest.json must name as `base_sha256`. Raises Invalid with the reason for any other adapter.
    """
    model = open_gguf(base)
    deltas = read_deltas(model, adapter_dir, base_sha256=base_sha256)
    draft = out.with_name(f".{out.name}.draft")
    try:
        write_served(model, draft, deltas=deltas)
        with draft.open("rb") as stream:
            os.fsync(stream.fileno())
        sha256 = file_sha256(draft)
        draft.rename(out)
    finally:
        draft.unlink(missing_ok=True)
    return Merged(out, sha256)


def read_deltas(model: GgufModel, adapter_dir: Path, *, base_sha256: str) -> dict[str, Array]:
    """Check an adapter and return what it adds, by GGUF tensor name, in GGUF's row order."""
    _check_manifest(adapter_dir, base_sha256)
    config = _read_config(adapter_dir)
    factors = _read_factors(adapter_dir)
    _check_targets(model, config, factors)
    shapes = model.shapes()
    deltas: dict[str, Array] = {}
    for (layer, module), pair in factors.items():
        name = f"blk.{layer}.{_MODULES[module]}.weight"
        _check_shapes(name, pair, shapes[name], config.rank)
        delta = (pair["B"] @ pair["A"]) * np.float32(config.scale)
        if not np.isfinite(delta).all():
            raise _unusable(f"{name} overflows when its factors are multiplied")
        deltas[name] = _permuted(model, module, delta)
    return deltas


def _check_manifest(adapter_dir: Path, base_sha256: str) -> None:
    manifest = _read_object(adapter_dir / MANIFEST)
    if manifest.get("base_sha256") != base_sha256:
        raise Invalid(
            "the adapter was made for another base model.",
            hint="Train it again on the base that is served, or serve the base it was made for.",
        )


def _read_config(adapter_dir: Path) -> _Config:
    config = _read_object(adapter_dir / CONFIG)
    if config.get("peft_type") != "LORA":
        raise _unusable("it is no LoRA adapter")
    if used := [name for name in _UNSUPPORTED if config.get(name)]:
        raise _unusable(f"its config uses {', '.join(used)}")
    if config.get("bias", "none") != "none":
        raise _unusable("its config trains biases")
    rank, alpha, targets = config.get("r"), config.get("lora_alpha"), config.get("target_modules")
    if type(rank) is not int or not 0 < rank <= _LARGEST_RANK:
        raise _unusable(f"its rank is {rank!r}")
    if isinstance(alpha, bool) or not isinstance(alpha, int | float) or not math.isfinite(alpha):
        raise _unusable(f"its alpha is {alpha!r}")
    # A string would be a regular expression from a stranger, run against every module's name.
    if not isinstance(targets, list) or not targets or not set(targets) <= set(_MODULES):
        raise _unusable("its targets are not a list of known modules")
    scale = alpha / math.sqrt(rank) if config.get("use_rslora") else alpha / rank
    return _Config(rank, scale, frozenset(targets))


def _read_factors(adapter_dir: Path) -> dict[tuple[int, str], dict[str, Array]]:
    """Read the A and B matrices by layer and module; any other tensor is an error."""
    factors: dict[tuple[int, str], dict[str, Array]] = {}
    for name, entry in _read_tensors(adapter_dir / WEIGHTS):
        match = _NAME.fullmatch(name)
        if match is None or match[2] not in _MODULES:
            raise _unusable(f"it holds the unexpected tensor '{name[:80]}'")
        values = _array(name, entry)
        factors.setdefault((int(match[1]), match[2]), {})[match[3]] = values
    return factors


def _read_tensors(path: Path) -> list[tuple[str, dict[str, Any]]]:
    if not path.is_file():
        others = [p.name for p in path.parent.glob("adapter_model.*")]
        reason = f"it holds {others[0]}, a format that can run code" if others else "it is missing"
        raise Invalid(f"there is no {WEIGHTS}: {reason}.", hint="Save the adapter as safetensors.")
    if path.stat().st_size > _LARGEST_FILE:
        raise _unusable(f"its weights are larger than {_LARGEST_FILE >> 30} GB")
    try:
        tensors: list[tuple[str, dict[str, Any]]] = deserialize(path.read_bytes())  # type: ignore[no-untyped-call]
    except (SafetensorError, OverflowError, ValueError) as fault:
        raise _unusable(f"{WEIGHTS} is damaged ({fault})") from fault
    return tensors


def _array(name: str, entry: Mapping[str, Any]) -> Array:
    if entry["dtype"] == "BF16":
        # numpy has no bf16; it is the upper half of an f32.
        values = (np.frombuffer(entry["data"], "<u2").astype(np.uint32) << 16).view(np.float32)
    elif entry["dtype"] in ("F32", "F16"):
        kind = "<f4" if entry["dtype"] == "F32" else "<f2"
        values = np.frombuffer(entry["data"], kind).astype(np.float32)
    else:
        raise _unusable(f"{name} is of type {entry['dtype']}")
    if len(entry["shape"]) != 2 or not np.isfinite(values).all():
        raise _unusable(f"{name} is no matrix of finite numbers")
    return values.reshape(entry["shape"])


def _check_targets(
    model: GgufModel, config: _Config, factors: Mapping[tuple[int, str], Mapping[str, Array]]
) -> None:
    layers = range(int(model.setting("block_count")))
    expected = {(layer, module) for layer in layers for module in config.targets}
    if set(factors) != expected:
        raise _unusable("its tensors are not those of the layers and modules its config names")
    if any(set(pair) != {"A", "B"} for pair in factors.values()):
        raise _unusable("half of a pair of its matrices is missing")


def _check_shapes(name: str, pair: Mapping[str, Array], shape: tuple[int, ...], rank: int) -> None:
    rows, columns = shape
    if pair["A"].shape != (rank, columns) or pair["B"].shape != (rows, rank):
        raise _unusable(
            f"{name} is {rows}x{columns}, its matrices are {pair['B'].shape} and {pair['A'].shape}"
        )


def _permuted(model: GgufModel, module: str, delta: Array) -> Array:
    """Bring q and k rows into the order GGUF keeps for the Llama family (rotary halves paired)."""
    if model.architecture != "llama" or module not in ("q_proj", "k_proj"):
        return delta
    heads = int(model.setting("attention.head_count"))
    if module == "k_proj":
        heads = int(model.setting("attention.head_count_kv", heads))
    rows, columns = delta.shape
    halves = delta.reshape(heads, 2, rows // heads // 2, columns)
    return halves.swapaxes(1, 2).reshape(rows, columns)


def _read_object(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as fault:
        raise _unusable(f"{path.name} is missing") from fault
    except (ValueError, RecursionError) as fault:
        raise _unusable(f"{path.name} is not JSON") from fault
    if not isinstance(found, dict):
        raise _unusable(f"{path.name} is not a JSON object")
    return found


def _unusable(reason: str) -> Invalid:
    return Invalid(f"the adapter cannot be used: {reason}.", hint="Train or export it again.")
