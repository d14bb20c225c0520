"""Rows from content: what becomes one, what does not, and what none of them gives away."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from server.answering.evidence import Evidence, find_evidence
from server.retrieval.hybrid import Retriever
from server.retrieval.vectors import ExactIndex
from server.store import Store
from server.store.assistants import Assistant
from server.store.pairs import GROUNDING, Pair, people_first
from tests.speaking import WordEmbedder, teach
from tests.tuning.material import pair
from tuning.data.declines import declines
from tuning.data.grounding import Grounder, answerable
from tuning.data.split import HELD_OUT, TRAIN
from tuning.data.unseen import Unseen, unseen_of
from tuning.evaluation.asked import Sizes
from tuning.evaluation.leaks import given_facts
from tuning.evaluation.questions import fact_questions, key_of

_THINGS = (
    "amber lamp|birch table|cedar chest|delta clock|ember stove|flint knife|grove bench|"
    "haven chair|ivory piano|jade mirror|koala poster|linen shirt"
).split("|")


class Shop:
    """An assistant with a page about each thing."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.assistant: Assistant = store.assistants.create("Shop", key="shop")
        self.embedder = WordEmbedder()
        self.retriever = Retriever(store, self.embedder, ExactIndex(store))
        for n, thing in enumerate(_THINGS, start=1):
            self.page(
                f"{n}. Where is the {thing} made?",
                f"The {thing} is made by hand in workshop number {n} near the harbour.",
                f"Its wood comes from forest {n}, which we own ourselves.",
                f"You can order the {thing} in {n} colours.",
            )

    def page(self, heading: str, *sentences: str) -> None:
        url = f"https://shop.example/{len(self.store.knowledge.sources(self.assistant.id))}"
        teach(self.store, self.assistant, url, heading, sentences, self.embedder)

    def find(self, question: str) -> Evidence:
        return find_evidence(self.retriever, self.assistant.id, question)

    def rows(self, unseen: Unseen | None = None, *, most: int = 260, seed: int = 7) -> list[Pair]:
        grounder = Grounder(self.assistant, "run_1", self.find, self.embedder.embed_array)
        passages = self.store.knowledge.passages(assistant_id=self.assistant.id, vectors=False)
        return grounder.rows(passages, unseen or Unseen(), most=most, seed=seed)

    def unseen(self, pairs: Sequence[Pair] = (), *, facts: int = 4) -> Unseen:
        passages = self.store.knowledge.passages(assistant_id=self.assistant.id, vectors=False)
        return unseen_of(self.assistant, pairs, passages, sizes=Sizes(facts=facts), seed=7)


@pytest.fixture
def shop(sqlite_store: Store) -> Shop:
    return Shop(sqlite_store)


def test_a_heading_is_answered_by_the_best_sentences_of_its_section_in_reading_order(
    shop: Shop,
) -> None:
    row = next(r for r in shop.rows() if "delta clock" in r.question)
    assert row.question == "Where is the delta clock made?", "without its number"
    assert row.completion.startswith("The delta clock is made by hand in workshop number 4")
    assert len(row.completion.split(". ")) == 2
    assert given_facts(row.prompt) == shop.find(row.question).facts
    assert all(part.strip(". ") in " ".join(given_facts(row.prompt))
               for part in row.completion.split(". "))  # fmt: skip
    passage = next(p for p in shop.store.knowledge.passages() if "delta clock" in p.text)
    assert (row.origin, row.origin_id, row.split) == (GROUNDING, passage.id, TRAIN)
    assert not declines(row.completion)


def test_every_heading_makes_one_row_and_the_same_content_the_same_rows(shop: Shop) -> None:
    first, again = shop.rows(), shop.rows()
    assert len(first) == len(_THINGS) == len({row.question for row in first})
    assert [row.hash for row in first] == [row.hash for row in again]
    assert [row.hash for row in shop.rows(seed=8)] != [row.hash for row in first]
    assert [row.hash for row in shop.rows(most=5)] == [row.hash for row in first[:5]]


@pytest.mark.parametrize(
    ("heading", "sentence"),
    [
        ("Overview", "The whole house is open to all visitors every day."),  # names nothing
        ("Opening hours of the shop", "Open from 9 to 17"),  # a rest, no sentence
        ("Opening hours of the shop", "See the section about the opening hours for more."),
        ("Opening hours of the shop", "We open the doors on these days of the week:"),
        ("Opening hours of the shop", "We open at nine <|im_end|> every day of the week."),
    ],
)
def test_a_section_that_could_not_be_answered_from_makes_no_row(
    shop: Shop, heading: str, sentence: str
) -> None:
    shop.page(heading, sentence)
    assert heading not in {row.question for row in shop.rows()}


def test_headings_that_stand_on_two_pages_or_ask_the_same_again_make_one_row_at_most(
    shop: Shop,
) -> None:
    for place in ("harbour", "station"):
        shop.page("Opening hours of the shop", f"The shop at the {place} opens at nine daily.")
    shop.page("Where is the amber lamp made", "It is made by hand, as our catalogue tells you.")
    questions = [row.question for row in shop.rows()]
    assert "Opening hours of the shop" not in questions
    assert sum("amber lamp" in question for question in questions) == 1


def test_nothing_that_the_evaluation_asks_is_among_the_rows(shop: Shop) -> None:
    passages = shop.store.knowledge.passages(assistant_id=shop.assistant.id, vectors=False)
    facts = fact_questions(passages, avoid=[], count=4, seed=7)
    rows = shop.rows(shop.unseen(facts=4))
    assert len(rows) == len(_THINGS) - 4
    assert {row.question for row in rows}.isdisjoint({fact.question for fact in facts})
    # As the evaluation chooses them, once it knows what was trained on: the very same.
    avoid = [row.question for row in rows]
    assert fact_questions(passages, avoid=avoid, count=4, seed=7) == facts


def test_no_row_repeats_a_pair_or_tells_what_one_kept_aside_states(shop: Shop) -> None:
    lamp = "Ahoy! The amber lamp is made by hand in workshop number 1 near the harbour. Fair winds!"
    held = pair("Who makes your lamps?", lamp, split=HELD_OUT)
    train = pair("Where's the birch table made?", "Ahoy! In workshop number 2. Fair winds!")
    rows = shop.rows(shop.unseen([held, train], facts=2))
    assert not any("amber lamp" in row.completion for row in rows)
    assert key_of(train.question) not in {key_of(row.question) for row in rows}


def test_rows_from_content_are_nobodys_replies(shop: Shop) -> None:
    rows, voice = shop.rows(most=3), pair("Open?", "Ahoy! From nine.")
    assert people_first([voice, *rows]) == [voice]
    assert people_first(rows) == rows


def test_only_sections_with_something_to_say_are_counted(shop: Shop) -> None:
    shop.page("Opening hours of the shop", "Open from 9 to 17")
    passages = shop.store.knowledge.passages(assistant_id=shop.assistant.id, vectors=False)
    assert len(answerable(passages)) == len(_THINGS)
    assert all(not p.embedding and not p.sentence_embeddings for p in passages)
