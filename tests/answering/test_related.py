"""Next steps after a refusal: related sections, named and not quoted, and a person to talk to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from server.answering.evidence import Evidence
from server.answering.related import next_steps, related_sections, told_beside
from server.errors import Invalid
from server.retrieval.hybrid import Hit
from server.store import Store
from server.store.assistants import parse_settings
from server.store.knowledge import Passage
from tests.speaking import SITE, Talk


@pytest.fixture
def talk(sqlite_store: Store) -> Iterator[Talk]:
    opened = Talk(sqlite_store)
    yield opened
    opened.chat.close()


def _hit(n: int, title: str, url: str, *, dense: float = 0.5, heading: str = "") -> Hit:
    passage = Passage(
        seq=n,
        id=f"psg_{n}_{title}",
        assistant_id="ast",
        source_id="src",
        page_id=f"pag_{n}",
        ordinal=0,
        heading=heading,
        anchor="",
        text="",
        hash="h",
        sentences=[],
        embedding=b"",
        sentence_embeddings=b"",
        title=title,
        url=url,
        page_version=1,
    )
    return Hit(passage, dense, 0.0, 0.1)


def _told(title: str, url: str | None, *, page: str = "", ask: bool = False) -> dict[str, object]:
    return {"title": title, "page": page, "url": url, "ask": ask}


def _related(*hits: Hit, question: str = "Do you rent bicycles?") -> list[dict[str, object]]:
    return related_sections(Evidence(question, (), hits, {}))


def test_related_sections_are_three_at_most_each_once_nearest_first() -> None:
    hits = [_hit(n, f"Page {n}", f"{SITE}/{n}") for n in (1, 1, 2, 3, 4)]
    assert [page["title"] for page in _related(*hits)] == ["Page 1", "Page 2", "Page 3"]


@pytest.mark.parametrize(
    ("title", "url", "told"),
    [
        ("Hours", f"{SITE}/hours", _told("Hours", f"{SITE}/hours")),
        ("Guide", "guide.pdf", _told("Guide", None)),
        ("", "guide.pdf", _told("guide.pdf", None)),
        ("Evil", "javascript:alert(1)", _told("Evil", None)),
        ("A\n  title", f"{SITE}/", _told("A title", f"{SITE}/")),
    ],
)
def test_only_a_web_page_is_linked(title: str, url: str, told: dict[str, object]) -> None:
    assert _related(_hit(1, title, url)) == [told]


def test_a_page_that_has_nothing_to_do_with_the_question_is_not_offered() -> None:
    assert _related(_hit(1, "Privacy", f"{SITE}/p", dense=0.1)) == []
    for dense, offered in ((0.25, 1), (0.15, 0)):
        named = _hit(1, "Help", f"{SITE}/h", dense=dense, heading="Help > Renting a bicycle")
        assert len(_related(named)) == offered


def test_a_page_that_the_reply_cites_is_not_offered_again() -> None:
    evidence = Evidence("?", (), (_hit(1, "A", f"{SITE}/a"), _hit(2, "B", f"{SITE}/b")), {})
    steps = next_steps(evidence, contact="", cited=["psg_1_A"])
    assert [page["title"] for page in steps["related"]] == ["B"] and "contact" not in steps


def test_sections_of_one_page_are_told_apart_and_those_that_ask_can_be_asked() -> None:
    url = f"{SITE}/help"
    hits = [
        _hit(1, "Help", url, heading="Help > 2.1. Do you rent bicycles?"),
        _hit(2, "Help", url, heading="Help > 2.1. Do you rent bicycles?"),
        _hit(3, "Help", url, heading="Help > Renting"),
    ]
    assert _related(*hits) == [
        _told("Do you rent bicycles?", url, page="Help", ask=True),
        _told("Renting", url, page="Help"),
    ]


def test_a_refused_turn_keeps_and_tells_its_next_steps_without_quoting(talk: Talk) -> None:
    talk.store.assistants.change("acme", {"contact": "help@acme.example"})
    talk.assistant = talk.store.assistants.by_key("acme")
    live = talk.chat.ask(
        talk.assistant, talk.conversation(), "Who repairs my broken kitchen robot before shipping?"
    )
    done = [e for e in live.follow() if e is not None][-1].data
    assert done["label"] == "refused"
    assert done["related"] == [_told("Shipping", f"{SITE}/shipping")]
    assert done["contact"] == "mailto:help@acme.example"
    turn = talk.store.conversations.turn(live.turn.id)
    assert turn.signals["related"] == done["related"]
    assert turn.reply == talk.assistant.settings.refusal and turn.citations == []


def test_a_person_is_offered_as_the_owner_says_today_not_as_the_log_does(talk: Talk) -> None:
    talk.store.assistants.change("acme", {"contact": "tel:+4722334455"})
    talk.assistant = talk.store.assistants.by_key("acme")
    turn = talk.ask("Who composed the opera about penguins?")
    restarted = type(talk.chat)(talk.store, talk.retriever, talk.voices)

    def told() -> dict[str, object]:
        return [e for e in restarted.follow(turn).follow() if e is not None][-1].data

    assert told()["contact"] == "tel:+4722334455"
    talk.store.assistants.change("acme", {"contact": "https://acme.example/help"})
    assert told()["contact"] == "https://acme.example/help"
    talk.store.assistants.change("acme", {"contact": ""})
    assert "contact" not in told()
    restarted.close()


def test_an_uncertain_answer_names_the_near_page_that_it_does_not_cite(talk: Talk) -> None:
    talk.says = lambda _: ["Orders can be returned within 30 days of delivery."]
    turn = talk.ask("Can opened orders be returned by shipping?")
    assert (turn.label, turn.citations[0]["title"]) == ("uncertain", "Returns")
    assert turn.signals["related"] == [_told("Shipping", f"{SITE}/shipping")]


def test_a_greeting_is_told_as_a_courtesy_and_not_as_the_teams_answer(talk: Talk) -> None:
    live = talk.chat.ask(talk.assistant, talk.conversation(), "Hello!")
    done = [e for e in live.follow() if e is not None][-1].data
    assert (done["label"], done["courtesy"]) == ("curated", True)
    given = replace(talk.store.conversations.turn(live.turn.id), signals={"curated": {"id": "c"}})
    assert told_beside(given, contact="") == {}


def test_a_supported_answer_has_no_next_steps(talk: Talk) -> None:
    live = talk.chat.ask(talk.assistant, talk.conversation(), "Can orders be returned?")
    done = [e for e in live.follow() if e is not None][-1].data
    assert done["label"] == "supported" and not {"related", "contact"} & set(done)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("", ""),
        ("help@acme.example", "mailto:help@acme.example"),
        (" mailto:help@acme.example ", "mailto:help@acme.example"),
        ("tel:+47 22", None),
        ("tel:+4722334455", "tel:+4722334455"),
        ("https://acme.example/contact?a=1#form", "https://acme.example/contact?a=1#form"),
        ("http://acme.example/", None),
        ("https://bank.example@evil.example/", None),
        ("javascript:alert(1)", None),
        ("mailto:a@b.example?bcc=all@c.example", None),
        ("mailto:a@b.example,c@d.example", None),
        ("https://acme.example/\x00", None),
        ("https://acme.example/a b", None),
        ("data:text/html,x", None),
    ],
)
def test_a_contact_is_a_mail_a_telephone_or_a_secure_web_address(
    given: str, kept: str | None
) -> None:
    if kept is None:
        with pytest.raises(Invalid, match="contact"):
            parse_settings({"contact": given})
    else:
        assert parse_settings({"contact": given}).contact == kept
