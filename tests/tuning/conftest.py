"""A two-layer random model with its own small tokenizer, laid out as a prepared base."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from server.llm.tokenizer import ChatFormat

TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_CONTROL = ("<|im_start|>", "<|im_end|>")


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prepared folder: `serving/` with the tokenizer, `train/` with the weights."""
    root = tmp_path_factory.mktemp("tiny")
    control = write_tokenizer(root / "serving")
    _write_model(root, vocabulary=256 + len(control))
    return root


def write_tokenizer(folder: Path, template: str = TEMPLATE) -> dict[str, int]:
    """One token a byte, and the two control tokens of a chat."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    folder.mkdir(parents=True, exist_ok=True)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {char: n for n, char in enumerate(alphabet)}
    control = {token: len(vocabulary) + n for n, token in enumerate(_CONTROL)}
    tokenizer = Tokenizer(models.BPE(vocabulary | control, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(t, special=True) for t in control])
    tokenizer.save(str(folder / "tokenizer.json"))
    chat: dict[str, Any] = {
        "template": template,
        "context_length": 2048,
        "bos_token": "<|im_start|>",
        "eos_token": "<|im_end|>",
        "control_tokens": control,
    }
    assert set(chat) <= set(ChatFormat.__dataclass_fields__)
    (folder / "chat.json").write_text(json.dumps(chat), encoding="utf-8")
    return control


def _write_model(root: Path, *, vocabulary: int) -> None:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from tuning.merging.convert import _save_tokenizer

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        eos_token_id=vocabulary - 1,
        pad_token_id=vocabulary - 1,
        bos_token_id=vocabulary - 2,
    )
    (root / "train").mkdir()
    LlamaForCausalLM(config).save_pretrained(root / "train")
    _save_tokenizer(root / "serving", root / "train")
