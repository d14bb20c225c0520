"""The readiness meter: what it counts, when it says no, and what it says to do next."""

from __future__ import annotations

from typing import Any

import pytest

from server.store import Store
from server.store.conversations import Answered
from server.store.material import Material
from server.store.pairs import NewExample
from server.store.reviews import Verdict
from tests.speaking import RETURNS, SHIPPING, SITE, Talk
from tuning.config import TuningConfig
from tuning.meter import Meter, expected_interval, length_balance, measure


class Shop:
    """An assistant with two pages, and turns about them."""

    def __init__(self, store: Store) -> None:
        self.store = store
        talk = Talk(store)
        self.assistant = talk.assistant
        passages = store.knowledge.passages(assistant_id=self.assistant.id)
        self.pages = {passage.url.rpartition("/")[2]: passage.page_id for passage in passages}

    def turn(self, question: str, page: str, reply: str = RETURNS[0], **changed: Any) -> str:
        talks = self.store.conversations
        talk = talks.start(self.assistant.id, visitor_id="v", token_hash="h", page_url="")
        turn, _ = talks.open_turn(talk, question, idempotency_key=None)
        evidence = [{"page": self.pages[page], "text": reply}]
        talks.finish_turn(
            turn.id,
            Answered(
                "complete", "supported", reply, reply, evidence, [], "0", [], None, {}, **changed
            ),
        )
        return turn.id

    def approved(self, question: str, page: str, reply: str = RETURNS[0]) -> None:
        turn = self.turn(question, page, reply)
        self.store.reviews.judge(turn, Verdict("approved"), reviewer="ana")

    def wrote(self, *pairs: tuple[str, str]) -> None:
        new = [NewExample(question, answer) for question, answer in pairs]
        self.store.pairs.import_examples(self.assistant.id, new, origin="mine.csv")

    def meter(self) -> Meter:
        return measure(self.store, self.assistant, TuningConfig())


@pytest.fixture
def shop(sqlite_store: Store) -> Shop:
    return Shop(sqlite_store)


def test_with_nothing_it_says_no_and_offers_what_works_without_a_run(shop: Shop) -> None:
    meter = shop.meter()
    assert not meter.ready and meter.pairs == 0
    assert meter.pages["all"] == 2 and meter.pages["touched"] == 0
    assert meter.expected == {"held_out": 0, "half_width": None}
    told = " ".join(meter.next_steps)
    assert "guidelines" in told and "curated answers" in told and "Import replies" in told


def test_below_the_floor_it_names_the_answers_to_judge_next(shop: Shop) -> None:
    shop.approved("May I return it?", "returns")
    plain = shop.turn("May I send it back?", "returns")
    fresh = shop.turn("How long to Norway?", "shipping", SHIPPING[0])
    disliked = shop.turn("May I return a game?", "returns")
    shop.store.conversations.give_feedback(disliked, "down")
    meter = shop.meter()
    assert [row["turn"] for row in meter.review_next] == [disliked, fresh, plain]
    assert meter.review_next[0]["why"] == "a visitor disliked it"
    assert "“Shipping”" in meter.review_next[1]["why"]
    assert meter.next_steps[0].startswith("Approve or correct 19 more answers")


def test_topic_cover_counts_pages_of_turns_and_of_the_owners_own_replies(shop: Shop) -> None:
    shop.approved("May I return it?", "returns")
    assert shop.meter().pages == {"all": 2, "touched": 1, "missing": ["Shipping"]}
    shop.wrote(("What does shipping to Norway cost?", "Twelve euros a parcel, friend."))
    assert shop.meter().pages == {"all": 2, "touched": 2, "missing": []}


def test_contradictions_are_listed_first_of_all_steps(shop: Shop) -> None:
    shop.wrote(
        ("Can I return opened software?", "Yes, within 30 days."),
        ("can I return opened software", "No, that is not possible."),
    )
    meter = shop.meter()
    assert [clash["reason"] for clash in meter.contradictions] == ["one says yes, the other no"]
    assert meter.next_steps[0].startswith("Settle 1 contradiction:")
    sides = {meter.contradictions[0]["one_reply"], meter.contradictions[0]["other_reply"]}
    assert sides == {"Yes, within 30 days.", "No, that is not possible."}


def test_new_replies_are_those_since_the_last_run_was_asked_for(shop: Shop) -> None:
    shop.wrote(("Q one?", "A one, friend."), ("Q two?", "A two, friend."))
    assert shop.meter().new == 2
    run = shop.store.runs.ask(shop.assistant.id, config={}, requested_by="t")
    shop.store.runs.end(run.id, "failed", error="The disk is full.")
    assert shop.meter().new == 0, "a run that fails must not be begun again and again"
    shop.wrote(("Q three?", "A three, friend."))
    assert shop.meter().new == 1


def test_enough_replies_say_so_and_how_sure_a_result_would_be(shop: Shop) -> None:
    shop.wrote(
        *((f"What about thing number {n}?", f"Thing {n} is fine, friend.") for n in range(40))
    )
    meter = shop.meter()
    assert meter.ready and meter.pairs == 40
    assert meter.expected["held_out"] == 8
    assert "60 more replies would give a clearer voice" in meter.next_steps[0]


@pytest.mark.parametrize(
    ("pairs", "held", "half"),
    # Wilson's interval at 90 %: half its width, from a table of the formula.
    [(20, 6, 0.253), (100, 15, 0.162), (500, 75, 0.070)],
)
def test_more_replies_make_the_result_surer(pairs: int, held: int, half: float) -> None:
    found = expected_interval(pairs, TuningConfig())
    assert found["held_out"] == held
    assert found["half_width"] == pytest.approx(half, abs=0.02)


def test_lengths_are_out_of_balance_when_the_long_are_many_times_the_short() -> None:
    assert length_balance(["a b c d"] * 20)["balanced"]
    mixed = length_balance(["a b"] * 10 + ["word " * 60] * 10)
    assert not mixed["balanced"] and (mixed["low"], mixed["high"]) == (2, 60)
    assert length_balance([])["balanced"]


def test_the_address_of_the_site_is_what_the_pages_are_from(shop: Shop) -> None:
    assert set(shop.pages) == {"returns", "shipping"} and SITE.startswith("https://")


def test_a_visitor_who_changed_their_mind_no_longer_dislikes(shop: Shop) -> None:
    turn = shop.turn("May I send it back?", "returns")
    shop.store.conversations.give_feedback(turn, "down")
    assert Material(shop.store.database).waiting(shop.assistant.id)[0].disliked
    shop.store.conversations.give_feedback(turn, "up")
    assert not Material(shop.store.database).waiting(shop.assistant.id)[0].disliked


def test_leaving_a_reply_out_is_counted_again(shop: Shop) -> None:
    shop.wrote(("May I return it?", RETURNS[0]))
    before = shop.store.meters.mark(shop.assistant.id)
    example = shop.store.pairs.examples(shop.assistant.id)[0].id
    shop.store.exclusions.exclude(shop.assistant.id, example, reason="old", actor="ana")
    assert shop.store.meters.mark(shop.assistant.id) != before
