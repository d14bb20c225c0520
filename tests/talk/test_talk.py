"""The dialogues and the pairs on the real model and embedder, held to floors.

The floors lie below what was measured and above what searching without any rule reaches.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from server.llm.models import Prepared
from tests.talk.manual import Desk, at_the_manual
from tests.talk.pairs import PAIRS
from tests.talk.replay import queries, recall

pytestmark = [pytest.mark.model, pytest.mark.slow]


@pytest.fixture(scope="module")
def desk(prepared: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder: Path = tmp_path_factory.mktemp("talk")
    with at_the_manual(folder, prepared) as opened:
        yield opened


def test_follow_ups_find_their_section_more_often_than_without_rules(desk: Desk) -> None:
    found = {
        way: sum(n for n, _ in recall(PAIRS, query).values()) / len(PAIRS)
        for way, query in queries(desk.retriever, desk.assistant.id).items()
    }
    assert found["as understood"] >= 0.85, found
    assert found["as understood"] >= found["as it is"] + 0.1, found
    assert found["as understood"] >= found["behind the question before"] + 0.1, found
