"""B30: training that wants more memory than there is: what is tried, and what is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from server.config import Settings
from server.store import Store, open_store
from server.store.runs import Run
from tests.tuning.stage_worker import prepared
from tuning.child import OutOfMemory, Report, Stage, read_json
from tuning.workflow import Tuner


class Cramped:
    """Stages on a machine that holds so many rows at a time; `tried`: what training was given."""

    def __init__(self, holds: int) -> None:
        self.holds = holds
        self.tried: list[tuple[int, int]] = []

    def run(self, stage: Stage, *, report: Report, is_cancelled: Callable[[], bool]) -> None:
        config = read_json(stage.folder / "job.json")["config"]
        if stage.module == "tuning.training.train":
            self.tried.append((config["batch"], config["micro_batch"]))
            if config["micro_batch"] > self.holds:
                raise OutOfMemory("Training was ended for want of memory.", hint="Free some.")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(Settings(home=tmp_path).database)
    yield opened
    opened.database.close()


def _trained(home: Path, store: Store, machine: Cramped, **config: int) -> Run:
    run = store.runs.ask(store.assistants.create("Shop").id, config=config, requested_by="t")
    tuner = Tuner(Settings(home=home), store, machine, prepare=prepared)
    tuner.pairs(run.id)
    try:
        tuner.train(run.id)
    finally:
        run = store.runs.run(run.id)
    return run


@pytest.mark.parametrize(
    ("batch", "at_once", "tried"),
    [(8, 8, [8, 4]), (12, 12, [12, 6]), (6, 3, [3, 1]), (4, 2, [2, 1]), (15, 15, [15, 5])],
)
def test_b30_it_goes_on_with_half_as_many_rows_at_a_time_and_the_same_batch(
    tmp_path: Path, store: Store, batch: int, at_once: int, tried: list[int]
) -> None:
    machine = Cramped(holds=tried[-1])
    run = _trained(tmp_path, store, machine, batch=batch, micro_batch=at_once)
    assert machine.tried == [(batch, n) for n in tried]
    assert run.config["micro_batch"] == tried[-1], "the manifest tells what was trained with"


@pytest.mark.parametrize(("at_once", "tries"), [(1, 1), (4, 2)])
def test_b30_where_that_is_not_enough_it_fails_with_the_reason(
    tmp_path: Path, store: Store, at_once: int, tries: int
) -> None:
    machine = Cramped(holds=0)
    with pytest.raises(OutOfMemory, match=r"for want of memory\. Free some"):
        _trained(tmp_path, store, machine, batch=4, micro_batch=at_once)
    assert len(machine.tried) == tries


def test_b30_what_is_no_want_of_memory_is_not_tried_again(tmp_path: Path, store: Store) -> None:
    class Broken(Cramped):
        def run(self, stage: Stage, *, report: Report, is_cancelled: Callable[[], bool]) -> None:
            super().run(stage, report=report, is_cancelled=is_cancelled)
            if stage.module == "tuning.training.train":
                raise RuntimeError("odd")

    machine = Broken(holds=8)
    with pytest.raises(RuntimeError, match="odd"):
        _trained(tmp_path, store, machine, batch=8, micro_batch=8)
    assert len(machine.tried) == 1
