"""Early stop: what is set apart, when it stops, what it ends with; and the loss curve."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tuning.data.rows import Row
from tuning.training import curve

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::FutureWarning")]


def _rows(count: int, *, same: int = 0) -> list[Row]:
    return [
        Row([{"role": "user", "content": f"Q{0 if n < same else n}?"}], f"Reply {n}.")
        for n in range(count)
    ]


def test_few_rows_are_all_learnt_from() -> None:
    from tuning.training.stopping import set_apart

    assert set_apart(_rows(39), share=0.1, floor=40, seed=1) == frozenset()


def test_a_share_is_set_apart_and_the_seed_decides_which() -> None:
    from tuning.training.stopping import set_apart

    first = set_apart(_rows(100), share=0.1, floor=40, seed=1)
    assert len(first) == 10
    assert first == set_apart(_rows(100), share=0.1, floor=40, seed=1)
    assert first != set_apart(_rows(100), share=0.1, floor=40, seed=2)


@pytest.mark.parametrize("seed", range(5))
def test_rows_of_one_question_stay_on_one_side(seed: int) -> None:
    from tuning.training.stopping import set_apart

    apart = set_apart(_rows(60, same=4), share=0.2, floor=40, seed=seed)
    assert len(apart & {0, 1, 2, 3}) in (0, 4)


def test_the_curve_keeps_the_last_word_on_each_step(tmp_path: Path) -> None:
    curve.append(tmp_path, phase="sft", step=1, loss=3.0, seconds=1.0)
    curve.append(tmp_path, phase="sft", step=2, loss=2.0, seconds=2.0)
    curve.append(tmp_path, phase="sft", step=2, eval_loss=2.5, seconds=2.1)
    curve.append(tmp_path, phase="sft", step=2, loss=1.9, seconds=3.0)
    curve.append(tmp_path, phase="dpo", step=1, loss=0.7, seconds=1.0)
    with (tmp_path / "curve.jsonl").open("a") as stream:
        stream.write('{"phase": "sft", "st')
    assert curve.points(tmp_path, "sft") == [
        {"phase": "sft", "step": 1, "loss": 3.0, "seconds": 1.0},
        {"phase": "sft", "step": 2, "loss": 1.9, "eval_loss": 2.5, "seconds": 3.0},
    ]
    assert curve.points(tmp_path / "none", "sft") == []


class _Looks:
    """A stopper whose looks at the rows set apart find the given losses."""

    def __init__(
        self, job: Path, losses: list[float], monkeypatch: pytest.MonkeyPatch, resumed: int = 0
    ) -> None:
        import torch

        from tuning.data.rows import Encoded
        from tuning.training import stopping

        (job / "checkpoints").mkdir(exist_ok=True)
        self.model = torch.nn.Linear(1, 1)
        left = iter(losses)
        monkeypatch.setattr(stopping, "nats_a_token", lambda _model, _rows: next(left))
        self.stopper = stopping.Stopper(
            job,
            [Encoded([1, 2], 1)],
            phase="sft",
            every=2,
            patience=2,
            seconds=lambda: 1.0,
            resumed=resumed,
        )

    def step(self, number: int, *, last: int = 100) -> bool:
        """Take a step; say whether training is to end."""
        self.model.weight.data.fill_(float(number))
        control: Any = SimpleNamespace(should_training_stop=False)
        state: Any = SimpleNamespace(global_step=number, max_steps=last)
        self.stopper.on_step_end(None, state, control, model=self.model)  # type: ignore[arg-type]
        return bool(control.should_training_stop)


def test_it_stops_after_so_many_looks_without_gain_and_ends_with_the_best(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = _Looks(tmp_path, [2.0, 1.5, 1.6, 1.5], monkeypatch)
    assert [looks.step(n) for n in range(1, 9)] == [False] * 7 + [True]
    assert looks.stopper.stopped
    assert looks.stopper.best == (4, 1.5)
    assert looks.stopper.take_best(looks.model) == 4
    assert looks.model.weight.item() == 4.0


def test_a_gain_within_noise_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = _Looks(tmp_path, [2.0, 1.9995, 1.999], monkeypatch)
    assert [looks.step(n) for n in (2, 4, 6)] == [False, False, True]


def test_the_last_step_is_looked_at_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = _Looks(tmp_path, [2.0], monkeypatch)
    looks.step(7, last=7)
    assert looks.stopper.best == (7, 2.0)


def test_b29_a_run_taken_up_again_remembers_what_it_saw_up_to_its_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _Looks(tmp_path, [2.0, 1.5, 1.6], monkeypatch)
    for n in (2, 4, 6):
        before.step(n)
    again = _Looks(tmp_path, [1.6, 1.6], monkeypatch, resumed=5)
    assert again.stopper.best == (4, 1.5)
    assert [again.step(n) for n in (6, 8)] == [False, True]
    assert again.stopper.take_best(again.model) == 4


def test_nats_are_those_of_the_plain_loss(tiny: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    from tuning.data.rows import Encoded
    from tuning.training.stopping import nats_a_token

    model = AutoModelForCausalLM.from_pretrained(tiny / "train", dtype=torch.float32).train()
    rows = [Encoded([5, 6, 7, 8, 9], 3), Encoded([1, 2, 3], 1)]
    total = 0.0
    for row in rows:
        loss = model(
            input_ids=torch.tensor([row.ids]), labels=torch.tensor([row.labels])
        ).loss.item()
        total += loss * (len(row.ids) - row.prompt_tokens)
    assert nats_a_token(model, rows) == pytest.approx(total / 4, rel=1e-5)
    assert model.training


@pytest.mark.parametrize("seed", range(20))
def test_a_row_that_joins_two_keeps_all_three_on_one_side(seed: int) -> None:
    from tuning.training.stopping import set_apart

    rows = _rows(60)
    # The question of the first and the reply of the second.
    rows[2] = Row(rows[0].prompt, rows[1].completion)
    apart = set_apart(rows, share=0.2, floor=40, seed=seed)
    assert len(apart & {0, 1, 2}) in (0, 3)
