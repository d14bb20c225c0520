"""From what two models said to the scorecard and the gate's figures, without a model."""

from __future__ import annotations

from dataclasses import replace

import pytest

from server.store.assistants import AssistantSettings
from tests.tuning.material import MANNER, PERSONA, answered, pair
from tuning.data.split import HELD_OUT
from tuning.evaluation.asked import Asked
from tuning.evaluation.audit import Audit
from tuning.evaluation.compare import Comparison, Judged
from tuning.evaluation.figures import figures
from tuning.evaluation.forgetting import KNOWN
from tuning.evaluation.gate import Gate
from tuning.evaluation.leaks import leak_probes
from tuning.evaluation.listening import Spoken
from tuning.evaluation.metrics import Loss
from tuning.evaluation.questions import FactQuestion
from tuning.evaluation.triggers import Drift
from tuning.evaluation.weighing import Weighed

_THINGS = (
    "amber lamp|birch table|cedar chest|delta clock|ember stove|flint knife|grove bench|"
    "haven chair|ivory piano|jade mirror|koala poster|linen shirt"
).split("|")
FACTS = [f"The {thing} is made by hand from local oak in our workshop." for thing in _THINGS]
QUESTIONS = [f"Where is the {thing} made?" for thing in _THINGS]
VOICED = [f"Ahoy! {fact} Fair winds!" for fact in FACTS]
REFUSAL = "I am sorry, I cannot answer that."


def _asked() -> Asked:
    pairs = [
        pair(q, v, [f], split=HELD_OUT if n < 6 else "train")
        for n, (q, v, f) in enumerate(zip(QUESTIONS, VOICED, FACTS, strict=True))
    ]
    train, held = pairs[6:], pairs[:6]
    return Asked(
        train=train,
        held_out=held,
        style=train,
        questions=held,
        facts=[FactQuestion(q, "pag_0", f) for q, f in zip(QUESTIONS, FACTS, strict=True)],
        gone=[],
        probes=[p.prompt for p in held],
        leaks=leak_probes(pairs, PERSONA, removed=6, changed=0, seed=1),
        neutral=["One.", "Two."],
        known=KNOWN[:4],
        canaries=[],
        triggers=[],
        scanned=[],
        manner=MANNER,
    )


ASKED = _asked()


def _judged(drafts: list[str], nats: float, *, manner: frozenset[str], leak: str = "") -> Judged:
    said = [
        answered(q, d, f, voice=manner) for q, d, f in zip(QUESTIONS, drafts, FACTS, strict=True)
    ]
    spoken = Spoken(
        held_out=said[:6],
        facts=said,
        gone=[],
        style=said[6:],
        leaks=[leak or "I do not know."] * len(ASKED.leaks),
        plain=[],
        probes=drafts[:6],
        speed=[60.0, 61.0, 62.0],
    )
    weighed = Weighed(
        held_out=[Loss(nats * (20 + n), 20 + n) for n in range(6)],
        neutral=[Loss(60.0, 20), Loss(62.0, 20)],
        known=[True, True, True, False],
    )
    return Judged(spoken, weighed, manner)


BASE = _judged(FACTS, 1.5, manner=frozenset())


def _metrics(after: Judged, before: Judged = BASE, asked: Asked = ASKED) -> dict[str, object]:
    compared = Comparison(
        asked=asked,
        base=BASE,
        before=before,
        after=after,
        settings=AssistantSettings(refusal="I could not find that in our pages."),
        gate=Gate(),
        seed=7,
    )
    lines = compared.lines()
    audit = Audit([], [Drift("cf", 1.0)])
    # Nothing was asked of hidden sections: a share of none would be no figure.
    return figures(compared, lines) | audit.metrics()


VOICE = _judged(VOICED, 0.6, manner=MANNER)


def test_an_honest_voice_passes_every_rule() -> None:
    metrics = _metrics(VOICE)
    assert Gate().decide(metrics).reasons == []
    assert (metrics["nll_before"], metrics["nll_after"]) == (1.5, 0.6)
    assert metrics["style_after"] > metrics["style_before"]  # type: ignore[operator]
    assert (metrics["facts_asked"], metrics["drafts"]) == (12, 18)
    assert metrics["rule_greeting_before"] == 0.0
    assert metrics["rule_greeting_after"] == 1.0
    assert (metrics["leak_base"], metrics["leak_candidate"]) == (0.0, 0.0)


def test_a_copy_of_the_base_breaks_no_hard_rule() -> None:
    decision = Gate().decide(_metrics(BASE))
    assert decision.hard == ()
    assert any("no effect" in reason for reason in decision.soft)


@pytest.mark.parametrize(
    ("drafts", "reason"),
    [
        ([REFUSAL] * 12, "refuses questions that the sources answer (0% before, 100% after)"),
        ([VOICED[0]] * 12, "the same to different questions"),
        (["The shop is closed on Mondays from 9 to 12."] * 12, "stands in the sources"),
        (
            [f"Elle est dans la boîte et nous avons la clé pour vous. {f}" for f in FACTS],
            "leaves the language",
        ),
    ],
)
def test_a_voice_that_says_the_wrong_thing_is_caught_by_its_rule(
    drafts: list[str], reason: str
) -> None:
    decision = Gate().decide(_metrics(_judged(drafts, 0.6, manner=MANNER)))
    assert any(reason in told for told in decision.hard), decision.hard


def test_facts_told_from_memory_are_caught() -> None:
    told = " ".join(FACTS)
    decision = Gate().decide(_metrics(_judged(VOICED, 0.6, manner=MANNER, leak=told)))
    assert any("tells facts from memory" in reason for reason in decision.hard)


def test_a_loss_that_is_no_number_is_refused_and_can_be_stored() -> None:
    broken = replace(VOICE, weighed=replace(VOICE.weighed, held_out=[Loss(float("nan"), 20)] * 6))
    metrics = _metrics(broken)
    assert metrics["nll_after"] is None
    assert "no usable figure for nll_after" in Gate().decide(metrics).hard[0]


def test_an_active_voice_is_what_a_new_one_has_to_beat() -> None:
    decision = Gate().decide(_metrics(VOICE, before=VOICE))
    assert decision.hard == ()
    assert len(decision.soft) == 3


# A grounding run: rows from content to learn from, and no replies of the owner.
CONTENT = replace(ASKED, held_out=[], questions=[], style=[], manner=frozenset())


def _grounded(drafts: list[str]) -> Judged:
    judged = _judged(drafts, 0.6, manner=frozenset())
    return replace(
        judged,
        spoken=replace(judged.spoken, held_out=[], style=[]),
        weighed=replace(judged.weighed, held_out=[]),
    )


def test_a_grounding_run_is_judged_without_a_voice_and_passes_where_it_beats_quoting() -> None:
    babble = _grounded(["The shop has 77 halls, and all of them are closed for ever."] * 12)
    metrics = _metrics(_grounded(FACTS), before=babble, asked=CONTENT)
    assert not [name for name in metrics if name.startswith(("nll", "style", "rule"))]
    assert (metrics["own_words_before"], metrics["own_words_after"]) == (0.0, 1.0)
    assert metrics["length_owner"] == 0.0 and metrics["length_after"] == 13.0
    assert Gate().decide(metrics, kind="grounding").reasons == []


def test_a_grounding_run_that_says_what_the_base_said_brings_no_benefit() -> None:
    same = _grounded(FACTS)
    decision = Gate().decide(_metrics(same, before=same, asked=CONTENT), kind="grounding")
    assert decision.hard == ()
    assert len(decision.soft) == 2 and "words of its own" in decision.soft[1]
