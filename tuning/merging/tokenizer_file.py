"""The tokenizer of a GGUF as tokenizer.json and chat.json, for serving and training alike."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

from server.errors import Invalid
from server.llm.tokenizer import CHAT_FILE, TOKENIZER_FILE, ChatFormat
from tuning.merging.gguf_file import GgufModel

_CONTROL, _USER_DEFINED = 3, 4
_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,%d}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def write_tokenizer(model: GgufModel, out_dir: Path) -> None:
    """Write the two tokenizer files of a model into a folder."""
    tokenizer = _build(model)
    tokenizer.save(str(out_dir / TOKENIZER_FILE))
    text = json.dumps(asdict(_chat_format(model)), ensure_ascii=False, indent=1)
    (out_dir / CHAT_FILE).write_text(text, encoding="utf-8")


def _build(model: GgufModel) -> Tokenizer:
    if model.value("tokenizer.ggml.model") != "gpt2":
        raise Invalid(
            f"{model.path.name} has a '{model.value('tokenizer.ggml.model')}' vocabulary.",
            hint="Use a model with a byte-level vocabulary: SmolLM2, Llama 3 or Qwen.",
        )
    pre = str(model.value("tokenizer.ggml.pre", "default"))
    if pre not in _PRE_TOKENIZERS:
        raise Invalid(
            f"{model.path.name} splits text in the unknown way '{pre}'.",
            hint=f"Known: {', '.join(sorted(_PRE_TOKENIZERS))}.",
        )
    tokens = model.value("tokenizer.ggml.tokens")
    merges = [tuple(pair.split(" ", 1)) for pair in model.value("tokenizer.ggml.merges")]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    ignore_merges = pre == "llama-bpe"
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, ignore_merges=ignore_merges))
    tokenizer.pre_tokenizer = _PRE_TOKENIZERS[pre]
    tokenizer.decoder = decoders.ByteLevel()
    if pre == "qwen2":
        tokenizer.normalizer = normalizers.NFC()
    tokenizer.add_special_tokens(_added(model, _CONTROL, special=True))
    tokenizer.add_tokens(_added(model, _USER_DEFINED, special=False))
    return tokenizer


def _chat_format(model: GgufModel) -> ChatFormat:
    tokens = model.value("tokenizer.ggml.tokens")
    template = model.value("tokenizer.chat_template")
    if not template:
        raise Invalid(
            f"{model.path.name} has no chat template.", hint="Use a GGUF of an instruct model."
        )
    eos = int(model.value("tokenizer.ggml.eos_token_id"))
    bos = int(model.value("tokenizer.ggml.bos_token_id", eos))
    return ChatFormat(
        template=template,
        context_length=int(model.setting("context_length")),
        bos_token=tokens[bos],
        eos_token=tokens[eos],
        control_tokens={token: tokens.index(token) for token in _typed(model, _CONTROL)},
    )


def _typed(model: GgufModel, kind: int) -> list[str]:
    types = model.value("tokenizer.ggml.token_type")
    tokens = model.value("tokenizer.ggml.tokens")
    return [token for token, its in zip(tokens, types, strict=True) if its == kind]


def _added(model: GgufModel, kind: int, *, special: bool) -> list[Any]:
    return [AddedToken(t, special=special, normalized=False) for t in _typed(model, kind)]


def _split_words(digits: int) -> Any:
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_WORDS % digits), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )


def _gpt2(*, digits: bool) -> Any:
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    if not digits:
        return byte_level
    return pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), byte_level])


# The ways of splitting that llama.cpp names in `tokenizer.ggml.pre`.
_PRE_TOKENIZERS: dict[str, Any] = {
    "smollm": _gpt2(digits=True),
    "gpt-2": _gpt2(digits=False),
    "default": _gpt2(digits=False),
    "llama-bpe": _split_words(3),
    "qwen2": _split_words(1),
}
