"""Merging real LoRA adapters into the real default model, and refusing untrustworthy ones."""

import json
import os
import pickle
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from server.errors import Invalid
from server.llm.engine import Engine, GenerationParams
from server.llm.models import Prepared, build_ir, file_sha256
from tests.tuning.merging.voices import random_adapter
from tuning.merging.convert import training_base
from tuning.merging.gguf_file import open_gguf
from tuning.merging.merge import merge, read_deltas

pytestmark = [
    pytest.mark.model,
    pytest.mark.slow,
    # PEFT still reads a name that transformers has renamed.
    pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing:FutureWarning"),
]

QUESTIONS = [
    "What is the capital of France?",
    "How do I reset my password?",
    "Write a short greeting.",
    "Explain what a refund is.",
    "Who are you?",
]
PARAMS = GenerationParams(max_new_tokens=40, stop_on_repeat=False)
Tensors = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def train_dir(prepared: Prepared) -> Path:
    return training_base(prepared.root)


@pytest.fixture(scope="module")
def zero(prepared: Prepared, train_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter as PEFT makes it before the first step: B is zero."""
    return random_adapter(prepared, train_dir, tmp_path_factory.mktemp("zero"), strength=0)


@pytest.fixture(scope="module")
def tuned(prepared: Prepared, train_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter that changes the model about as much as a tuning does."""
    return random_adapter(prepared, train_dir, tmp_path_factory.mktemp("tuned"), strength=0.02)


def _replies(serving: Path) -> list[str]:
    engine = Engine(serving)
    try:
        prompts = [engine.encode_chat([{"role": "user", "content": text}]) for text in QUESTIONS]
        return [engine.generate(prompt, PARAMS).text() for prompt in prompts]
    finally:
        engine.close()


def _reference_replies(model: Any, serving: Path) -> list[str]:
    import torch

    from server.llm.tokenizer import ChatTokenizer

    tokenizer = ChatTokenizer(serving)
    replies = []
    for text in QUESTIONS:
        ids = tokenizer.encode_chat([{"role": "user", "content": text}])
        with torch.no_grad():
            out = model.generate(
                torch.tensor([ids]), max_new_tokens=PARAMS.max_new_tokens, do_sample=False
            )
        replies.append(tokenizer.decode(out[0, len(ids) :].tolist()))
    return replies


def test_a_zero_adapter_answers_byte_for_byte_like_the_base(
    prepared: Prepared, zero: Path, tmp_path: Path
) -> None:
    merged = merge(prepared.source, zero, tmp_path / "zero.gguf", base_sha256=prepared.base_sha256)
    assert merged.sha256 == file_sha256(merged.path)
    serving = build_ir(merged.path, tmp_path / "ir", tokenizer_from=prepared.serving)
    weights = "openvino_model.bin"
    assert file_sha256(serving / weights) == file_sha256(prepared.serving / weights)
    assert _replies(serving) == _replies(prepared.serving)


def test_a_merged_voice_is_what_peft_says_it_is(
    prepared: Prepared, train_dir: Path, tuned: Path, tmp_path: Path
) -> None:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, GgufConfig

    merged = merge(
        prepared.source, tuned, tmp_path / "tuned.gguf", base_sha256=prepared.base_sha256
    )
    base = AutoModelForCausalLM.from_pretrained(train_dir, dtype=torch.float32)
    wanted = PeftModel.from_pretrained(base, tuned).merge_and_unload().eval()
    read_back = AutoModelForCausalLM.from_pretrained(
        tmp_path,
        gguf_file="tuned.gguf",
        quantization_config=GgufConfig(dequantize=True),
        dtype=torch.float32,
    ).eval()
    expected, found = wanted.state_dict(), read_back.state_dict()
    assert set(expected) == set(found)
    off = {
        name: float((expected[name] - found[name]).norm() / expected[name].norm())
        for name in expected
    }
    # 8 bits a weight are off by about 0.5 %; the adapter itself moved the weights by 5 %.
    assert max(off.values()) < 0.01
    serving = build_ir(merged.path, tmp_path / "ir", tokenizer_from=prepared.serving)
    replies = _replies(serving)
    assert replies == _reference_replies(read_back, serving)
    exact = _reference_replies(wanted, serving)
    assert sum(a == b for a, b in zip(replies, exact, strict=True)) >= 3
    assert replies != _replies(prepared.serving)


class _Payload:
    """What a hostile pickle looks like: loading it runs a command."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.marker}",)


@pytest.fixture
def copy(tuned: Path, tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "adapter"
    shutil.copytree(tuned, folder)
    yield folder


def _refused(prepared: Prepared, adapter: Path) -> str:
    out = adapter.parent / "out.gguf"
    with pytest.raises(Invalid) as caught:
        merge(prepared.source, adapter, out, base_sha256=prepared.base_sha256)
    assert not out.exists()
    assert not list(adapter.parent.glob(".*.draft"))
    return str(caught.value)


@pytest.mark.parametrize("name", ["adapter_model.bin", "adapter_model.pt"])
def test_a59_a_pickled_adapter_is_refused_unread(prepared: Prepared, copy: Path, name: str) -> None:
    marker = copy.parent / "marker"
    (copy / "adapter_model.safetensors").unlink()
    (copy / name).write_bytes(pickle.dumps(_Payload(marker)))
    assert "can run code" in _refused(prepared, copy)
    assert not marker.exists()


def _edit_tensors(change: Callable[[Tensors], None]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        tensors = load_file(folder / "adapter_model.safetensors")
        change(tensors)
        save_file(tensors, folder / "adapter_model.safetensors")

    return apply


def _without(*names: str) -> Callable[[Tensors], None]:
    def change(tensors: Tensors) -> None:
        for name in names:
            del tensors[name]

    return change


def _edit_json(name: str, **values: Any) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        content = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps({**content, **values}))

    return apply


def _write_weights(content: bytes) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        (folder / "adapter_model.safetensors").write_bytes(content)

    return apply


def _overlapping() -> bytes:
    entry = {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}
    header = json.dumps({"a": entry, "b": entry}).encode()
    return len(header).to_bytes(8, "little") + header + bytes(16)


Q_A = "base_model.model.model.layers.3.self_attn.q_proj.lora_A.weight"
Q_B = "base_model.model.model.layers.3.self_attn.q_proj.lora_B.weight"
CONFIG = "adapter_config.json"


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (_write_weights((1 << 63).to_bytes(8, "little") + b"{}"), "damaged"),
        (_write_weights(b""), "damaged"),
        (_write_weights(_overlapping()), "damaged"),
        (_edit_tensors(lambda t: t[Q_B].__setitem__((0, 0), np.nan)), "finite"),
        (_edit_tensors(lambda t: t[Q_A].__setitem__((0, 0), np.inf)), "finite"),
        (_edit_tensors(lambda t: t.update({Q_A: t[Q_A][:4].copy()})), "matrices are"),
        (_edit_tensors(_without(Q_A)), "half of a pair"),
        (_edit_tensors(_without(Q_A, Q_B)), "its tensors are not those"),
        (_edit_tensors(lambda t: t.update(extra=t[Q_A].copy())), "unexpected tensor"),
        (_edit_tensors(lambda t: t.update({Q_A: t[Q_A].astype(np.int32)})), "type I32"),
        (_edit_json(CONFIG, r=4), "matrices are"),
        (_edit_json(CONFIG, r=True), "rank"),
        (_edit_json(CONFIG, target_modules=["q_proj"]), "its tensors are not those"),
        (_edit_json("manifest.json", base_sha256="0" * 64), "another base"),
        (lambda folder: (folder / "manifest.json").unlink(), "manifest.json is missing"),
    ],
)
def test_a60_a_damaged_or_foreign_adapter_is_refused_with_the_reason(
    prepared: Prepared, copy: Path, damage: Callable[[Path], None], reason: str
) -> None:
    damage(copy)
    assert reason in _refused(prepared, copy)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"target_modules": "(a+)+$"}, "not a list"),
        ({"target_modules": ["lm_head"]}, "not a list"),
        ({"use_dora": True}, "use_dora"),
        ({"modules_to_save": ["embed_tokens"]}, "modules_to_save"),
        ({"peft_type": "PROMPT_TUNING"}, "no LoRA"),
        ({"lora_alpha": "__import__('os')"}, "alpha"),
        ({"lora_alpha": float("inf")}, "alpha"),
    ],
)
def test_a61_a_config_that_means_something_else_is_refused(
    prepared: Prepared, copy: Path, values: dict[str, Any], reason: str
) -> None:
    _edit_json(CONFIG, **values)(copy)
    assert reason in _refused(prepared, copy)


def test_a61_remote_paths_and_mappings_in_the_config_are_ignored(
    prepared: Prepared, copy: Path
) -> None:
    model = open_gguf(prepared.source)
    before = read_deltas(model, copy, base_sha256=prepared.base_sha256)
    mapping = {"base_model_class": "X", "parent_library": "os"}
    remote = "https://example.invalid/base"
    _edit_json(CONFIG, base_model_name_or_path=remote, auto_mapping=mapping)(copy)
    after = read_deltas(model, copy, base_sha256=prepared.base_sha256)
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_bf16_adapters_are_read_exactly(prepared: Prepared, copy: Path) -> None:
    import torch
    from safetensors.torch import load_file as load_torch
    from safetensors.torch import save_file as save_torch

    path = copy / "adapter_model.safetensors"
    halved = {name: values.to(torch.bfloat16) for name, values in load_torch(path).items()}
    save_torch({name: values.float() for name, values in halved.items()}, path)
    model = open_gguf(prepared.source)
    wanted = read_deltas(model, copy, base_sha256=prepared.base_sha256)
    save_torch(halved, path)
    found = read_deltas(model, copy, base_sha256=prepared.base_sha256)
    assert all(np.array_equal(wanted[name], found[name]) for name in wanted)
