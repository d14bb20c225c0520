"""The lines of the scorecard: what they say, and that they say no more than the figures do."""

from __future__ import annotations

import math

import pytest

from tuning.evaluation.scorecard import BETTER, NO_WORSE, SAME, UNSURE, WORSE, Line, means, shares


@pytest.mark.parametrize(
    ("gained", "lost", "kept", "verdict"),
    [
        (30, 0, 10, BETTER),
        (0, 30, 10, WORSE),
        (1, 2, 9, UNSURE),
        (8, 8, 900, NO_WORSE),
        (0, 0, 5, SAME),
    ],
)
def test_a_line_says_what_its_interval_shows(
    gained: int, lost: int, kept: int, verdict: str
) -> None:
    before = [False] * gained + [True] * lost + [True] * kept
    after = [True] * gained + [False] * lost + [True] * kept
    assert shares("facts", "Facts right", before, after).verdict == verdict


def test_less_is_better_where_it_says_so() -> None:
    before, after = [True] * 30 + [False] * 10, [False] * 40
    assert shares("leak", "Leaks", before, after, better="less").verdict == BETTER
    assert shares("leak", "Leaks", after, before, better="less").verdict == WORSE


def test_a_sure_loss_within_the_margin_is_no_worse() -> None:
    line = means("speed", "Speed", [100.0] * 20, [99.0] * 20, seed=1, margin=5.0)
    assert line.verdict == NO_WORSE


def test_a_mean_of_very_few_items_proves_nothing() -> None:
    assert means("speed", "Speed", [24.0], [18.0], seed=1, margin=1.0).verdict == UNSURE
    assert means("neutral", "Loss", [4.7], [4.7], seed=1, better="less").verdict == SAME


def test_a_row_has_all_that_a_page_shows() -> None:
    row = shares("facts", "Facts right", [True, False], [True, True], hard=True).as_row()
    assert set(row) == {
        "name", "title", "n", "before", "after", "difference", "low", "high", "p", "better",
        "margin", "verdict", "hard", "share",
    }  # fmt: skip
    assert (row["n"], row["before"], row["after"], row["hard"]) == (2, 0.5, 1.0, True)
    assert row["low"] <= row["difference"] <= row["high"]


def test_a_figure_that_is_no_number_is_none() -> None:
    line = means("nll", "Loss", [1.0, 1.0], [math.nan, 1.0], seed=1, better="less")
    assert line.as_row()["after"] is None
    assert isinstance(line, Line)
    assert means("nll", "Loss", [], [], seed=1).as_row()["low"] is None
    assert means("nll", "Loss", [], [], seed=1).verdict == ""


def test_a_row_says_whether_its_figures_are_shares() -> None:
    assert shares("facts", "Facts right", [True], [True]).as_row()["share"] is True
    assert means("neutral", "Nats", [0.4], [0.5], seed=1).as_row()["share"] is False
    carried = means("grounded", "Carried", [0.4], [0.5], seed=1, share=True)
    assert carried.as_row()["share"] is True


def test_a_row_without_items_has_no_figures() -> None:
    for line in (shares("facts", "Facts right", [], []), means("words", "Words", [], [], seed=1)):
        row = line.as_row()
        assert (row["n"], row["before"], row["after"], row["difference"]) == (0, None, None, None)
