"""Following a run from the command line: what is shown meanwhile."""

from __future__ import annotations

import pytest

from server.store import Store
from tuning.asking import follow


@pytest.mark.parametrize(
    ("left", "told"), [(None, ""), (75.0, ", about 75 s left"), (200.0, ", about 3 min left")]
)
def test_progress_says_where_a_run_is_and_what_is_left(
    sqlite_store: Store, left: float | None, told: str
) -> None:
    store = sqlite_store
    run = store.runs.ask(store.assistants.create("Shop").id, config={}, requested_by="t")
    progress = {"done": 3, "total": 12, "note": "learning", "left": left}
    store.runs.note(run.id, status="running", stage="train", progress=progress)
    shown: list[tuple[str, float]] = []

    def show(text: str, share: float) -> None:
        shown.append((text, share))
        store.runs.end(run.id, "cancelled")

    assert follow(store, run.id, show).status == "cancelled"
    assert shown == [(f"train: learning 3/12{told}", 0.25)]
