"""A site on loopback, and a fetcher that may read it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from server.knowledge.fetch import Fetcher, Limits
from tests.knowledge.sites import Site


@pytest.fixture
def site() -> Iterator[Site]:
    opened = Site()
    yield opened
    opened.close()


@pytest.fixture
def fetcher() -> Iterator[Fetcher]:
    """May read this machine, with short limits."""
    limits = Limits(timeout=1.0, deadline=2.0, max_bytes=300_000)
    with Fetcher(allow_private=True, limits=limits) as opened:
        yield opened
