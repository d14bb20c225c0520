"""Approved answers that say different things to one question."""

from __future__ import annotations

import time

import numpy as np
import pytest

from server.answering.contradictions import _close, contradictions, difference
from server.answering.curated import Approved
from server.answering.words import content_words
from server.retrieval.vectors import Vector
from server.store.curated import question_key
from tests.speaking import WordEmbedder


def _asked(id: str, question: str, *, kind: str = "curated", vector: bool = True) -> Approved:
    own: Vector | None = WordEmbedder().embed_array([question])[0] if vector else None
    words = frozenset(content_words(question))
    return Approved(kind, id, question, question_key(question), words, own)


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        ("Orders can be returned within 30 days.", "Orders can be returned within 14 days.", "14"),
        ("Yes, we ship there.", "No, we do not ship there.", "yes"),
        ("We ship parcels to Norway.", "We do not ship parcels to Norway.", "denies"),
        ("Call our office.", "Returns are free of charge.", "little in common"),
    ],
)
def test_what_two_answers_differ_in_is_said(one: str, other: str, said: str) -> None:
    assert said in str(difference(one, other)) and said in str(difference(other, one))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Within 30 days.", " within  30 days "),
        ("Orders can be returned in 30 days.", "Orders can be returned."),
        ("It takes four days.", "It takes 4 days."),
        ("Yes, parcels go to Norway.", "Parcels go to Norway."),
    ],
)
def test_answers_that_go_together_are_not_reported(one: str, other: str) -> None:
    assert difference(one, other) is None


def test_curated_answer_and_faq_pair_are_compared() -> None:
    asked = [
        _asked("cur_1", "How long may I return an order?"),
        _asked("pag_1", "how long may I return an order ", kind="faq", vector=False),
        _asked("pag_2", "How long may I return orders?", kind="faq", vector=False),
        _asked("pag_3", "What does a parcel cost?", kind="faq", vector=False),
    ]
    answers = {"cur_1": "30 days.", "pag_1": "14 days.", "pag_2": "30 days.", "pag_3": "5 euros."}
    found = contradictions(asked, answers)
    assert [(c.one.id, c.other.id) for c in found] == [("cur_1", "pag_1"), ("pag_1", "pag_2")]
    assert "different numbers" in found[0].reason


def test_opposite_questions_have_different_answers_by_right() -> None:
    asked = [_asked("a", "How do I enable alerts?"), _asked("b", "How do I disable alerts?")]
    assert contradictions(asked, {"a": "Press 1.", "b": "Press 2."}, nearly=0.3) == []


def test_two_wordings_of_one_answer_do_not_contradict_it() -> None:
    asked = [_asked("a", "Do you ship?"), _asked("a", "Do you ship it?")]
    assert contradictions(asked, {"a": "Yes."}) == []


def test_many_questions_are_compared_in_good_time() -> None:
    asked = [
        _asked(f"p{n}", f"How do I order item {n} of shelf {n % 50}?", kind="faq", vector=False)
        for n in range(5000)
    ]
    twin = _asked("twin", "How do I order item 7 of shelf 7?", kind="faq", vector=False)
    answers = {a.id: f"Press {n}." for n, a in enumerate(asked)} | {"twin": "Do not."}
    began = time.perf_counter()
    found = contradictions([*asked, twin], answers)
    assert time.perf_counter() - began < 5
    assert [(c.one.id, c.other.id) for c in found] == [("p7", "twin")]


def test_pairs_are_found_across_blocks_of_vectors() -> None:
    vectors = np.zeros((1100, 384), dtype=np.float32)
    vectors[np.arange(1100), np.arange(1100) % 380] = 1.0  # n is as near as can be to n + 380
    words = [frozenset({f"w{n % 380}"}) for n in range(1100)]
    asked = [
        Approved("curated", str(n), f"Thing {'abcdefghij'[n % 10]}?", f"k{n}", words[n], vectors[n])
        for n in range(1100)
    ]
    pairs = _close(asked, 0.85)
    assert pairs == {(n, m) for n in range(1100) for m in range(n + 380, 1100, 380)}


def test_a_pair_that_is_near_by_meaning_only_is_found() -> None:
    vector = np.zeros(384, dtype=np.float32)
    vector[0] = 1.0
    asked = [
        Approved("curated", "a", "What is the price?", "a", frozenset({"price"}), vector),
        Approved("curated", "b", "What is the cost?", "b", frozenset({"cost"}), vector),
    ]
    assert len(contradictions(asked, {"a": "5 euros.", "b": "7 euros."}, nearly=0.55)) == 1
