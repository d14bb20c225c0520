"""What keeps a training run safe and seen: whole checkpoints, progress, the end when asked for.

Imports torch by way of transformers; only the training process imports this.
"""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from tuning.child import read_json, tell, write_json
from tuning.training import curve, ranks

WHOLE = "whole.json"
_NOTES = {
    "sft": "learning from your replies",
    "dpo": "learning from corrections",
    "kto": "learning from thumbs",
}


class Keeper(TrainerCallback):
    """Tells progress, makes checkpoints whole, and stops at a step's end when asked to."""

    def __init__(self, job: Path, *, phase: str = "sft", spent: float = 0.0) -> None:
        self._job = job
        self._phase = phase
        self._spent = spent
        self._began = time.monotonic()
        self._first: tuple[int, float] | None = None
        self.cancelled = False
        # Ray trains in a thread, which cannot listen; there the run ends with its processes.
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self._cancel)

    @property
    def seconds(self) -> float:
        """Seconds of training, those before a restart included."""
        return self._spent + time.monotonic() - self._began

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **_: Any,
    ) -> None:
        if not logs or "loss" not in logs or not ranks.is_first():
            return
        step, loss, seconds = state.global_step, logs["loss"], round(self.seconds, 1)
        curve.append(self._job, phase=self._phase, step=step, loss=loss, seconds=seconds)
        left = self._left(step, state.max_steps)
        tell(
            self._job,
            done=step,
            total=state.max_steps,
            note=f"{_NOTES[self._phase]}, loss {loss:.2f}",
            loss=loss,
            seconds=seconds,
            left=left,
        )

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        if self.cancelled:
            control.should_save = True
            control.should_training_stop = True

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        if not ranks.is_first():
            return
        folder = Path(str(args.output_dir)) / f"checkpoint-{state.global_step}"
        sync_files(folder)
        write_json(folder / WHOLE, {"step": state.global_step, "seconds": self.seconds})
        sync(folder)

    def _left(self, step: int, total: int) -> float | None:
        """Seconds until the last step, checkpoints and evaluations included; None at first.

        Counted from the end of the first step of this process, which is slower than the others.
        """
        if self._first is None:
            self._first = (step, time.monotonic())
            return None
        begun, at = self._first
        if step <= begun:
            return None
        return round((time.monotonic() - at) / (step - begun) * (total - step), 1)

    def _cancel(self, _number: int, _frame: FrameType | None) -> None:
        self.cancelled = True


def newest_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint that was written to its end; None if there is none."""
    whole = [path.parent for path in folder.glob(f"checkpoint-*/{WHOLE}")]
    return max(whole, key=step_of, default=None)


def tidied(folder: Path) -> Path | None:
    """Remove checkpoints that were cut short; return the newest whole one."""
    if ranks.is_first():
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.glob("checkpoint-*"):
            if not (path / WHOLE).is_file():
                shutil.rmtree(path)
    ranks.wait_for_all()
    return newest_checkpoint(folder)


def step_of(checkpoint: Path) -> int:
    return int(checkpoint.name.rpartition("-")[2])


def seconds_of(checkpoint: Path | None) -> float:
    """Seconds of training that a checkpoint stands for."""
    return 0.0 if checkpoint is None else float(read_json(checkpoint / WHOLE)["seconds"])


def sync_files(folder: Path) -> None:
    """Have the disk confirm every file of a folder."""
    for path in folder.rglob("*"):
        if path.is_file():
            sync(path)


def sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
