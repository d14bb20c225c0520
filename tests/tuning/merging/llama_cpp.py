"""Asks a GGUF file in llama.cpp's Python binding, in a process of its own.

`python -m tests.tuning.merging.llama_cpp FILE TOKENS` reads a JSON list of prompts, each a list of
token ids, and writes the list of what is likeliest to follow, as texts.
"""

from __future__ import annotations

import json
import sys
from typing import Any


def continuations(path: str, prompts: list[list[int]], tokens: int) -> list[str]:
    """What follows each prompt if the likeliest token is taken each time."""
    import xllamacpp  # its absence is a reason to skip, told by who starts this

    params = xllamacpp.CommonParams()
    params.model.path = path
    params.n_ctx = 2048
    params.n_parallel = 1
    params.warmup = False
    # One thread: on a busy machine several only wait for one another.
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    server = xllamacpp.Server(params)
    # What one prompt leaves in the cache must not be a part of the next one's rounding.
    asked: dict[str, Any] = {"temperature": 0.0, "max_tokens": tokens, "cache_prompt": False}
    answers = [server.handle_completions({"prompt": ids, **asked}) for ids in prompts]
    return [str(answer["choices"][0]["text"]) for answer in answers]


if __name__ == "__main__":
    json.dump(continuations(sys.argv[1], json.load(sys.stdin), int(sys.argv[2])), sys.stdout)
