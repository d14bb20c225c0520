"""The real engine on the real default model, loaded once."""

from collections.abc import Iterator

import pytest

from server.llm.engine import Engine
from server.llm.models import Prepared


@pytest.fixture(scope="session")
def engine(prepared: Prepared) -> Iterator[Engine]:
    opened = Engine(prepared.serving)
    yield opened
    opened.close()
