"""Replies without a draft: the last answer told otherwise, and the assistant about itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from server.answering.aside import again, listed, refusal_text, shorter
from server.answering.dialogue import Said
from server.answering.phrases import Phrase, say
from server.store import Store
from server.store.assistants import parse_settings
from server.store.conversations import Turn
from tests.speaking import QUESTION, RETURNS, SHIPPING, Talk


@pytest.fixture
def talk(sqlite_store: Store) -> Iterator[Talk]:
    opened = Talk(sqlite_store)
    yield opened
    opened.chat.close()


def _held(talk: Talk, *questions: str) -> list[Turn]:
    conversation = talk.conversation()
    return [talk.ask(question, conversation) for question in questions]


def _marks_fit(turn: Turn) -> bool:
    """Whether each citation stands behind a statement, inside the reply."""
    return all(0 < m <= len(turn.reply) for c in turn.citations for m in c["marks"])


def test_in_short_is_the_best_sentence_with_its_citation_and_label(talk: Talk) -> None:
    first, short = _held(talk, QUESTION, "in short please")
    assert short.reply == RETURNS[0] and len(short.reply) < len(first.reply)
    assert short.label == first.label == "supported"
    cited = short.citations[0]
    assert cited["quote"] == RETURNS[0] and cited["marks"] == [len(short.reply)]
    assert cited["hash"] == first.citations[0]["hash"] and len(cited["spans"]) == 1
    assert len(talk.model.asked) == 1, "the model was asked again"


def test_in_short_of_what_is_short_already_is_the_same_again(talk: Talk) -> None:
    _, one, two = _held(talk, QUESTION, "in short", "shorter")
    assert one.reply == two.reply == RETURNS[0] and two.citations == one.citations


def test_more_details_are_the_next_sentences_of_the_section_and_end(talk: Talk) -> None:
    first, more, none = _held(talk, QUESTION, "tell me more", "what else?")
    assert more.reply == RETURNS[2] and more.reply not in first.reply
    assert more.citations[0]["passage"] == first.citations[0]["passage"]
    assert more.label == first.label and _marks_fit(more)
    assert (none.reply, none.label) == (say(Phrase.NOTHING_MORE, "en"), "curated")
    assert none.signals["kind"] == "meta"


def test_say_it_again_repeats_the_answer_with_its_citations(talk: Talk) -> None:
    first, again = _held(talk, QUESTION, "Say it again, please")
    assert (again.reply, again.citations) == (first.reply, first.citations)
    assert again.evidence == first.evidence


def test_as_a_list_gives_each_statement_a_line_and_its_mark(talk: Talk) -> None:
    _, turn = _held(talk, QUESTION, "as a list")
    assert turn.reply == f"- {RETURNS[0]}\n- {RETURNS[1]}"
    assert turn.citations[0]["marks"] == [len(RETURNS[0]) + 2, len(turn.reply)]


def test_simpler_words_are_not_promised(talk: Talk) -> None:
    _, turn = _held(talk, QUESTION, "in simple words")
    assert turn.reply == f"{say(Phrase.SIMPLER, 'en')} {RETURNS[0]}" and _marks_fit(turn)


@pytest.mark.parametrize("wish", ["in short", "more details", "say it again", "as a list"])
def test_without_an_answer_before_a_wish_says_so_and_offers_questions(
    talk: Talk, wish: str
) -> None:
    talk.store.assistants.change("acme", {"suggested_prompts": [QUESTION]})
    talk.assistant = talk.store.assistants.by_key("acme")
    hello, turn = _held(talk, "Hello", wish)
    assert turn.reply == f"{say(Phrase.NOTHING_YET, 'en')}\n\n- {QUESTION}"
    assert turn.label == "curated" and hello.label == "curated" and turn.citations == []


def test_a_refusal_in_short_is_still_a_refusal(talk: Talk) -> None:
    refused, turn = _held(talk, "Who composed the opera about penguins?", "in short")
    assert (turn.reply, turn.label) == (refused.reply, "refused")


def test_a_follow_up_after_a_wish_leans_on_the_question_before_it(talk: Talk) -> None:
    turns = _held(talk, "What does shipping to Norway cost?", "in short", "How long does it take?")
    assert turns[-1].signals["kind"] == "follow_up"
    assert SHIPPING[0] in [row["text"] for row in turns[-1].evidence]


def test_a_correction_is_searched_with_the_term_put_right(talk: Talk) -> None:
    turns = _held(talk, "What do parcels to Sweden cost?", "I meant Norway")
    assert turns[-1].signals["kind"] == "correction"
    assert "Norway" in turns[-1].signals["asked"]
    assert turns[-1].messages[-1]["content"].endswith(turns[-1].signals["asked"])


def test_a_person_is_never_promised_and_the_owners_contact_is_told(talk: Talk) -> None:
    turn = talk.ask("Can I talk to a real person?")
    assert turn.reply == f"{say(Phrase.NO_PERSON, 'en')} {say(Phrase.LOOK_FOR_CONTACT, 'en')}"
    contact = "I do not know. Write to help@acme.example or call +47 22 33 44 55."
    talk.assistant = talk.store.assistants.change("acme", {"refusal": contact})
    assert talk.ask("human please").reply == f"{say(Phrase.NO_PERSON, 'en')} {contact}"
    talk.assistant = talk.store.assistants.change("acme", {"contact": "help@acme.example"})
    offered = talk.ask("Can I talk to a person?")
    assert offered.reply == say(Phrase.NO_PERSON, "en")
    assert offered.signals["contact"] == "mailto:help@acme.example"
    talk.assistant = talk.store.assistants.change("acme", {"refusal": "No idea, sorry."})
    assert "No idea" not in talk.ask("human please").reply


def test_who_speaks_is_told_from_the_settings(talk: Talk) -> None:
    talk.assistant = talk.store.assistants.change("acme", {"about": "Acme sells anvils."})
    turn = talk.ask("Are you a bot?")
    assert "Acme Help" in turn.reply and "not a person" in turn.reply
    assert turn.reply.endswith("Acme sells anvils.") and turn.label == "curated"


def test_a_courtesy_before_a_question_does_not_hide_it(talk: Talk) -> None:
    turn = talk.ask(f"Hi there, {QUESTION[0].lower()}{QUESTION[1:]}")
    assert turn.label == "supported" and RETURNS[0] in turn.reply


def test_a_visitor_is_refused_in_their_language_unless_the_owner_wrote_it(talk: Talk) -> None:
    question = "Wer hat die Oper über Pinguine geschrieben?"
    turn = talk.ask(question)
    assert turn.label == "refused" and turn.signals["language"] == "de"
    assert turn.reply.startswith(say(Phrase.REFUSAL, "de")) and "English" in turn.reply
    talk.assistant = talk.store.assistants.change("acme", {"refusal": "No idea, sorry."})
    assert talk.ask(question).reply == "No idea, sorry."


def test_an_assistant_in_german_refuses_in_german_without_a_hint() -> None:
    german = parse_settings({"language": "de-AT"})
    assert refusal_text(german, None) == refusal_text(german, "de") == say(Phrase.REFUSAL, "de")


def test_content_in_another_language_is_quoted_and_not_drafted(talk: Talk) -> None:
    turn = talk.ask("Wie kann ich das: orders returned within 30 days of delivery?")
    assert turn.signals["language"] == "de"
    assert turn.label != "refused" and RETURNS[0] in turn.reply
    assert talk.model.asked == [] and turn.messages == []


def test_thanks_are_answered_in_their_language_and_the_owners_greeting_stands(talk: Talk) -> None:
    assert talk.ask("Merci beaucoup !").reply == say(Phrase.WELCOME, "fr")
    assert talk.ask("Bonjour").reply == say(Phrase.GREETING, "fr")
    talk.assistant = talk.store.assistants.change("acme", {"greeting": "Welcome to Acme."})
    assert talk.ask("Bonjour").reply == "Welcome to Acme."


_CITATION: dict[str, Any] = {"n": 1, "title": "T", "quote": "A b c. … D e f.", "spans": [[0, 6]]}


def test_an_answer_without_evidence_rows_is_cut_where_its_citations_stand() -> None:
    said = Said("Q?", "A b c. D e f.", citations=[_CITATION | {"marks": [6, 13]}], label="curated")
    assert shorter(said).text == "A b c." and shorter(said).citations[0]["marks"] == [6]
    assert listed(said).text == "- A b c.\n- D e f."
    assert again(said).text == said.reply
    bare = Said("Q?", "Only this.", label="curated")
    assert shorter(bare).text == listed(bare).text == "Only this."
