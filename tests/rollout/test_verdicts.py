"""How a canary ends: promoted, rolled back, undecided; and when it goes on."""

from __future__ import annotations

from datetime import timedelta

import pytest

from server.rollout.verdicts import judge_canary
from server.store.canaries import PROMOTED, ROLLED_BACK, UNDECIDED
from tests.rollout.turns import START, both, canary, turn, visitors_of

SOON, LATE = START + timedelta(days=1), START + timedelta(days=15)


def test_no_worse_after_enough_turns_is_promoted_with_the_counts() -> None:
    trial = canary(turns=100)
    judged = judge_canary(trial, both(trial, 100, refused=(10, 10)), now=SOON)
    assert judged.status == PROMOTED
    assert judged.reason == "No worse after 100 turns with the candidate and 100 without."
    assert [row.name for row in judged.rows] == ["disliked", "refused", "handed_over", "failed"]


def test_surely_worse_is_rolled_back_before_its_turns_are_full() -> None:
    trial = canary(turns=1000)
    judged = judge_canary(trial, both(trial, 60, refused=(20, 2)), now=SOON)
    assert judged.status == ROLLED_BACK
    assert judged.reason.startswith("Surely worse: refused in 50% of 5")
    assert "95% interval" in judged.reason


@pytest.mark.parametrize("n", [0, 1, 49, 99])
def test_it_goes_on_while_there_are_too_few_turns(n: int) -> None:
    trial = canary(turns=100)
    assert judge_canary(trial, both(trial, n), now=SOON).status is None


def test_looking_worse_without_being_sure_goes_on_until_the_cap() -> None:
    trial = canary(turns=60)
    outcomes = both(trial, 60, refused=(0, 10))
    assert judge_canary(trial, outcomes, now=SOON).status is None
    ended = judge_canary(trial, outcomes, now=LATE)
    assert ended.status == ROLLED_BACK and "Its time was over" in ended.reason


def test_a_site_with_few_visitors_ends_undecided_and_unchanged() -> None:
    trial = canary(turns=100)
    ended = judge_canary(trial, both(trial, 12), now=LATE)
    assert ended.status == UNDECIDED
    assert "12 turns with the candidate and 12 without" in ended.reason


def test_at_the_cap_fewer_turns_than_wished_are_enough_if_there_are_fifty() -> None:
    trial = canary(turns=1000)
    assert judge_canary(trial, both(trial, 60), now=LATE).status == PROMOTED


def test_a_candidate_that_cannot_be_served_is_rolled_back_at_once() -> None:
    trial = canary(served={"ok": False, "error": "The files have changed."})
    judged = judge_canary(trial, [], now=SOON)
    assert judged.status == ROLLED_BACK and "The files have changed." in judged.reason


def test_groups_are_told_by_visitor_whoever_wrote_the_reply() -> None:
    trial = canary(turns=50)
    held, others = (visitors_of(trial, held=h, count=50) for h in (True, False))
    # Curated answers need no model: their turns name no adapter, in neither group.
    made = [turn(n, name, label="curated") for n, name in enumerate([*held, *others], start=1)]
    judged = judge_canary(trial, made, now=SOON)
    assert (judged.rows[0].n_before, judged.rows[0].n_after) == (50, 50)


def test_a_visitor_is_always_in_the_same_group_and_the_share_is_kept() -> None:
    trial = canary(share=0.2)
    names = [f"vis_{n}" for n in range(5000)]
    held = [trial.holds(name) for name in names]
    assert held == [trial.holds(name) for name in names]
    assert sum(held) / len(held) == pytest.approx(0.2, abs=0.02)
