"""Paired statistics, against published figures and by their own definition."""

from __future__ import annotations

import random

import pytest

from tuning.evaluation.paired import compare_means, compare_shares, mcnemar, wilson


def _flags(both: int, gained: int, lost: int, neither: int) -> tuple[list[bool], list[bool]]:
    before = [True] * both + [False] * gained + [True] * lost + [False] * neither
    after = [True] * both + [True] * gained + [False] * lost + [False] * neither
    return before, after


@pytest.mark.parametrize(
    ("cells", "low", "high"),
    [
        # Newcombe (1998), Statistics in Medicine 17, table II: rows of method 10.
        ((36, 12, 2, 0), 0.0569, 0.3404),
        ((0, 0, 0, 30), -0.1135, 0.1135),
    ],
)
def test_the_interval_of_paired_shares_is_newcombes(
    cells: tuple[int, int, int, int], low: float, high: float
) -> None:
    found = compare_shares(*_flags(*cells))
    assert found.low == pytest.approx(low, abs=5e-4)
    assert found.high == pytest.approx(high, abs=5e-4)


def test_shares_carry_the_exact_test_and_means_do_not() -> None:
    assert compare_shares(*_flags(0, 6, 0, 0)).p == pytest.approx(2 / 64)
    assert compare_means([1.0], [2.0], seed=1).p is None


def test_no_change_at_all_is_no_proof_of_no_change() -> None:
    found = compare_shares([True] * 8, [True] * 8)
    assert found.difference == 0
    assert found.low < -0.2 and found.high > 0.2
    assert not found.is_no_worse(0.05, more_is_better=True)


def test_nothing_asked_says_nothing() -> None:
    assert (compare_shares([], []).low, compare_shares([], []).high) == (-1.0, 1.0)
    assert not compare_means([], [], seed=1).is_sure()


def test_many_items_show_non_inferiority_and_few_do_not() -> None:
    few, many = _flags(7, 1, 1, 1), _flags(700, 10, 10, 280)
    assert not compare_shares(*few).is_no_worse(0.05, more_is_better=True)
    assert compare_shares(*many).is_no_worse(0.05, more_is_better=True)
    assert compare_shares(*many).is_no_worse(0.05, more_is_better=False)


def test_the_interval_of_shares_covers_the_truth_as_often_as_it_says() -> None:
    chance = random.Random(11)
    covered = 0
    for _ in range(400):
        before = [chance.random() < 0.7 for _ in range(40)]
        after = [b if chance.random() < 0.8 else chance.random() < 0.5 for b in before]
        # The share after is 0.8 * 0.7 + 0.2 * 0.5 = 0.66.
        found = compare_shares(before, after)
        covered += found.low <= 0.66 - 0.70 <= found.high
    assert covered / 400 >= 0.93


def test_a_loss_that_fell_on_every_reply_has_an_interval_below_zero() -> None:
    tokens = [10.0 + n for n in range(20)]
    before = [t * (1.0 + n % 3 / 10) for n, t in enumerate(tokens)]
    after = [b - 0.3 * t for b, t in zip(before, tokens, strict=True)]
    found = compare_means(before, after, seed=1, weights=tokens)
    assert found.is_sure() and found.high < 0
    assert found.difference == pytest.approx(-0.3)
    assert found.before == pytest.approx(sum(before) / sum(tokens))


def test_noise_has_an_interval_around_zero() -> None:
    after = [1.0 + (0.1 if n % 2 else -0.1) for n in range(20)]
    assert not compare_means([1.0] * 20, after, seed=1).is_sure()


@pytest.mark.parametrize(
    ("cells", "p"),
    [((5, 0, 0, 5), 1.0), ((0, 6, 0, 0), 2 / 64), ((9, 5, 5, 1), 1.0), ((9, 1, 9, 1), 22 / 1024)],
)
def test_mcnemar_is_the_exact_binomial(cells: tuple[int, int, int, int], p: float) -> None:
    assert mcnemar(*_flags(*cells)) == pytest.approx(p)


def test_wilsons_interval_is_the_textbooks() -> None:
    assert wilson(0, 10) == (0.0, pytest.approx(0.2775, abs=1e-3))
    assert wilson(81, 263)[0] == pytest.approx(0.2553, abs=1e-3)
