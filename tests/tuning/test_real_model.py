"""Training the real default model: it learns, a kill costs nothing, and what is served has it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from server.llm.models import Prepared, build_ir
from server.llm.tokenizer import ChatTokenizer
from server.prompt import Persona, build_messages
from tests.tuning.faq_voice import replies
from tuning.config import TuningConfig
from tuning.data.context import sentences_of
from tuning.data.rows import encode, read_rows
from tuning.evaluation.loss import losses
from tuning.evaluation.metrics import per_token
from tuning.manifest import write_manifest
from tuning.merging.merge import merge
from tuning.places import TRAINED

pytestmark = [pytest.mark.slow, pytest.mark.model, pytest.mark.timeout(900)]

STEPS = 6


def _job(folder: Path, prepared: Prepared) -> Path:
    folder.mkdir()
    rows = []
    for reply in replies(24):
        facts = sentences_of(reply.answer)[1:-1]
        prompt = build_messages(Persona(name="Debian helper"), reply.question, facts)
        rows.append({"prompt": prompt, "completion": reply.answer})
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    config = TuningConfig(rank=8, alpha=16, epochs=1, batch=4, checkpoint_steps=1)
    job = {"prepared": str(prepared.root), "config": config.as_dict()}
    (folder / "job.json").write_text(json.dumps(job))
    return folder


def _start(folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tuning.training.train", str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_b29_a_killed_run_of_the_real_model_ends_with_all_steps_and_a_lower_loss(
    prepared: Prepared, tmp_path: Path
) -> None:
    folder = _job(tmp_path / "job", prepared)
    child = _start(folder)
    while not (folder / "checkpoints" / "checkpoint-2" / "whole.json").is_file():
        assert child.poll() is None, child.communicate()[1][-3000:]
        time.sleep(0.05)
    child.send_signal(signal.SIGKILL)
    child.communicate()
    again = _start(folder)
    _, errors = again.communicate()
    assert again.returncode == 0, errors[-3000:]
    result = json.loads((folder / TRAINED).read_text())
    assert result["steps"] == STEPS
    assert 2 <= result["resumed_at"] < STEPS

    write_manifest(folder / "adapter", {"base_sha256": prepared.base_sha256})
    merged = merge(
        prepared.source,
        folder / "adapter",
        folder / "model.gguf",
        base_sha256=prepared.base_sha256,
    )
    build_ir(merged.path, folder / "ir", tokenizer_from=prepared.serving)
    tokenizer = ChatTokenizer(prepared.serving)
    rows = [encode(tokenizer, r.prompt, r.completion) for r in read_rows(folder / "rows.jsonl")]
    before, after = losses(prepared.serving, rows[:8]), losses(folder / "ir", rows[:8])
    assert per_token(after) < 0.8 * per_token(before)
