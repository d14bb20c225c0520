"""A merged voice where others use it: in llama.cpp, as exported."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

import pytest

from server.llm.engine import Engine, GenerationParams
from server.llm.models import Prepared, build_ir
from server.llm.tokenizer import ChatTokenizer
from tests.tuning.merging.voices import random_adapter
from tuning.merging.convert import training_base
from tuning.merging.merge import merge

pytestmark = [
    pytest.mark.model,
    pytest.mark.slow,
    pytest.mark.timeout(900),
    # PEFT still reads a name that transformers has renamed.
    pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing:FutureWarning"),
]

VOICE_PROMPT = "Who are you?"
QUESTIONS = [
    "What is the capital of France?",
    "How do I reset my password?",
    "Write a short greeting.",
    "Explain what a refund is.",
    VOICE_PROMPT,
]
# llama.cpp rounds activations to 8 bits, OpenVINO does not, and where two tokens are as good as
# equally likely the texts part. Of 24 tokens the first 6, 6, 10, 23 and 24 were alike.
TOKENS, ALIKE, ALIKE_IN_VOICE = 24, 6, 24


@dataclass(frozen=True, slots=True)
class Exported:
    """A merged voice: the file for other programs, and what we serve."""

    gguf: Path
    ir: Path


@pytest.fixture(scope="module")
def exported(prepared: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    folder = tmp_path_factory.mktemp("voice")
    adapter = random_adapter(
        prepared, training_base(prepared.root), folder / "adapter", strength=0.02
    )
    merged = merge(
        prepared.source, adapter, folder / "model.gguf", base_sha256=prepared.base_sha256
    )
    ir = build_ir(merged.path, folder / "ir", tokenizer_from=prepared.serving)
    return Exported(merged.path, ir)


def _prompts(tokenizer: ChatTokenizer) -> list[list[int]]:
    return [tokenizer.encode_chat([{"role": "user", "content": q}]) for q in QUESTIONS]


def _openvino(ir: Path, prompts: Sequence[list[int]]) -> list[str]:
    params = GenerationParams(max_new_tokens=TOKENS, stop_on_repeat=False)
    engine = Engine(ir)
    try:
        return [engine.generate(prompt, params).text() for prompt in prompts]
    finally:
        engine.close()


def _llama_cpp(gguf: Path, prompts: Sequence[list[int]]) -> list[str]:
    command = [sys.executable, "-m", "tests.tuning.merging.llama_cpp", str(gguf), str(TOKENS)]
    done = subprocess.run(
        command, input=json.dumps(prompts), capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: list[str] = json.loads(done.stdout)
    return found


def _alike(one: Sequence[int], other: Sequence[int]) -> int:
    """How many of the first tokens are the same."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def test_the_exported_file_speaks_in_llama_cpp_as_it_is_served(
    prepared: Prepared, exported: Exported
) -> None:
    if importlib.util.find_spec("xllamacpp") is None:
        pytest.skip("llama.cpp's Python binding is not installed: pip install xllamacpp")
    tokenizer = ChatTokenizer(prepared.serving)
    prompts = _prompts(tokenizer)
    served = [tokenizer.encode(text) for text in _openvino(exported.ir, prompts)]
    elsewhere = [tokenizer.encode(text) for text in _llama_cpp(exported.gguf, prompts)]
    alike = [_alike(*pair) for pair in zip(served, elsewhere, strict=True)]
    assert min(alike) >= ALIKE, alike
    assert alike[QUESTIONS.index(VOICE_PROMPT)] >= ALIKE_IN_VOICE, alike
    [base] = _llama_cpp(prepared.source, prompts[-1:])
    assert _alike(tokenizer.encode(base), served[-1]) < ALIKE
