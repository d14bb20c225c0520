"""From a draft to a reply: what is shown, what ends the draft, the quote below which none falls."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.answering.compose import Reply, compose
from server.answering.evidence import Evidence, EvidenceSentence
from server.answering.grounding import Ground
from server.answering.words import numbers
from server.knowledge.sentences import split_sentences
from server.store.knowledge import Passage

RETURNS = (
    "Orders can be returned within 30 days of delivery. Refunds reach your bank account in five "
    "working days. Opened software cannot be returned."
)
SHIPPING = "Parcels to Norway take four working days. Write to help@acme.example about them."
LIST = "Debian runs on these machines:\n- amd64\n- arm64\n- riscv64"


def _passage(id: str, text: str, url: str) -> Passage:
    return Passage(
        seq=1,
        id=id,
        assistant_id="a",
        source_id="src_1",
        page_id=f"pag_{id}",
        ordinal=0,
        heading="Help > Returns",
        anchor="part",
        text=text,
        hash=f"hash-{id}",
        sentences=[],
        embedding=b"",
        sentence_embeddings=b"",
        title="Help",
        url=url,
        page_version=3,
    )


def _evidence(*texts: str, question: str = "May I send it back?") -> Evidence:
    sentences: list[EvidenceSentence] = []
    for n, text in enumerate(texts):
        passage = _passage(f"psg_{n}", text, f"https://acme.example/{n}")
        spans = [(0, len(text))] if "\n" in text else split_sentences(text)
        sentences += [EvidenceSentence(passage, s, e, 1.0) for s, e in spans]
    return Evidence(question, tuple(sentences), (), {})


EVIDENCE = _evidence(RETURNS, SHIPPING)
FIRST, REFUND = (
    "Orders can be returned within 30 days of delivery.",
    ("Refunds reach your bank account in five working days."),
)


def _composed(
    draft: Sequence[str], evidence: Evidence = EVIDENCE, voice: frozenset[str] = frozenset()
) -> tuple[str, Reply]:
    *shown, reply = compose(evidence, draft, voice=voice)
    assert isinstance(reply, Reply)
    return "".join(map(str, shown)), reply


def test_checked_sentences_are_shown_as_they_become_sure() -> None:
    taken: list[str] = []

    def draft() -> list[str]:
        return [f"{FIRST} ", "Refunds ", "reach your bank account in five working days."]

    steps = compose(EVIDENCE, (taken.append(p) or p for p in draft()))
    assert next(steps) == FIRST
    assert len(taken) == 2  # the second sentence is not read to its end yet


def test_what_is_shown_is_what_the_reply_says() -> None:
    shown, reply = _composed([FIRST, " ", REFUND])
    assert shown == reply.text == f"{FIRST} {REFUND}"
    assert reply.own_words and reply.label == "supported"


@pytest.mark.parametrize(
    "bad",
    [
        "Orders can be returned within 90 days of delivery.",
        "Microsoft and Apple both accept any order, says Bill Gates.",
        "Opened software can be returned.",
        "See https://evil.example/x for more.",
        "Here is what returned orders need:",
    ],
)
def test_an_unsupported_first_sentence_gives_way_to_the_quote(bad: str) -> None:
    stopped: list[bool] = []
    *shown, reply = compose(EVIDENCE, [f"{bad} {REFUND}"], stop=lambda: stopped.append(True))
    assert isinstance(reply, Reply)
    assert reply.text == "".join(map(str, shown)) == f"{FIRST} {REFUND}"
    assert not reply.own_words and stopped == [True]
    assert reply.draft.startswith(bad)


def test_an_unsupported_later_sentence_ends_the_reply() -> None:
    _, reply = _composed([f"{FIRST} The shop is on the moon. {REFUND}"])
    assert reply.text == FIRST


def test_a_sentence_that_comes_again_ends_the_reply() -> None:
    _, reply = _composed([f"{FIRST} {FIRST} {REFUND}"])
    assert reply.text == FIRST


def test_a_contentless_sentence_is_passed_over_however_often_it_comes() -> None:
    _, reply = _composed(["You can. ", "It is. " * 40, f"You can do it. {FIRST}"])
    assert reply.text == FIRST


def test_courtesy_alone_is_followed_by_the_quote() -> None:
    _, reply = _composed(["Hello there! I hope this helps."])
    assert reply.text == f"Hello there! I hope this helps. {FIRST} {REFUND}"
    assert len(reply.citations) == 1


def test_a_silent_model_leaves_the_quote() -> None:
    _, reply = _composed([])
    assert reply.text == f"{FIRST} {REFUND}" and reply.draft == ""


def test_the_owners_words_need_no_evidence() -> None:
    _, reply = _composed([f"Ahoy matey! {FIRST}"], voice=frozenset({"ahoy", "matey"}))
    assert reply.text == f"Ahoy matey! {FIRST}"


def test_a_list_is_quoted_as_a_list() -> None:
    _, reply = _composed(["It runs on Windows."], _evidence(LIST))
    assert reply.text == LIST


def test_a_draft_that_somebody_stopped_shows_no_half_sentence_and_no_quote() -> None:
    *shown, reply = compose(EVIDENCE, ["Refunds reach your bank account in"], stopped=lambda: True)
    assert shown == [] and isinstance(reply, Reply) and reply.text == ""
    assert reply.label == "uncertain"


def test_every_citation_is_of_the_evidence_and_marks_the_end_of_its_statement() -> None:
    _, reply = _composed([f"Hello there! {FIRST} Parcels to Norway take four working days."])
    one, two = reply.citations
    assert (one["n"], one["url"], one["quote"]) == (1, "https://acme.example/0#part", FIRST)
    assert (two["n"], two["url"]) == (2, "https://acme.example/1#part")
    assert one["title"] == "Returns" and one["version"] == 3 and one["hash"] == "hash-psg_0"
    assert reply.text[: one["marks"][0]].endswith(FIRST)
    assert two["marks"] == [len(reply.text)]


@pytest.mark.parametrize("cited", ["[9]", "(source 12)", "https://else.example/page"])
def test_a33_a_source_that_the_model_makes_up_is_never_shown(cited: str) -> None:
    _, reply = _composed([f"Orders can be returned within 30 days of delivery {cited}."])
    assert cited not in reply.text
    assert {c["passage"] for c in reply.citations} <= {"psg_0", "psg_1"}


def test_marks_count_code_points() -> None:
    text = "Bücher 🙂 können binnen 30 Tagen zurückgegeben werden."
    _, reply = _composed([text], _evidence(text))
    assert reply.citations[0]["marks"] == [len(text)]


def test_what_the_gate_is_not_sure_of_is_told_as_uncertain() -> None:
    unsure = [s for s in compose(EVIDENCE, [FIRST], sure=False) if isinstance(s, Reply)]
    assert unsure[0].label == "uncertain"
    assert _composed([FIRST])[1].label == "supported"


_DRAFT = (
    f"Dr. Smith says hello! {FIRST} {REFUND}\n\n- Parcels to Norway take four working days. e.g. X"
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, len(_DRAFT)), max_size=12))
def test_a17_the_reply_does_not_depend_on_where_the_stream_is_cut(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(_DRAFT)]
    pieces = [_DRAFT[a:b] for a, b in itertools.pairwise(edges)]
    assert _composed(pieces)[1].text == _composed([_DRAFT])[1].text


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=300))
def test_no_draft_gets_a_number_or_address_past_the_check(draft: str) -> None:
    _, reply = _composed([draft])
    ground = Ground.of(EVIDENCE.facts, question=EVIDENCE.question)
    for citation in reply.citations:
        assert citation["marks"] and max(citation["marks"]) <= len(reply.text)
    assert not numbers(reply.text) - ground.numbers


def test_an_owners_checker_may_veto_what_the_rules_pass() -> None:
    seen: list[str] = []

    def never(facts: Sequence[str], sentence: str) -> float:
        seen.append(sentence)
        return 0.0

    draft = "Orders can be returned within 30 days of delivery, you know."
    vetoed = [i for i in compose(EVIDENCE, [draft], checker=never) if isinstance(i, Reply)]
    passed = [i for i in compose(EVIDENCE, [draft], checker=lambda *_: 1.0) if isinstance(i, Reply)]
    assert seen == [draft] and not vetoed[0].own_words and passed[0].own_words


def test_a_lead_that_says_nothing_is_left_out() -> None:
    _, reply = _composed([f"The answer to your question is: {FIRST}"])
    assert reply.text == FIRST and reply.own_words


def test_several_questions_are_quoted_one_by_one_each_on_its_own_line() -> None:
    both = replace(_evidence("Execute the command", "It costs 12 euros."), parts=2)
    _, reply = _composed(["Nothing of the kind."], both)
    assert reply.text == "Execute the command\n\nIt costs 12 euros."
    assert [c["n"] for c in reply.citations] == [1, 2]


AHOY, WINDS = "Ahoy there, friend!", "Fair winds to you!"
MANNER = frozenset({"ahoy", "fair", "wind"})


@pytest.mark.parametrize(
    ("draft", "said"),
    [
        (f"{AHOY} Refunds take 99 days. {WINDS}", f"{AHOY} {FIRST} {REFUND} {WINDS}"),
        (f"{AHOY} {FIRST} Refunds take 99 days. {WINDS}", f"{AHOY} {FIRST} {WINDS}"),
        (f"{FIRST} Refunds take 99 days. {REFUND} {WINDS}", f"{FIRST} {WINDS}"),
        (f"Refunds take 99 days. Or 98 days. {WINDS}", f"{FIRST} {REFUND} {WINDS}"),
    ],
    ids=["round the quote", "after a statement", "nothing stated afterwards", "one quote only"],
)
def test_an_owners_manner_outlives_a_statement_that_the_evidence_does_not_carry(
    draft: str, said: str
) -> None:
    shown, reply = _composed([draft], voice=MANNER)
    assert shown == reply.text == said


def test_without_a_manner_the_draft_ends_at_the_first_wrong_statement() -> None:
    stopped: list[bool] = []
    *_, reply = compose(
        EVIDENCE,
        ["Refunds take 99 days. ", "Thanks for asking!"],
        stop=lambda: stopped.append(True),
    )
    assert isinstance(reply, Reply)
    assert stopped and reply.text == f"{FIRST} {REFUND}"
