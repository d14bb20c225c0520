"""The loss curve as training leaves it: half lines, steps done twice, thinning."""

from __future__ import annotations

import json
from pathlib import Path

from tuning.loss_curve import read_curve, thinned
from tuning.training.curve import CURVE_FILE as CURVE


def test_no_file_is_no_curve(tmp_path: Path) -> None:
    assert read_curve(tmp_path) == []


def test_points_are_read_in_order_and_a_half_line_is_left_for_later(tmp_path: Path) -> None:
    lines = [
        {"step": 1, "loss": 3.0, "seconds": 1.0},
        {"step": 2, "loss": 2.5},
        # Taken up again after a kill: the step is done twice, the later figure counts.
        {"step": 2, "loss": 2.4},
        {"step": 3, "eval_loss": 2.2},
        {"step": 3, "loss": 2.3},
        {"step": 4, "loss": "much"},
        {"step": None, "loss": 1},
        [],
    ]
    text = "\n".join(map(json.dumps, lines)) + '\n{"step": 5, "lo'
    (tmp_path / CURVE).write_text(text + "\n" + '{"step": 6, "loss": NaN}')
    assert read_curve(tmp_path) == [
        {"step": 1.0, "loss": 3.0, "seconds": 1.0},
        {"step": 2.0, "loss": 2.4},
        {"step": 3.0, "eval_loss": 2.2, "loss": 2.3},
        {"step": 4.0},
        {"step": 6.0},
    ]


def test_a_later_phase_goes_on_where_the_one_before_ended(tmp_path: Path) -> None:
    lines = [
        {"phase": "sft", "step": 1, "loss": 3.0},
        {"phase": "sft", "step": 2, "loss": 2.0},
        {"phase": "dpo", "step": 1, "loss": 0.7},
    ]
    (tmp_path / CURVE).write_text("\n".join(map(json.dumps, lines)) + "\n")
    assert [(p["step"], p["loss"]) for p in read_curve(tmp_path)] == [(1, 3.0), (2, 2.0), (3, 0.7)]


def test_a_long_curve_keeps_its_end_and_all_that_was_measured_aside() -> None:
    points = [{"step": float(n), "loss": 1.0} for n in range(1000)]
    points[37]["eval_loss"] = 0.5
    kept = thinned(points, most=50)
    assert len(kept) <= 52
    assert kept[0] == points[0] and kept[-1] == points[-1] and points[37] in kept
    assert thinned(points[:50], most=50) == points[:50]
