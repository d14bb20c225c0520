"""What an evaluation asks: which rows are the voice, and how much a run of each kind is asked."""

from __future__ import annotations

from dataclasses import replace

from server.retrieval.hybrid import Retriever
from server.retrieval.vectors import ExactIndex
from server.store import Store
from server.store.pairs import GROUNDING, Pair
from tests.speaking import Talk
from tests.tuning.material import pair
from tuning.data.split import HELD_OUT
from tuning.evaluation.asked import GROUNDING_FACTS, Asked, Chooser, Sizes

VOICE = [
    pair("May I return it?", "Ahoy! Orders can be returned within 30 days. Fair winds!"),
    pair("What of Norway?", "Ahoy! Parcels to Norway take four working days. Fair winds!"),
    pair("Is it open?", "Ahoy! Opened software cannot be returned. Fair winds!", split=HELD_OUT),
]
CONTENT = [
    replace(
        pair("Where do large parcels go?", "Parcels go to Norway and to Sweden."), origin=GROUNDING
    )
]


def _asked(store: Store, pairs: list[Pair]) -> Asked:
    talk = Talk(store)
    talk.learn(
        "https://www.acme.example/parcels", "Where do large parcels go?", ["Parcels go north."]
    )
    talk.learn(
        "https://www.acme.example/halls", "Where are the painted halls?", ["The halls are far."]
    )
    return Chooser(
        talk.assistant,
        pairs,
        store.knowledge.passages(assistant_id=talk.assistant.id),
        Retriever(store, talk.embedder, ExactIndex(store)),
        sizes=Sizes(),
        seed=7,
    ).choose()


def test_rows_from_content_are_no_part_of_the_voice_and_are_not_asked_again(
    sqlite_store: Store,
) -> None:
    asked = _asked(sqlite_store, [*VOICE, *CONTENT])
    assert asked.has_voice and asked.train == VOICE[:2] and asked.held_out == VOICE[2:]
    assert all(one.origin != GROUNDING for one in asked.style)
    assert {probe.question for probe in asked.leaks} <= {one.question for one in VOICE}
    assert [fact.question for fact in asked.facts] == ["Where are the painted halls?"]


def test_a_run_on_content_alone_has_no_voice_and_probes_what_it_learnt(
    sqlite_store: Store,
) -> None:
    asked = _asked(sqlite_store, CONTENT)
    assert not asked.has_voice and asked.held_out == [] and asked.manner == frozenset()
    assert asked.train == CONTENT
    assert all(probe.trained for probe in asked.leaks)


def test_a_grounding_run_is_asked_more_questions_from_the_content() -> None:
    grounding = {"config": {"kind": "grounding"}}
    assert Sizes.of_job(grounding).facts == GROUNDING_FACTS
    assert Sizes.of_job(grounding | {"sizes": {"facts": 5}}).facts == 5
    assert Sizes.of_job({"config": {}}) == Sizes()
