"""Early stop: on replies set apart from the training side, never on those a run is judged by.

The best weights so far are kept beside the checkpoints and are what a run ends with.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from scipy.cluster.hierarchy import DisjointSet  # type: ignore[import-untyped]
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from tuning.data.rows import IGNORED, Encoded, Row
from tuning.training import curve, ranks
from tuning.training.keeper import sync

# So much lower, in nats a token, counts as better: less is noise of a few replies.
_BETTER = 0.002


def set_apart(rows: Sequence[Row], *, share: float, floor: int, seed: int) -> frozenset[int]:
    """Which rows are not trained on; none of them while there are fewer than `floor`.

    Rows with the same question or the same reply stay on one side.
    """
    if len(rows) < floor or not share:
        return frozenset()
    groups = _groups(rows)
    order = sorted(groups)
    random.Random(seed).shuffle(order)
    wanted, apart = max(2, round(len(rows) * share)), set[int]()
    for group in order:
        # A large group would leave too little to learn from.
        if len(groups[group]) <= wanted - len(apart):
            apart.update(groups[group])
    return frozenset(apart)


def _groups(rows: Sequence[Row]) -> dict[int, list[int]]:
    """Places of rows that share a question or a reply, also by way of a third; by the last one."""
    joined: DisjointSet = DisjointSet(range(len(rows)))
    first: dict[str, int] = {}
    for n, row in enumerate(rows):
        for key in (json.dumps(row.prompt[-1]), "reply:" + row.completion.strip().lower()):
            joined.merge(first.setdefault(key, n), n)
    return {max(group): sorted(group) for group in joined.subsets()}


@torch.no_grad()
def nats_a_token(model: Any, rows: Sequence[Encoded]) -> float:
    """The mean loss over the replies' tokens, one row after another, the head on replies only."""
    plain = model.get_base_model() if hasattr(model, "get_base_model") else model
    backbone = getattr(plain, plain.base_model_prefix)
    trained = model.training
    model.eval()
    total, count = 0.0, 0
    for row in rows:
        ids = torch.tensor([row.ids[:-1]], device=plain.device)
        hidden = backbone(input_ids=ids, use_cache=False).last_hidden_state[0]
        logits = plain.get_output_embeddings()(hidden[row.prompt_tokens - 1 :]).float()
        wanted = torch.tensor(row.ids[row.prompt_tokens :], device=logits.device)
        loss = torch.nn.functional.cross_entropy(
            logits, wanted, reduction="sum", ignore_index=IGNORED
        )
        total, count = total + float(loss), count + len(wanted)
    model.train(trained)
    return total / count


class Stopper(TrainerCallback):
    """Measures the rows set apart every so many steps; ends a phase that grows no better."""

    def __init__(
        self,
        job: Path,
        rows: Sequence[Encoded],
        *,
        phase: str,
        every: int,
        patience: int,
        seconds: Callable[[], float],
        resumed: int = 0,
    ) -> None:
        self._job, self._rows, self._phase = job, rows, phase
        self._every, self._patience, self._seconds = every, patience, seconds
        self._best: tuple[int, float] | None = None
        self._worse = 0
        self.stopped = False
        for point in curve.points(job, phase):
            if "eval_loss" in point and point["step"] <= resumed:
                self._judge(point["step"], point["eval_loss"])

    @property
    def best(self) -> tuple[int, float] | None:
        """The step and loss of the best weights; None before the first measurement."""
        return self._best

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        step = state.global_step
        if self._worse >= self._patience:
            # Killed between its last look and its end, and taken up again.
            self.stopped = control.should_training_stop = True
            return
        if not self._rows or (step % self._every and step < state.max_steps):
            return
        loss = round(nats_a_token(kwargs["model"], self._rows), 5)
        if ranks.is_first():
            seconds = round(self._seconds(), 1)
            curve.append(self._job, phase=self._phase, step=step, eval_loss=loss, seconds=seconds)
        if self._judge(step, loss):
            self._keep(kwargs["model"], step)
        elif self._worse >= self._patience:
            self.stopped = True
            control.should_training_stop = True

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        if not ranks.is_first():
            return
        # Only now: a run that goes on from an older checkpoint needs what was best then.
        for path in self._folder.glob("*.safetensors"):
            if self._best is not None and int(path.stem) != self._best[0]:
                path.unlink()

    def take_best(self, model: Any) -> int | None:
        """Put the best weights back into the model; the step they are of, None if unknown."""
        if self._best is None or not (path := self._file(self._best[0])).is_file():
            return None
        held = dict(_trained(model))
        with torch.no_grad():
            for name, values in load_file(path).items():
                held[name].copy_(values)
        return self._best[0]

    def _judge(self, step: int, loss: float) -> bool:
        if self._best is None or loss < self._best[1] - _BETTER:
            self._best, self._worse = (step, loss), 0
            return True
        self._worse += 1
        return False

    def _keep(self, model: Any, step: int) -> None:
        if not ranks.is_first():
            return
        self._folder.mkdir(exist_ok=True)
        draft = self._folder / ".draft"
        save_file({name: p.detach().contiguous() for name, p in _trained(model)}, draft)
        sync(draft)
        draft.rename(self._file(step))

    @property
    def _folder(self) -> Path:
        return self._job / "checkpoints" / f"best-{self._phase}"

    def _file(self, step: int) -> Path:
        return self._folder / f"{step}.safetensors"


def _trained(model: Any) -> list[tuple[str, Any]]:
    return [(name, p) for name, p in model.named_parameters() if p.requires_grad]
