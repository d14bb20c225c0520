"""Merging: a tuned voice into its base, as the GGUF that the engine serves and others can run.

Works on the GGUF itself with numpy: no torch, and the weights of a merged voice differ from the
served base by the tuning only. `tuning.merging.adapter_file` reads the files, which may come from
elsewhere; `tuning.training.full` knows those of full tuning, this module LoRA adapters.
"""

import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from server.llm.models import file_sha256
from tuning.merging.adapter_file import (
    MODULES,
    check_manifest,
    finite_array,
    permuted,
    read_object,
    read_tensors,
    unusable,
)
from tuning.merging.gguf_file import Array, GgufModel, open_gguf, write_served
from tuning.training.full import is_full, read_changes

WEIGHTS = "adapter_model.safetensors"
CONFIG = "adapter_config.json"
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
    read = read_changes if is_full(adapter_dir) else read_deltas
    deltas = read(model, adapter_dir, base_sha256=base_sha256)
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
    check_manifest(adapter_dir, base_sha256)
    config = _read_config(adapter_dir)
    factors = _read_factors(adapter_dir)
    _check_targets(model, config, factors)
    shapes = model.shapes()
    deltas: dict[str, Array] = {}
    for (layer, module), pair in factors.items():
        name = f"blk.{layer}.{MODULES[module]}.weight"
        _check_shapes(name, pair, shapes[name], config.rank)
        delta = (pair["B"] @ pair["A"]) * np.float32(config.scale)
        if not np.isfinite(delta).all():
            raise unusable(f"{name} overflows when its factors are multiplied")
        deltas[name] = permuted(model, module, delta)
    return deltas


def _read_config(adapter_dir: Path) -> _Config:
    config = read_object(adapter_dir / CONFIG)
    if config.get("peft_type") != "LORA":
        raise unusable("it is no LoRA adapter")
    if used := [name for name in _UNSUPPORTED if config.get(name)]:
        raise unusable(f"its config uses {', '.join(used)}")
    if config.get("bias", "none") != "none":
        raise unusable("its config trains biases")
    rank, alpha, targets = config.get("r"), config.get("lora_alpha"), config.get("target_modules")
    if type(rank) is not int or not 0 < rank <= _LARGEST_RANK:
        raise unusable(f"its rank is {rank!r}")
    if isinstance(alpha, bool) or not isinstance(alpha, int | float) or not math.isfinite(alpha):
        raise unusable(f"its alpha is {alpha!r}")
    # A string would be a regular expression from a stranger, run against every module's name.
    if not isinstance(targets, list) or not targets or not set(targets) <= set(MODULES):
        raise unusable("its targets are not a list of known modules")
    scale = alpha / math.sqrt(rank) if config.get("use_rslora") else alpha / rank
    return _Config(rank, scale, frozenset(targets))


def _read_factors(adapter_dir: Path) -> dict[tuple[int, str], dict[str, Array]]:
    """Read the A and B matrices by layer and module; any other tensor is an error."""
    factors: dict[tuple[int, str], dict[str, Array]] = {}
    for name, entry in read_tensors(adapter_dir / WEIGHTS):
        match = _NAME.fullmatch(name)
        if match is None or match[2] not in MODULES:
            raise unusable(f"it holds the unexpected tensor '{name[:80]}'")
        values = finite_array(name, entry)
        factors.setdefault((int(match[1]), match[2]), {})[match[3]] = values
    return factors


def _check_targets(
    model: GgufModel, config: _Config, factors: Mapping[tuple[int, str], Mapping[str, Array]]
) -> None:
    layers = range(int(model.setting("block_count")))
    expected = {(layer, module) for layer in layers for module in config.targets}
    if set(factors) != expected:
        raise unusable("its tensors are not those of the layers and modules its config names")
    if any(set(pair) != {"A", "B"} for pair in factors.values()):
        raise unusable("half of a pair of its matrices is missing")


def _check_shapes(name: str, pair: Mapping[str, Array], shape: tuple[int, ...], rank: int) -> None:
    rows, columns = shape
    if pair["A"].shape != (rank, columns) or pair["B"].shape != (rows, rank):
        raise unusable(
            f"{name} is {rows}x{columns}, its matrices are {pair['B'].shape} and {pair['A'].shape}"
        )
