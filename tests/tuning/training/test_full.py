"""Full tuning: the change of all weights, trained, saved, checked, and put into the GGUF."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from server.errors import Invalid
from tests.tuning.training.jobs import make_job, run_to_end
from tuning.merging.gguf_file import open_gguf
from tuning.merging.merge import merge
from tuning.places import TRAINED
from tuning.training.full import CONFIG, WEIGHTS, is_full, read_changes

pytestmark = [pytest.mark.slow]

_NAMES = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}
_HEADS = {"attn_q": 4, "attn_k": 2}


@pytest.fixture(scope="module")
def trained(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished job of full tuning, its adapter folder with a manifest."""
    folder = make_job(
        tmp_path_factory.mktemp("full") / "job", tiny, tuned="full", full_learning_rate=1e-3
    )
    status, out, errors = run_to_end(folder)
    assert status == 0, (out, errors[-3000:])
    (folder / "adapter" / "manifest.json").write_text(json.dumps({"base_sha256": "abc"}))
    return folder


@pytest.fixture(scope="module")
def source(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model as a GGUF file, in fp32."""
    from gguf import GGUFWriter

    path = tmp_path_factory.mktemp("gguf") / "source.gguf"
    writer = GGUFWriter(path, "llama")
    writer.add_block_count(2)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    for name, values in _weights(tiny / "train" / "model.safetensors").items():
        writer.add_tensor(_gguf_name(name), _permuted(name, values))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _weights(path: Path) -> dict[str, Any]:
    import torch
    from safetensors.torch import load_file

    return {name: v.to(torch.float32).numpy() for name, v in load_file(path).items()}


def _gguf_name(name: str) -> str:
    outside = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}
    stem = name.removesuffix(".weight")
    if stem in outside:
        return f"{outside[stem]}.weight"
    _, _, layer, module = stem.split(".", 3)
    return f"blk.{layer}.{_NAMES[module]}.weight"


def _permuted(name: str, values: Any) -> Any:
    """As llama.cpp's converter lays out q and k: the rotary halves of each head paired."""
    heads = next((n for part, n in _HEADS.items() if f".{part}." in _gguf_name(name)), 0)
    if not heads:
        return values
    rows, columns = values.shape
    paired = values.reshape(heads, 2, rows // heads // 2, columns).swapaxes(1, 2)
    return np.ascontiguousarray(paired.reshape(rows, columns))


def test_full_tuning_changes_every_weight(trained: Path, tiny: Path) -> None:
    changes = _weights(trained / "adapter" / WEIGHTS)
    base = _weights(tiny / "train" / "model.safetensors")
    result = json.loads((trained / TRAINED).read_text())
    assert set(changes) == set(base)
    assert is_full(trained / "adapter")
    assert result["steps"] == 24
    assert result["loss"] > 0


def test_the_merged_file_is_the_base_and_the_change(
    trained: Path, tiny: Path, source: Path, tmp_path: Path
) -> None:
    from gguf.quants import dequantize

    merged = merge(source, trained / "adapter", tmp_path / "out.gguf", base_sha256="abc")
    found = {t.name: t for t in open_gguf(merged.path).reader.tensors}
    base = _weights(tiny / "train" / "model.safetensors")
    changes = _weights(trained / "adapter" / WEIGHTS)
    for name, values in base.items():
        tensor = found[_gguf_name(name)]
        wanted = _permuted(name, values + changes[name])
        got = dequantize(tensor.data, tensor.tensor_type).reshape(wanted.shape)
        # 8 bit: half a step of the largest weight in each block.
        assert np.abs(got - wanted).max() <= np.abs(wanted).max() / 127, name


def _rename(folder: Path) -> None:
    from safetensors.numpy import save_file

    save_file({"model.layers.0.mlp.other.weight": np.zeros((2, 2), np.float32)}, folder / WEIGHTS)


def _reshape(folder: Path) -> None:
    from safetensors.numpy import save_file

    save_file({"model.norm.weight": np.zeros(7, np.float32)}, folder / WEIGHTS)


def _not_finite(folder: Path) -> None:
    from safetensors.numpy import save_file

    save_file({"model.norm.weight": np.full(32, np.nan, np.float32)}, folder / WEIGHTS)


def _other_base(folder: Path) -> None:
    (folder / "manifest.json").write_text(json.dumps({"base_sha256": "other"}))


def _other_kind(folder: Path) -> None:
    (folder / CONFIG).write_text(json.dumps({"kind": "full", "code": "x"}))


def _no_weights(folder: Path) -> None:
    (folder / WEIGHTS).rename(folder / "full_model.bin")


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (_rename, "unexpected tensor"),
        (_reshape, "its change is"),
        (_not_finite, "no matrix of finite numbers"),
        (_other_base, "another base model"),
        (_other_kind, "something else than full tuning"),
        (_no_weights, "a format that can run code"),
    ],
)
def test_a59_a_change_that_is_not_what_it_should_be_is_refused(
    trained: Path, source: Path, tmp_path: Path, spoil: Callable[[Path], None], reason: str
) -> None:
    folder = tmp_path / "adapter"
    shutil.copytree(trained / "adapter", folder)
    spoil(folder)
    with pytest.raises(Invalid, match=reason):
        read_changes(open_gguf(source), folder, base_sha256="abc")


def test_biases_and_norms_of_the_qwen_family_find_their_place(tmp_path: Path) -> None:
    from gguf import GGUFWriter
    from safetensors.numpy import save_file

    layer, names = (
        "model.layers.0.self_attn",
        ("attn_q.weight", "attn_q.bias", "attn_q_norm.weight"),
    )
    shapes = ((8, 8), (8,), (4,))
    writer = GGUFWriter(tmp_path / "source.gguf", "qwen3")
    for name, shape in zip(names, shapes, strict=True):
        writer.add_tensor(f"blk.0.{name}", np.zeros(shape, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    own = (f"{layer}.q_proj.weight", f"{layer}.q_proj.bias", f"{layer}.q_norm.weight")
    changes = {n: np.full(s, 0.5, dtype=np.float32) for n, s in zip(own, shapes, strict=True)}
    save_file(changes, tmp_path / WEIGHTS)
    (tmp_path / CONFIG).write_text('{"kind": "full"}')
    (tmp_path / "manifest.json").write_text('{"base_sha256": "abc"}')
    found = read_changes(open_gguf(tmp_path / "source.gguf"), tmp_path, base_sha256="abc")
    assert {name: values.shape for name, values in found.items()} == {
        f"blk.0.{name}": shape for name, shape in zip(names, shapes, strict=True)
    }
