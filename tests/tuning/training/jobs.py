"""Job folders on the tiny model, and the training process that works on one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tuning.config import TuningConfig

CONFIG: dict[str, Any] = {
    "rank": 4, "alpha": 8, "epochs": 6, "batch": 2, "checkpoint_steps": 1, "threads": 1,
    "dtype": "fp32", "learning_rate": 5e-3,
}  # fmt: skip


def make_job(folder: Path, tiny: Path, **config: Any) -> Path:
    """A job of eight rows; `config`: what differs from `CONFIG`."""
    folder.mkdir()
    rows = [
        {
            "prompt": [{"role": "user", "content": f"Question {n}?"}],
            "completion": "Ahoy! " * (1 + n % 3) + f"Answer {n}.",
        }
        for n in range(8)
    ]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    chosen = TuningConfig(**(CONFIG | config)).as_dict()
    (folder / "job.json").write_text(json.dumps({"prepared": str(tiny), "config": chosen}))
    return folder


def start(folder: Path) -> subprocess.Popen[str]:
    """The training process of a job."""
    command = [sys.executable, "-m", "tuning.training.train", str(folder)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
    )


def run_to_end(folder: Path) -> tuple[int, str, str]:
    """Train a job to its end: status, output, errors."""
    child = start(folder)
    out, errors = child.communicate(timeout=240)
    return child.returncode, out, errors


def weights(folder: Path) -> dict[str, Any]:
    """The adapter that a job left."""
    from safetensors.numpy import load_file

    return dict(load_file(folder / "adapter" / "adapter_model.safetensors"))
