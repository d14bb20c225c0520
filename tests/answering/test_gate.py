"""The refusal gate: what it reads, how it is fitted, and how sure it has to be."""

from __future__ import annotations

import random

import numpy as np
import pytest

from server.answering.fitting import fit_gate, gate_of
from server.answering.gate import REFUSE, SHIPPED, SURE, Gate, Sample, fit, rates, shipped
from server.answering.signals import NAMES, RAW, Asked, Candidate, Frame, signals
from server.retrieval.vectors import DIMENSIONS
from server.store import Store
from tests.speaking import SITE, Talk

WEAK = dict.fromkeys(NAMES, 0.0) | {"near": 0.3, "sentence": 0.3, "both": 0.3, "length": 1.4}
STRONG = dict.fromkeys(NAMES, 1.0) | {"near": 0.85, "sentence": 0.8, "both": 0.8, "ahead": 0.4}


def _candidate(dense: float, *words: str, heading: str = "") -> Candidate:
    return Candidate(dense, dense, frozenset(heading.split()), {w: 1 for w in words})


def _asked(*words: str) -> Asked:
    return Asked(RAW, np.zeros(DIMENSIONS, dtype=np.float32), dict.fromkeys(words, 1.0))


def _samples(count: int, *, answerable_near: float, gone_near: float) -> list[Sample]:
    chance = random.Random(5)
    found = []
    for kind, near in (("plain", answerable_near), ("gone", gone_near)):
        for _ in range(count):
            spread = {n: max(0.0, near + chance.gauss(0, 0.05)) for n in NAMES}
            found.append(Sample(kind, spread))
    return found


def test_a_strong_question_is_sure_and_a_weak_one_refused() -> None:
    for gate in (SHIPPED, shipped(Frame.of(_embeddings(40)))):
        assert gate.decide(gate.probability(STRONG)) == SURE
        assert gate.decide(gate.probability(WEAK)) == REFUSE


def test_a_short_question_whose_words_all_stand_there_is_not_refused_outright() -> None:
    whole = WEAK | {"covered_near": 1.0, "lexical": 0.85}
    assert SHIPPED.decide(SHIPPED.probability(whole)) == REFUSE
    assert SHIPPED.judge(whole)[1] == "unsure"
    assert SHIPPED.judge(WEAK)[1] == REFUSE
    assert SHIPPED.judge(STRONG)[1] == SURE


def test_nothing_found_gives_every_signal_and_is_refused() -> None:
    none = signals(_asked("order"), [])
    assert tuple(none) == NAMES
    assert SHIPPED.decide(SHIPPED.probability(none)) == REFUSE


def test_signals_tell_a_passage_that_holds_the_words_from_one_that_does_not() -> None:
    asked = _asked("return", "order")
    with_words = signals(asked, [_candidate(0.7, "return", "order"), _candidate(0.3, "ship")])
    without = signals(asked, [_candidate(0.7, "cook"), _candidate(0.3, "ship")])
    for name in ("covered", "covered_near", "lexical", "lexical_ahead"):
        assert with_words[name] > without[name]
    assert with_words["ahead"] == pytest.approx(0.4) and with_words["near"] == pytest.approx(0.7)


def test_a_heading_that_asks_the_same_is_seen() -> None:
    asked = _asked("return", "order")
    assert signals(asked, [_candidate(0.5, heading="return order")])["heading"] == 1.0
    assert signals(asked, [_candidate(0.5, heading="ship")])["heading"] == 0.0


def test_rare_words_weigh_more_than_common_ones() -> None:
    vector = np.ones(DIMENSIONS, dtype=np.float32)
    asked = Asked.of("debian kernel", vector, RAW, {"debian": 90, "kernel": 2}, 100)
    assert asked.weights["kernel"] > 5 * asked.weights["debian"]


def test_the_frame_takes_out_what_all_passages_share() -> None:
    frame = Frame.of(_embeddings(60))
    placed = frame.place(_embeddings(60))
    assert np.linalg.norm(placed.mean(axis=0)) < 0.2
    assert np.allclose(np.linalg.norm(placed, axis=1), 1.0, atol=1e-4)
    assert Frame.of(_embeddings(5)).is_raw and not frame.is_raw


def test_a_fit_follows_its_samples_and_survives_being_stored() -> None:
    samples = _samples(60, answerable_near=0.7, gone_near=0.45)
    gate = fit(samples, RAW)
    found = rates(gate, samples)
    assert found["gone_refused"] >= 0.85 and found["plain_refused"] <= 0.06
    again = Gate.from_json(gate.as_json())
    assert again is not None
    for sample in samples[::10]:
        assert again.probability(sample.signals) == pytest.approx(gate.probability(sample.signals))


def test_too_few_samples_leave_the_shipped_gate() -> None:
    assert fit(_samples(5, answerable_near=0.7, gone_near=0.4), RAW) == SHIPPED


def test_a_gate_on_other_signals_is_not_read() -> None:
    assert Gate.from_json({"weights": {"old": 1.0}}) is None
    assert Gate.from_json({}) is None


def test_an_assistant_s_gate_is_fitted_once_for_its_content(sqlite_store: Store) -> None:
    talk = Talk(sqlite_store)
    try:
        assert gate_of(sqlite_store, talk.assistant.id) == SHIPPED
        fit_gate(talk.retriever, talk.assistant.id)
        first = sqlite_store.gates.latest(talk.assistant.id)
        fit_gate(talk.retriever, talk.assistant.id)
        again = sqlite_store.gates.latest(talk.assistant.id)
        assert first is not None and again is not None and first.id == again.id
        talk.learn(f"{SITE}/more", "More", ["Gift cards never expire."])
        fit_gate(talk.retriever, talk.assistant.id)
        fresh = sqlite_store.gates.latest(talk.assistant.id)
        assert fresh is not None and fresh.content != first.content
        assert fresh.report["passages"] == 3
    finally:
        talk.chat.close()


def _embeddings(count: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    raw = np.random.default_rng(3).normal(size=(count, DIMENSIONS)) + 0.8
    unit = raw / np.linalg.norm(raw, axis=1, keepdims=True)
    return unit.astype(np.float32)
