"""The training base: the same ids as serving, the same weights as the source."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest

from server.errors import Invalid
from server.llm.models import Prepared
from server.llm.tokenizer import ChatTokenizer
from tuning.merging.convert import training_base
from tuning.merging.gguf_file import open_gguf

pytestmark = [pytest.mark.model, pytest.mark.slow]

CHATS = [
    [{"role": "user", "content": "Hello"}],
    [{"role": "system", "content": "Be kind.\n\n"}, {"role": "user", "content": "  12345?\n"}],
    [
        {"role": "system", "content": "Antworte auf Deutsch."},
        {"role": "user", "content": "Was kostet's? déjà vu 😀 漢字\t\tx = 1\r\n"},
        {"role": "assistant", "content": "Nichts."},
        {"role": "user", "content": "Thank you, that's all."},
    ],
]


@pytest.mark.parametrize("chat", CHATS)
@pytest.mark.parametrize("generation", [True, False])
def test_training_and_serving_see_the_same_ids(
    prepared: Prepared, chat: list[dict[str, str]], generation: bool
) -> None:
    from transformers import AutoTokenizer

    trained = AutoTokenizer.from_pretrained(training_base(prepared.root))
    expected = trained.apply_chat_template(
        chat, add_generation_prompt=generation, return_dict=True
    )["input_ids"]
    served = ChatTokenizer(prepared.serving)
    assert served.encode_chat(chat, add_generation_prompt=generation) == expected


def test_the_training_base_is_made_once(prepared: Prepared) -> None:
    first = training_base(prepared.root)
    before = (first / "model.safetensors").stat().st_mtime_ns
    assert training_base(prepared.root) == first
    assert (first / "model.safetensors").stat().st_mtime_ns == before
    assert not list(prepared.root.glob(".making-*"))


def test_the_training_weights_are_those_of_the_source(prepared: Prepared) -> None:
    from gguf.quants import dequantize
    from safetensors.numpy import load_file

    weights = load_file(training_base(prepared.root) / "model.safetensors")
    source = open_gguf(prepared.source)
    by_name = {tensor.name: tensor for tensor in source.reader.tensors}
    for ours, theirs in (
        ("blk.7.ffn_up", "model.layers.7.mlp.up_proj"),
        ("blk.7.attn_v", "model.layers.7.self_attn.v_proj"),
        ("token_embd", "model.embed_tokens"),
    ):
        tensor = by_name[f"{ours}.weight"]
        wanted = dequantize(tensor.data, tensor.tensor_type)
        found = weights[f"{theirs}.weight"].astype(np.float32)
        assert np.abs(wanted - found).max() < 1e-3 * np.abs(wanted).max()


def test_a_model_of_another_family_is_refused_by_name(tmp_path: Path) -> None:
    key, value = b"general.architecture", b"mamba"
    field = struct.pack("<Q", len(key)) + key + struct.pack("<IQ", 8, len(value)) + value
    path = tmp_path / "other.gguf"
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + field)
    with pytest.raises(Invalid, match="'mamba' model"):
        open_gguf(path)


def test_the_chat_format_names_every_control_token(prepared: Prepared) -> None:
    chat = json.loads((prepared.serving / "chat.json").read_text())
    assert chat["context_length"] == 8192
    assert chat["eos_token"] == "<|im_end|>"
    assert chat["control_tokens"]["<|im_start|>"] == 1
    assert len(chat["control_tokens"]) == 17
