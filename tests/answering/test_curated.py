"""Curated answers and FAQ pairs come before the model, word for word, with their citation."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import pytest

from server.answering.answer import Outcome, answer
from server.answering.curated import CuratedAnswers
from server.knowledge.chunks import chunk_blocks
from server.knowledge.faq import FaqPair
from server.knowledge.pages import Block
from server.knowledge.reading import embed_chunks
from server.llm.voice import Voice
from server.store import Store
from server.store.curated import Curated, Wording
from tests.speaking import QUESTION, RETURNS, SITE, Talk

ANSWER = "Yes: within 30 days, **unworn**.\n\n- Print the label\n- Post it"


@pytest.fixture
def talk(store: Store) -> Iterator[Talk]:
    opened = Talk(store)
    yield opened
    opened.chat.close()


@pytest.fixture
def answers(talk: Talk) -> CuratedAnswers:
    return CuratedAnswers(talk.store, talk.retriever)


def _add(talk: Talk, question: str, text: str = ANSWER, **more: object) -> Curated:
    wording = Wording(question, text, **more)  # type: ignore[arg-type]
    answers = CuratedAnswers(talk.store, talk.retriever)
    return answers.add(talk.assistant, wording, author="r@x.org")


def _faq(talk: Talk, *pairs: FaqPair) -> None:
    """Store pairs as the reading of an FAQ file does."""
    source = talk.store.knowledge.add_source(talk.assistant.id, "faq", "faq.csv", {})
    for pair in pairs:
        chunks = chunk_blocks((Block(pair.answer, (pair.question,), "", "answer"),))
        url = f"{pair.url or 'faq:faq.csv'}#:~:text={pair.question}"
        talk.store.knowledge.put_page(
            source,
            url=url,
            title=pair.question,
            hash=pair.answer[:40],
            round=1,
            new_passages=embed_chunks(talk.embedder, chunks),
        )


def test_a_curated_answer_is_given_word_for_word_without_the_model(talk: Talk) -> None:
    made = _add(talk, "May I return shoes?")
    turn = talk.ask("may i return SHOES")
    assert (turn.label, turn.reply, turn.status) == ("curated", ANSWER, "complete")
    assert turn.citations == [] and turn.evidence == [] and turn.messages == []
    assert talk.model.asked == []
    assert turn.signals["curated"] == {
        "curated": made.id,
        "question": "May I return shoes?",
        "score": 1.0,
    }


def test_every_time_it_is_given_is_a_hit(talk: Talk) -> None:
    made = _add(talk, "May I return shoes?")
    turns = [talk.ask("May I return shoes?"), talk.ask("Can I return my shoes?")]
    talk.ask(QUESTION)
    hits = talk.store.curated.hits(made.id)
    assert [h.turn_id for h in hits] == [t.id for t in reversed(turns)]
    assert hits[1].score == 1.0


def test_it_is_matched_by_its_variants_too(talk: Talk) -> None:
    _add(talk, "May I return shoes?", variants=["Are boots refunded?"])
    assert talk.ask("are boots refunded").reply == ANSWER


def test_a_link_to_a_page_of_ours_becomes_a_citation_bound_to_it(talk: Talk) -> None:
    _add(talk, "May I return shoes?", url=f"{SITE}/returns#shoes")
    cited = talk.ask("May I return shoes?").citations[0]
    assert (cited["n"], cited["title"], cited["url"]) == (1, "Returns", f"{SITE}/returns#shoes")
    assert cited["quote"] == RETURNS[0] and cited["spans"] == [[0, len(RETURNS[0])]]
    assert cited["page"].startswith("pag_") and cited["source"].startswith("src_")
    assert cited["version"] == 1 and cited["marks"] == [len(ANSWER)]


def test_a_link_elsewhere_is_a_citation_that_quotes_nothing(talk: Talk) -> None:
    _add(talk, "Do you gift wrap presents?", url="https://else.example/wrap")
    cited = talk.ask("Do you gift wrap presents?").citations[0]
    assert (cited["title"], cited["url"], cited["quote"]) == (
        "Do you gift wrap presents?",
        "https://else.example/wrap",
        "",
    )
    assert cited["page"] is None and cited["version"] is None
    assert set(cited) == set(talk.ask(QUESTION).citations[0])


def test_one_that_is_off_or_of_another_assistant_is_not_given(talk: Talk) -> None:
    made = _add(talk, QUESTION, "By hand.")
    assert talk.ask().label == "curated"
    talk.store.curated.set_status(made.id, "off")
    assert talk.ask().label == "supported"
    talk.store.curated.set_status(made.id, "approved")
    assert talk.ask().reply == "By hand."
    other = talk.store.assistants.create("Other", key="other")
    answers = CuratedAnswers(talk.store, talk.retriever)
    assert answers.match(other, QUESTION) is None


def test_one_that_went_in_the_meantime_is_no_reply(talk: Talk, answers: CuratedAnswers) -> None:
    made = _add(talk, QUESTION, "By hand.")
    match = answers.match(talk.assistant, QUESTION)
    talk.store.curated.remove(made.id)
    assert match is not None and answers.reply(match) is None
    assert answers.match(talk.assistant, QUESTION) is None


@pytest.mark.parametrize(
    ("curated", "asked"),
    [
        ("How do I enable mail alerts?", "How do I disable mail alerts?"),
        ("Can I pay with a card?", "Can I not pay with a card?"),
        ("Can I return shoes after 30 days?", "Can I return shoes after 60 days?"),
        ("Do you ship parcels to Norway?", "do you ship parcels to sweden?"),
        ("How long may I keep the shoes?", "May I wear the shoes?"),
    ],
)
def test_a_question_that_asks_otherwise_is_not_matched(
    talk: Talk, answers: CuratedAnswers, curated: str, asked: str
) -> None:
    talk.store.assistants.change("acme", {"curated_threshold": 0.5})
    assistant = talk.store.assistants.by_key("acme")
    _add(talk, curated)
    assert answers.match(assistant, curated) is not None
    assert answers.match(assistant, asked) is None


def test_the_threshold_is_the_assistants_own(talk: Talk, answers: CuratedAnswers) -> None:
    _add(talk, "May I return worn shoes to your shop?")
    loose = talk.store.assistants.change("acme", {"curated_threshold": 0.6})
    strict = talk.store.assistants.change("acme", {"curated_threshold": 0.95})
    question = "Return worn shoes?"
    found = answers.match(loose, question)
    assert found is not None and 0.6 <= found.score < 0.95
    assert answers.match(strict, question) is None
    assert answers.nearest(strict, question)[0].score == found.score


def test_a_follow_up_that_leans_on_history_is_not_matched_by_accident(talk: Talk) -> None:
    _add(talk, "What does it cost?", "Our subscription costs 9 euros.")
    conversation = talk.conversation()
    talk.says = lambda _: ["Shipping to Norway costs 12 euros for each parcel."]
    assert talk.ask("What does it cost?").label == "curated"
    talk.ask("How do parcels reach Norway?", conversation)
    follow_up = talk.ask("What does it cost?", conversation)
    assert follow_up.label != "curated" and "12 euros" in follow_up.reply


def test_a_whole_question_is_matched_amid_a_conversation(talk: Talk) -> None:
    _add(talk, "May I return shoes?")
    conversation = talk.conversation()
    talk.ask(conversation=conversation)
    assert talk.ask("May I return shoes?", conversation).label == "curated"
    talk.ask("And when do refunds reach my bank account?", conversation)
    told = "\n".join(str(m.content) for m in talk.model.asked[-1])
    assert "Print the label" in told


def test_an_faq_pair_is_given_whole_with_its_citation(talk: Talk) -> None:
    long = " ".join(f"Step {n} is to press the green button of panel {n}." for n in range(60))
    pairs = [
        FaqPair("How is the kiln fired?", long, f"{SITE}/kiln"),
        FaqPair("Is clay sold?", "Yes."),
    ]
    _faq(talk, *pairs)
    turn = talk.ask("how is the kiln fired")
    assert turn.label == "curated" and turn.reply.split() == long.split()
    assert talk.model.asked == []
    cited = turn.citations[0]
    assert cited["title"] == "How is the kiln fired?" and cited["quote"] in long
    assert cited["url"].startswith(f"{SITE}/kiln") and cited["passage"].startswith("psg_")
    assert cited["marks"] == [len(turn.reply)] and cited["version"] == 1
    assert set(turn.signals["curated"]) == {"faq", "question", "score"}
    assert talk.ask("Is clay sold?").citations[0]["url"] is None


def test_an_faq_that_changes_or_goes_is_followed(talk: Talk) -> None:
    _faq(talk, FaqPair("Is clay sold?", "Yes, by the kilo."))
    assert talk.ask("Is clay sold?").reply == "Yes, by the kilo."
    _faq(talk, FaqPair("Is clay sold?", "No, not any more."))
    assert talk.ask("Is clay sold?").reply == "No, not any more."
    source = talk.store.knowledge.sources(talk.assistant.id)[-1]
    talk.store.knowledge.remove_source(source.id)
    assert talk.ask("Is clay sold?").label != "curated"


def test_a_reviewers_answer_goes_before_an_faq_to_the_same_question(talk: Talk) -> None:
    _faq(talk, FaqPair("Is clay sold?", "Yes, by the kilo."))
    _add(talk, "Is clay sold?", "Only on Mondays.")
    assert talk.ask("is clay sold").reply == "Only on Mondays."


def test_what_measures_the_model_leaves_curated_answers_out(talk: Talk) -> None:
    _add(talk, QUESTION, "By hand.")
    steps = list(
        answer(talk.assistant, QUESTION, retriever=talk.retriever, voice=lambda: Voice(talk.model))
    )
    assert isinstance(steps[-1], Outcome) and steps[-1].reply.label == "supported"


def test_a_thousand_answers_are_searched_in_milliseconds(
    talk: Talk, answers: CuratedAnswers
) -> None:
    random = np.random.default_rng(0)
    for n in range(50):
        parts = [f"How is part {n * 20 + m} of machine {n} cleaned?" for m in range(20)]
        vectors = random.normal(size=(20, 384)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        wording = Wording(parts[0], "With water.", variants=parts[1:])
        talk.store.curated.add(talk.assistant.id, wording, vectors.tobytes(), author="x")
    question = "How would one clean part 7 of machine 12?"
    answers.match(talk.assistant, question)
    took = []
    for _ in range(20):
        began = time.perf_counter()
        answers.match(talk.assistant, question)
        took.append(time.perf_counter() - began)
    # The best of twenty: a busy machine makes any one of them slow.
    assert min(took) < 0.005, took
