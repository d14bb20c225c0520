"""B31: what cannot be learnt from ends the run with a sentence, and nothing comes to be promoted.

The stages are the real ones, in their own processes, on the real embedder and tokenizer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from server.config import Settings
from server.errors import AppError
from server.llm.models import Prepared
from server.store import Store, open_store
from server.store.pairs import NewExample
from tests.tuning.faq_voice import replies
from tuning.child import Children
from tuning.workflow import Tuner

pytestmark = [pytest.mark.model, pytest.mark.slow]


def _rows(count: int) -> list[NewExample]:
    return [NewExample(r.question, r.answer, r.context) for r in replies(count)]


def _copies() -> list[NewExample]:
    """One reply to one question, typed thirty times."""
    [one] = _rows(1)
    return [NewExample(one.question + "?" * n, one.answer, one.context) for n in range(30)]


def _oversized() -> list[NewExample]:
    """Replies of some thousand tokens, none like another."""
    made = _rows(30)
    long = [" ".join(made[(n + k) % 30].answer for k in range(30)) for n in range(30)]
    return [NewExample(row.question, reply, reply) for row, reply in zip(made, long, strict=True)]


@pytest.fixture
def home(tmp_path: Path, prepared: Prepared) -> Path:
    (tmp_path / "models").symlink_to(prepared.root.parent)
    return tmp_path


@pytest.fixture
def store(home: Path) -> Iterator[Store]:
    opened = open_store(Settings(home=home).database)
    yield opened
    opened.database.close()


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (list, "There are 0 replies"),
        (lambda: _rows(1), "There are 1 replies"),
        (_copies, "29 were left out because it is a near copy"),
        (_oversized, "30 were left out because it is too long"),
    ],
    ids=["none", "one", "duplicates", "oversized"],
)
def test_b31_too_little_to_learn_from_is_never_promoted(
    home: Path, store: Store, made: Callable[[], list[NewExample]], told: str
) -> None:
    assistant = store.assistants.create("Debian helper")
    store.plans.change(assistant.id, {"promote": "when the gate passes"})
    store.pairs.import_examples(assistant.id, made(), origin="voice.jsonl")
    run = store.runs.ask(assistant.id, config={}, requested_by="t")
    tuner = Tuner(Settings(home=home), store, Children())
    with pytest.raises(AppError) as raised:
        tuner.pairs(run.id)
    assert told in str(raised.value)
    tuner.fail(run.id, "failed", str(raised.value))
    ended = store.runs.run(run.id)
    assert ended.status == "failed" and told in ended.error
    assert store.datasets.of_run(run.id) is None
    assert store.adapters.of_assistant(assistant.id) == []
    assert store.adapters.activations(assistant.id) == []
