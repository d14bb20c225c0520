"""A website read again after one page changed and one went: what the old citations say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from server.answering.freshness import as_they_stand
from server.config import Settings
from server.knowledge.ingest import Ingestion
from server.knowledge.reading import Reader
from server.store import Store
from server.store.knowledge import Source
from tests.knowledge.sites import Site
from tests.speaking import Talk

HOURS = "The workshop opens at nine in the morning."
PRICES = "A puncture repair costs 12 euros at the workshop."
PARKING = "Visitors park their vans behind the old brewery."


class _NoJobs:
    def enqueue(self, queue: str, name: str, *args: str, workflow_id: str) -> None: ...


class Shop:
    """An assistant that reads a website and answers from it."""

    def __init__(self, site: Site, store: Store, home: Path) -> None:
        settings = Settings(home=home, crawl_private=f"127.0.0.1:{site.port}")
        self.site, self.store = site, store
        self.talk = Talk(store)
        self.reader = Reader(settings, store, self.talk.embedder, self.talk.vectors)
        self.ingestion = Ingestion(settings, store, cast(Any, _NoJobs()))

    def read(self, source: Source | None = None) -> Source:
        """Read the whole site, for the first time or again."""
        queued = (
            self.ingestion.again(source.id)
            if source
            else self.ingestion.add_website(self.talk.assistant, self.site.url)
        )
        round, began = self.reader.begin(queued.id)
        while self.reader.read(queued.id, round) is not None:
            pass
        self.reader.ready(queued.id, self.reader.finish(queued.id, round, began, 0))
        return self.store.knowledge.source(queued.id)


@pytest.fixture
def shop(site: Site, sqlite_store: Store, tmp_path: Path) -> Iterator[Shop]:
    opened = Shop(site, sqlite_store, tmp_path)
    yield opened
    opened.reader._fetcher.close()
    opened.talk.chat.close()


def _page(title: str, text: str, *links: str) -> str:
    anchors = " ".join(f'<a href="{link}">more about {link}</a>' for link in links)
    body = f"<main><h1>{title}</h1><p>{text}</p></main><nav>{anchors}</nav>"
    return f"<html><head><title>{title}</title></head><body>{body}</body></html>"


def test_citations_follow_the_pages_through_another_reading(shop: Shop) -> None:
    site, talk = shop.site, shop.talk
    site.page("/", _page("Hours", HOURS, "/prices", "/parking"))
    site.page("/prices", _page("Prices", PRICES))
    site.page("/parking", _page("Parking", PARKING))
    source = shop.read()
    asked = {
        "When does the workshop open in the morning?": HOURS,
        "What does a puncture repair cost at the workshop?": PRICES,
        "Where do visitors park their vans?": PARKING,
    }
    conversation = talk.conversation()
    for question, fact in asked.items():
        talk.says = lambda _, fact=fact: [fact]
        assert talk.ask(question, conversation).citations[0]["quote"] == fact

    def states() -> list[str | None]:
        turns = shop.store.conversations.turns(conversation.id)
        told = as_they_stand(shop.store.knowledge, turns)
        return [turn.citations[0].get("state") for turn in told]

    shop.read(source)
    assert states() == [None, None, None]
    # A new version that still says it; the same page with another price; a page that is gone.
    site.page("/", _page("Hours", f"Welcome to our new site. {HOURS}", "/prices"))
    site.page("/prices", _page("Prices", PRICES.replace("12", "120")))
    del site.pages["/parking"]
    shop.read(source)
    assert states() == [None, "changed", "gone"]
