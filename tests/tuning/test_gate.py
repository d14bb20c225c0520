"""The gate: what it lets pass and what it refuses, with the reason."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tuning.gate import Gate

GOOD: dict[str, Any] = {
    "nll_before": 1.3, "nll_after": 0.4, "nll_low": -1.0, "nll_high": -0.7,
    "style_before": 0.2, "style_after": 0.9,
    "facts_before": 0.8, "facts_after": 0.8, "facts_asked": 20,
    "invented_before": 0.1, "invented_after": 0.05,
    "length_before": 40.0, "length_after": 50.0, "length_owner": 45.0,
    "probes_changed": 8,
}  # fmt: skip


def test_a_candidate_that_is_better_and_no_worse_passes() -> None:
    assert Gate().failures(GOOD) == []


@pytest.mark.parametrize(
    ("sabotage", "reason"),
    [
        ({"nll_after": 1.4, "nll_low": 0.05, "nll_high": 0.2}, "did not become surely more"),
        ({"nll_low": -0.2, "nll_high": 0.01}, "did not become surely more"),
        ({"style_after": 0.2}, "not closer to the owner's voice"),
        ({"facts_after": 0.7}, "fewer facts right"),
        ({"invented_after": 0.2}, "invents more numbers"),
        ({"length_after": 200.0}, "too long"),
        ({"length_after": 6.0}, "too short"),
        ({"probes_changed": 0}, "no effect"),
        ({"nll_after": math.nan}, "no usable figure for nll_after"),
        ({"nll_high": math.inf}, "no usable figure for nll_high"),
        ({"style_after": None}, "no usable figure for style_after"),
    ],
)
def test_a_sabotaged_report_is_refused_with_the_reason(
    sabotage: dict[str, Any], reason: str
) -> None:
    found = Gate().failures(GOOD | sabotage)
    assert len(found) == 1
    assert reason in found[0]


def test_a_copy_of_the_base_is_refused() -> None:
    copy = GOOD | {
        "nll_after": 1.3, "nll_low": 0.0, "nll_high": 0.0,
        "style_after": 0.2, "probes_changed": 0,
    }  # fmt: skip
    assert len(Gate().failures(copy)) == 3


def test_one_lost_question_of_few_is_within_the_margin() -> None:
    assert Gate().failures(GOOD | {"facts_asked": 10, "facts_after": 0.7}) == []


def test_every_reason_is_given_at_once() -> None:
    bad = GOOD | {"style_after": 0.1, "facts_after": 0.1, "length_after": 1.0}
    assert len(Gate().failures(bad)) == 3
