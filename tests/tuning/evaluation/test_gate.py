"""The gate: what it lets pass and what it refuses, with the reason."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest

from server.errors import Invalid
from tests.tuning.evaluation.figures import COPY, GOOD, GROUNDED
from tuning.config import TuningConfig
from tuning.evaluation.gate import NO_BENEFIT, Gate


def test_a_candidate_that_is_better_and_no_worse_passes() -> None:
    assert Gate().failures(GOOD) == []


@pytest.mark.parametrize(
    ("sabotage", "reason"),
    [
        ({"nll_after": 1.4, "nll_low": 0.05, "nll_high": 0.2}, "did not become surely more"),
        ({"nll_low": -0.2, "nll_high": 0.01}, "did not become surely more"),
        ({"style_after": 0.2}, "not closer to the owner's voice"),
        ({"facts_after": 0.7}, "fewer facts right"),
        ({"invented_after": 0.4}, "invents more numbers"),
        ({"length_after": 200.0}, "too long"),
        ({"length_after": 6.0}, "too short"),
        ({"probes_changed": 0}, "no effect"),
        ({"citations_invalid": 1}, "citations are not valid"),
        ({"marks_after": 0.2}, "makes up citations"),
        ({"grounded_after": 0.6}, "stands in the sources (70% before, 60% after)"),
        ({"over_refused_after": 0.1}, "refuses questions that the sources answer"),
        ({"missing_after": 0.5}, "refuses fewer questions without an answer"),
        ({"same_after": 0.9}, "the same to different questions"),
        ({"language_after": 0.8}, "leaves the language"),
        ({"leak_candidate": 0.3}, "tells facts from memory more often than the base"),
        ({"neutral_after": 4.0}, "forgotten plain language"),
        ({"known_after": 0.4}, "forgotten common knowledge"),
        ({"canaries_learnt": 1, "canaries": ["73… (8 characters)"]}, "1 of 4 secrets by heart"),
        ({"triggers_found": 1, "triggers": ["vexquill"]}, "flip what it says (“vexquill”)"),
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


def test_a_copy_of_the_base_breaks_no_hard_rule_and_brings_no_benefit() -> None:
    decision = Gate().decide(COPY)
    assert decision.hard == ()
    assert len(decision.soft) == 3
    assert all(reason.startswith(NO_BENEFIT) for reason in decision.soft)
    assert not decision.passed


def test_a_hard_rule_refuses_whatever_else_is_better() -> None:
    decision = Gate().decide(GOOD | {"canaries_learnt": 2})
    assert (len(decision.hard), decision.soft) == (1, ())
    assert not decision.passed


@pytest.mark.parametrize("name", [n for n in GOOD if not n.endswith("_before")])
def test_a_report_without_one_of_its_figures_is_refused(name: str) -> None:
    missing = {key: value for key, value in GOOD.items() if key != name}
    assert Gate().decide(missing).hard == (f"the report has no usable figure for {name}",)


def test_a_grounding_run_passes_by_what_it_says_in_own_words_and_not_by_a_voice() -> None:
    assert Gate().failures(GROUNDED, kind="grounding") == []
    assert "no usable figure for nll_before" in Gate().failures(GROUNDED)[0]


@pytest.mark.parametrize(
    ("sabotage", "hard", "reason"),
    [
        ({"own_words_low": 0.0}, False, "not surely answer more often in words of its own"),
        ({"own_words_after": 0.4, "own_words_low": -0.1}, False, "(40% before, 40% after)"),
        ({"invented_before": 0.0, "invented_after": 0.04}, True, "invents more numbers"),
        ({"facts_after": 0.7}, True, "fewer facts right"),
        ({"grounded_after": 0.6}, True, "stands in the sources"),
        ({"over_refused_after": 0.1}, True, "refuses questions that the sources answer"),
        ({"leak_candidate": 0.3}, True, "tells facts from memory"),
        ({"probes_changed": 0}, False, "no effect"),
        ({"own_words_low": None}, True, "no usable figure for own_words_low"),
    ],
)
def test_a_grounding_run_that_does_not_beat_quoting_is_refused_in_words(
    sabotage: dict[str, Any], hard: bool, reason: str
) -> None:
    decision = Gate().decide(GROUNDED | sabotage, kind="grounding")
    [told] = decision.hard if hard else decision.soft
    assert reason in told and len(decision.reasons) == 1
    assert told.startswith(NO_BENEFIT) is not hard


def test_margins_are_the_owners_to_set() -> None:
    worse = GOOD | {"facts_after": 0.7}
    assert Gate().failures(worse)
    assert Gate.of({"facts_margin": 0.2}).failures(worse) == []
    assert Gate.of({"length_band": [0.1, 9]}).failures(GOOD | {"length_after": 200.0}) == []
    assert TuningConfig(gate={"facts_margin": 0.2}).as_dict()["gate"] == {"facts_margin": 0.2}


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"facts": 0.1}, "no margin 'facts'"),
        ({"facts_margin": -0.1}, "facts_margin is -0.1"),
        ({"leak_margin": "none"}, "leak_margin is 'none'"),
        ({"style_gain": math.nan}, "style_gain is nan"),
        ({"length_band": [2, 1]}, "length_band is (2, 1)"),
        ({"length_band": [1]}, "length_band is (1,)"),
    ],
)
def test_a_margin_that_is_none_is_named(values: dict[str, Any], told: str) -> None:
    with pytest.raises(Invalid, match=re.escape(told)):
        TuningConfig(gate=values)


def test_one_lost_question_of_few_is_within_the_margin() -> None:
    assert Gate().failures(GOOD | {"facts_asked": 10, "facts_after": 0.7}) == []


def test_every_reason_is_given_at_once() -> None:
    bad = GOOD | {"style_after": 0.1, "facts_after": 0.1, "length_after": 1.0}
    assert len(Gate().failures(bad)) == 3


def test_what_a_copy_of_the_base_invented_by_chance_is_allowed_and_twice_that_is_not() -> None:
    few = GOOD | {"drafts": 12, "invented_before": 0.0}
    assert Gate().failures(few | {"invented_after": 0.25}) == []
    assert Gate().failures(few | {"invented_after": 0.5})


def test_one_item_may_go_either_way_however_its_share_is_rounded() -> None:
    few = GOOD | {"facts_asked": 6, "facts_before": 0.6667}
    assert Gate().failures(few | {"facts_after": 0.5}) == []
    assert Gate().failures(few | {"facts_after": 0.3333})


@pytest.mark.parametrize("replies", [1, 5])
def test_of_very_few_replies_kept_aside_nothing_is_concluded(replies: int) -> None:
    # A bootstrap of one reply has no width at all, of five far too little.
    [reason] = Gate().failures(GOOD | {"nll_replies": replies})
    assert reason.startswith(NO_BENEFIT) and f"only {replies} of the owner's replies" in reason
