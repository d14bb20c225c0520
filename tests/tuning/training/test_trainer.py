"""The trainer's loss and masks, in this process on a tiny random model."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from server.errors import Invalid, Unavailable
from tuning.config import TuningConfig
from tuning.data.rows import Encoded

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::FutureWarning")]

ROWS = [
    Encoded([10, 11, 12, 13, 14, 15, 16], 4),
    Encoded([20, 21, 22, 23, 24], 2),
    Encoded([30, 31, 32, 33], 3),
]


@pytest.fixture(params=[0.0, 0.1], ids=["fast", "plain"])
def trainer(request: pytest.FixtureRequest, tiny: Path, tmp_path: Path) -> Iterator[Any]:
    """A trainer that goes the fast way, and one that dropout sends the plain way."""
    from tuning.training.job import Job
    from tuning.training.keeper import Keeper
    from tuning.training.train import sft_trainer

    before = signal.getsignal(signal.SIGTERM)
    config = TuningConfig(
        rank=4,
        alpha=8,
        batch=3,
        micro_batch=3,
        threads=1,
        dtype="fp32",
        dropout=request.param,
    )
    (tmp_path / "job.json").write_text(
        json.dumps({"prepared": str(tiny), "config": config.as_dict()})
    )
    made = sft_trainer(Job.read(tmp_path), ROWS, [Keeper(tmp_path)])
    # What is compared below must not hang on chance.
    made.model.eval()
    yield made
    signal.signal(signal.SIGTERM, before)


def _batch(trainer: Any) -> dict[str, Any]:
    return dict(trainer.data_collator([trainer.train_dataset[n] for n in range(len(ROWS))]))


def test_the_loss_is_that_of_the_plain_trainer(trainer: Any) -> None:
    from trl.trainer.sft_trainer import SFTTrainer

    ours = trainer.compute_loss(trainer.model, _batch(trainer))
    plain = SFTTrainer.compute_loss(trainer, trainer.model, _batch(trainer))
    assert ours.item() == pytest.approx(plain.item(), rel=1e-5)


def test_the_gradients_are_those_of_the_plain_trainer(trainer: Any) -> None:
    import torch
    from trl.trainer.sft_trainer import SFTTrainer

    found = []
    for compute in (trainer.compute_loss, lambda m, b: SFTTrainer.compute_loss(trainer, m, b)):
        trainer.model.zero_grad()
        compute(trainer.model, _batch(trainer)).backward()
        grads = [p.grad.clone() for p in trainer.model.parameters() if p.requires_grad]
        found.append(torch.cat([g.flatten() for g in grads]))
    assert torch.allclose(found[0], found[1], rtol=1e-4, atol=1e-7)


def test_the_masked_share_is_the_prompts_share(trainer: Any) -> None:
    from tuning.training.trainer import check_masks

    assert check_masks(trainer, ROWS, 3) == pytest.approx(9 / 16)


@pytest.mark.parametrize("off_by", [-1, 1])
def test_a_mask_that_is_off_by_one_token_is_an_error(trainer: Any, off_by: int) -> None:
    from tuning.training.trainer import check_masks

    wrong = [Encoded(ROWS[0].ids, ROWS[0].prompt_tokens + off_by), *ROWS[1:]]
    with pytest.raises(Invalid, match="masks 9 of 16 tokens"):
        check_masks(trainer, wrong, 3)


def test_a_training_step_gives_the_plain_trainers_loss_and_gradients(trainer: Any) -> None:
    import torch
    from trl.trainer.sft_trainer import SFTTrainer

    if not trainer._rows_at_once:
        pytest.skip("dropout: this trainer takes TRL's own training step")
    plain = SFTTrainer.compute_loss(trainer, trainer.model, _batch(trainer))
    plain.backward()
    wanted = [p.grad.clone() for p in trainer.model.parameters() if p.requires_grad]
    trainer.model.zero_grad()
    loss = trainer.training_step(trainer.model, _batch(trainer))
    found = [p.grad for p in trainer.model.parameters() if p.requires_grad]
    assert loss.item() == pytest.approx(plain.item(), rel=1e-5)
    assert all(
        torch.allclose(a, b, rtol=1e-3, atol=1e-7) for a, b in zip(found, wanted, strict=True)
    )


@pytest.mark.parametrize("label", [-100, 7])
def test_a_batch_that_masks_nothing_or_everything_is_an_error(trainer: Any, label: int) -> None:
    batch = _batch(trainer)
    batch["labels"].fill_(label)
    step = trainer.training_step if trainer._rows_at_once else trainer.compute_loss
    with pytest.raises(Invalid, match="nothing or everything"):
        step(trainer.model, batch)


def test_b23_training_does_not_start_without_room_on_the_disk(tmp_path: Path) -> None:
    from tuning.training.job import check_space

    check_space(tmp_path, 1000)
    with pytest.raises(Unavailable, match="MB of free disk"):
        check_space(tmp_path, 10**15)
