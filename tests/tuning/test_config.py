"""The values of a run."""

from __future__ import annotations

from typing import Any

import pytest

from server.errors import Invalid
from tuning.config import TuningConfig


def test_a_config_survives_being_stored() -> None:
    config = TuningConfig(rank=8, seed=3)
    assert TuningConfig.from_dict(config.as_dict()) == config


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("method", "dpo"),
        ("rank", 7),
        ("alpha", 0),
        ("dropout", 0.5),
        ("learning_rate", 0),
        ("epochs", -1),
        ("batch", 0),
        ("micro_batch", 3),
        ("warmup", 1),
        ("max_length", 10),
        ("dtype", "int8"),
        ("checkpoint_steps", 0),
        ("held_out", 0),
        ("pairs_floor", 1),
        ("tuned", "half"),
        ("full_learning_rate", 0),
        ("preference_rate", 2),
        ("preference_epochs", 0),
        ("beta", 0),
        ("sft_weight", -1),
        ("kto_batch", 8),
        ("kto_batch", 18),
        ("stop_share", 0.6),
        ("stop_floor", 3),
        ("eval_steps", -1),
        ("patience", 0),
        ("kind", "facts"),
        ("grounding_share", 0.6),
        ("grounding_floor", 3),
        ("grounding_floor", 300),
    ],
)
def test_a_value_out_of_bounds_is_named(name: str, value: Any) -> None:
    with pytest.raises(Invalid, match=f"{name} is"):
        TuningConfig(**{name: value})


def test_an_unknown_setting_is_named() -> None:
    with pytest.raises(Invalid, match="'rnak'"):
        TuningConfig.from_dict({"rnak": 8})


@pytest.mark.parametrize(("rows", "epochs"), [(17, 6), (40, 4), (85, 2), (500, 2)])
def test_few_rows_are_gone_through_more_often(rows: int, epochs: int) -> None:
    assert TuningConfig().epochs_for(rows) == epochs


@pytest.mark.parametrize("method", ["sft", "sft+dpo", "kto"])
def test_full_tuning_is_supervised_only(method: str) -> None:
    assert TuningConfig(method=method).tuned == "lora"
    if method == "sft":
        assert TuningConfig(tuned="full").rate == TuningConfig().full_learning_rate
    else:
        with pytest.raises(Invalid, match="tuned is 'full'"):
            TuningConfig(method=method, tuned="full")


@pytest.mark.parametrize(("rows", "every"), [(8, 1), (85, 11), (40, 5)])
def test_rows_set_apart_are_looked_at_twice_an_epoch(rows: int, every: int) -> None:
    assert TuningConfig().eval_every(rows) == every
    assert TuningConfig(eval_steps=3).eval_every(rows) == 3


def test_a_grounding_run_goes_through_its_rows_once_where_they_are_many() -> None:
    chosen = TuningConfig(kind="grounding")
    assert [chosen.epochs_for(rows) for rows in (260, 40)] == [1, 4]
    with pytest.raises(Invalid, match="method is 'kto'"):
        TuningConfig(kind="grounding", method="kto")


@pytest.mark.parametrize(("share", "rows"), [(0.0, 0), (0.25, 20), (0.5, 60)])
def test_the_share_is_of_all_training_rows(share: float, rows: int) -> None:
    assert TuningConfig(grounding_share=share).grounding_rows_for(60) == rows
