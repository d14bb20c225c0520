"""Topics: what is grouped, how it is named, and that it goes on under its id."""

from __future__ import annotations

import numpy as np
import pytest

from server.learn.topics import Known, carried_on, groups_of, labels_of, nearest_topic
from server.retrieval.vectors import DIMENSIONS, Vector
from tests.speaking import WordEmbedder

RETURNS = ["How do I return shoes?", "return shoes", "returning the shoes"]
PARCELS = ["When does my parcel arrive?", "my parcel arrive", "parcel arrive when"]


def _vectors(questions: list[str]) -> Vector:
    return WordEmbedder().embed_array(questions)


def test_questions_that_ask_the_same_are_one_group_and_the_rest_stay_alone() -> None:
    asked = [*RETURNS, *PARCELS, "Do you sell gift cards?"]
    labels = labels_of(_vectors(asked))
    assert len(set(labels[:3])) == len(set(labels[3:6])) == 1
    assert len(set(labels)) == 3


@pytest.mark.parametrize("count", [0, 1])
def test_few_questions_are_no_trouble(count: int) -> None:
    vectors = np.zeros((count, DIMENSIONS), dtype=np.float32)
    assert labels_of(vectors) == list(range(count))


def test_average_linkage_is_that_of_scipy() -> None:
    hierarchy = pytest.importorskip("scipy.cluster.hierarchy")
    chance = np.random.default_rng(3)
    middles = chance.normal(size=(12, 8))
    vectors = np.repeat(middles, 5, axis=0) + chance.normal(scale=0.4, size=(60, 8))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    apart = 1 - (vectors @ vectors.T).astype(float)
    tree = hierarchy.linkage(apart[np.triu_indices(60, 1)], "average")
    theirs = hierarchy.fcluster(tree, 0.45, "distance")
    ours = labels_of(vectors, alike=0.55)
    assert len(set(ours)) == len(set(zip(ours, theirs.tolist(), strict=True))) == len(set(theirs))


def test_the_largest_group_comes_first_and_is_named_by_a_question_that_reads_well() -> None:
    asked = [*PARCELS, *RETURNS]
    found = groups_of(asked, _vectors(asked), [1, 1, 1, 9, 1, 1])
    assert [g.question for g in found] == ["How do I return shoes?", "When does my parcel arrive?"]


def test_a_long_name_is_cut_and_starts_with_a_capital() -> None:
    said = "and " + "very " * 60 + "long"
    name = groups_of([said], _vectors([said]), [1])[0].question
    assert len(name) <= 120 and name.startswith("And very") and name.endswith("…")


def test_a_topic_goes_on_where_most_of_its_questions_are() -> None:
    first = groups_of(RETURNS, _vectors(RETURNS), [1] * 3)
    known = [Known("t1", frozenset(RETURNS), first[0].middle)]
    asked = [*PARCELS, *RETURNS, "Can I return shoes?"]
    later = groups_of(asked, _vectors(asked), [1] * len(asked))
    ids = dict(zip([g.question for g in later], carried_on(later, asked, known), strict=True))
    assert ids["When does my parcel arrive?"] == ""
    assert "t1" in ids.values()


def test_of_two_topics_that_become_one_the_one_that_a_person_named_goes_on() -> None:
    group = groups_of(RETURNS, _vectors(RETURNS), [1] * 3)
    known = [
        Known("large", frozenset(RETURNS[:2]), group[0].middle),
        Known("named", frozenset(RETURNS[2:]), group[0].middle, is_named=True),
    ]
    assert carried_on(group, RETURNS, known) == ["named"]


def test_without_shared_questions_only_the_same_middle_goes_on() -> None:
    group = groups_of(RETURNS, _vectors(RETURNS), [1] * 3)
    near = Known("near", frozenset({"older"}), group[0].middle)
    far = Known("far", frozenset({"older"}), _vectors(["gift cards"])[0])
    assert carried_on(group, RETURNS, [far]) == [""]
    assert carried_on(group, RETURNS, [far, near]) == ["near"]


def test_a_question_joins_the_nearest_topic_if_it_is_near() -> None:
    middles = {"r": _vectors(RETURNS)[0], "p": _vectors(PARCELS)[0]}
    asked = _vectors(["May I return shoes?", "Do you sell gift cards?"])
    assert nearest_topic(asked, middles) == ["r", ""]
    assert nearest_topic(asked, {}) == ["", ""]


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("hi, how do I return shoes?? thanks", "How do I return shoes?"),
        ("Please help: return shoes please", "Return shoes"),
        ("hello", "Hello"),
        ("History of shoes??", "History of shoes?"),
    ],
)
def test_a_name_has_no_courtesies(said: str, name: str) -> None:
    assert groups_of([said], _vectors([said]), [1])[0].question == name
