"""The durable workflow with quick stages: order, kill -9, cancel, the gate's word, the folder."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from server.config import Settings
from server.runs import cancel_run
from server.store import Store, open_store
from server.store.runs import OPEN_STATUSES, Run
from tests.tuning.evaluation.figures import GOOD
from tests.tuning.stage_worker import QuickStages, prepared
from tuning.asking import ask
from tuning.child import Cancelled
from tuning.workflow import Tuner

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
STAGES = ("dataset", "train", "assemble", "evaluate")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(Settings(home=tmp_path).database)
    yield opened
    opened.database.close()


@contextmanager
def _worker(
    home: Path, seconds: float = 0.1, kind: str = "GOOD"
) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "tests.tuning.stage_worker", str(home), str(seconds), kind]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _asked(home: Path, store: Store) -> Run:
    return ask(Settings(home=home), store, store.assistants.create("Shop"), actor="t")


def _await(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until, "it took more than a minute"
        time.sleep(0.05)


def _ended(store: Store, run: Run) -> Run:
    _await(lambda: store.runs.run(run.id).status not in OPEN_STATUSES)
    return store.runs.run(run.id)


def _log(home: Path) -> list[str]:
    file = home / "stages.log"
    return file.read_text().splitlines() if file.is_file() else []


def test_a_run_goes_through_its_stages_and_leaves_an_adapter_that_passed(
    tmp_path: Path, store: Store
) -> None:
    run = _asked(tmp_path, store)
    with _worker(tmp_path):
        ended = _ended(store, run)
    assert ended.status == "passed"
    assert _log(tmp_path) == [f"{word} {name}" for name in STAGES for word in ("begin", "end")]
    adapter = store.adapters.of_run(run.id)
    folder = tmp_path / adapter.path
    assert json.loads((folder / "manifest.json").read_text()) == adapter.manifest
    assert adapter.manifest["base_sha256"] == "b" * 64
    assert adapter.manifest["voice_words"] == ["ahoy"]
    assert set(adapter.manifest["files"]) == {"adapter/manifest.json", "model.gguf"}
    assert ended.metrics["peak_mb"] == 900
    assert ended.metrics["adapter"] == adapter.id
    assert not list((tmp_path / "adapters").glob(".making-*"))


def test_a_candidate_that_the_gate_refuses_is_kept_but_did_not_pass(
    tmp_path: Path, store: Store
) -> None:
    run = _asked(tmp_path, store)
    with _worker(tmp_path, kind="BAD"):
        ended = _ended(store, run)
    assert ended.status == "refused"
    assert "not closer to the owner's voice" in ended.metrics["gate"]["reasons"][0]
    assert store.adapters.of_run(run.id).passed is False


def test_a_grounding_run_is_judged_as_one_and_its_adapter_says_what_it_is(
    tmp_path: Path, store: Store
) -> None:
    shop = store.assistants.create("Shop")
    run = ask(Settings(home=tmp_path), store, shop, actor="t", config={"kind": "grounding"})
    with _worker(tmp_path, kind="GROUNDED"):
        ended = _ended(store, run)
    assert (ended.status, ended.kind) == ("passed", "grounding")
    assert store.adapters.of_run(run.id).kind == "grounding"


@pytest.mark.parametrize("stage", STAGES)
def test_b29_a_worker_killed_in_a_stage_goes_on_there_and_does_no_finished_one_twice(
    tmp_path: Path, store: Store, stage: str
) -> None:
    run = _asked(tmp_path, store)
    with _worker(tmp_path, seconds=0.6):
        _await(lambda: f"begin {stage}" in _log(tmp_path))
    assert store.runs.run(run.id).status in OPEN_STATUSES
    with _worker(tmp_path):
        ended = _ended(store, run)
    assert ended.status == "passed"
    assert [line for line in _log(tmp_path) if line.startswith("end")] == [
        f"end {name}" for name in STAGES
    ]
    begun = _log(tmp_path)
    assert [begun.count(f"begin {name}") for name in STAGES] == [
        2 if name == stage else 1 for name in STAGES
    ]
    assert len(store.adapters.of_assistant(run.assistant_id)) == 1


def test_a_cancelled_run_stops_and_leaves_nothing_half_made(tmp_path: Path, store: Store) -> None:
    run = _asked(tmp_path, store)
    with _worker(tmp_path, seconds=0.5):
        _await(lambda: "begin evaluate" in _log(tmp_path))
        cancel_run(store, run.id, actor="t")
        _await(lambda: not list((tmp_path / "adapters").glob(".making-*")))
    assert store.runs.run(run.id).status == "cancelled"
    assert store.adapters.of_assistant(run.assistant_id) == []
    assert "end evaluate" not in _log(tmp_path)


def test_a_run_that_is_cancelled_while_the_worker_is_off_is_cleared_up_at_its_next_start(
    tmp_path: Path, store: Store
) -> None:
    run = _asked(tmp_path, store)
    with _worker(tmp_path, seconds=0.5):
        _await(lambda: "begin evaluate" in _log(tmp_path))
    cancel_run(store, run.id, actor="t")
    with _worker(tmp_path):
        _await(lambda: not list((tmp_path / "adapters").glob(".making-*")))
    assert store.adapters.of_assistant(run.assistant_id) == []
    assert _log(tmp_path).count("begin evaluate") == 1


def test_a_run_that_is_cancelled_before_it_concludes_promotes_nothing(
    tmp_path: Path, store: Store
) -> None:
    run = _asked(tmp_path, store)
    store.plans.change(run.assistant_id, {"promote": "when the gate passes"})
    stages = QuickStages(tmp_path, 0.0, GOOD)
    tuner = Tuner(Settings(home=tmp_path), store, stages, prepare=prepared)
    took = {name: getattr(tuner, name)(run.id) for name in ("pairs", "train", "merge", "evaluate")}
    cancel_run(store, run.id, actor="t")
    with pytest.raises(Cancelled):
        tuner.conclude(run.id, took)
    assert store.adapters.activations(run.assistant_id) == []
    assert store.adapters.of_assistant(run.assistant_id) == []


def test_a_run_is_promoted_by_itself_where_the_plan_says_so(tmp_path: Path, store: Store) -> None:
    run = _asked(tmp_path, store)
    store.plans.change(run.assistant_id, {"promote": "when the gate passes"})
    with _worker(tmp_path):
        ended = _ended(store, run)
    assert ended.metrics["promotion"].startswith("Promoted by itself")
    active = store.adapters.active(run.assistant_id)[1]
    assert active is not None and active.id == ended.metrics["adapter"]
    assert ended.progress["curve"] == [{"step": 1.0, "loss": 2.0}, {"step": 2.0, "loss": 1.5}]


def test_what_the_gate_refused_is_not_promoted_whatever_the_plan_says(
    tmp_path: Path, store: Store
) -> None:
    run = _asked(tmp_path, store)
    store.plans.change(run.assistant_id, {"promote": "canary first"})
    with _worker(tmp_path, kind="BAD"):
        ended = _ended(store, run)
    assert ended.status == "refused" and ended.metrics["promotion"] == ""
    assert store.adapters.activations(run.assistant_id) == []
    assert store.canaries.running() == {}


def test_b32_a_worker_that_slept_through_its_cancellation_changes_nothing(
    tmp_path: Path, store: Store
) -> None:
    run = _asked(tmp_path, store)
    store.plans.change(run.assistant_id, {"promote": "when the gate passes"})
    with _worker(tmp_path, seconds=1.0) as worker:
        _await(lambda: store.runs.run(run.id).stage == "evaluate")
        worker.send_signal(signal.SIGSTOP)
        store.runs.end(run.id, "cancelled")
        again = store.runs.ask(run.assistant_id, config={}, requested_by="t")
        worker.send_signal(signal.SIGCONT)
        time.sleep(3)
    assert store.runs.run(run.id).status == "cancelled"
    assert store.runs.run(again.id).status == "queued"
    assert store.adapters.activations(run.assistant_id) == []
    assert store.adapters.of_assistant(run.assistant_id) == []


def test_b33_killed_while_it_promotes_it_promotes_once(tmp_path: Path, store: Store) -> None:
    run = _asked(tmp_path, store)
    store.plans.change(run.assistant_id, {"promote": "when the gate passes"})
    with _worker(tmp_path) as worker:
        # The row of the promotion is there, the run is still open: here it dies.
        _await(lambda: bool(store.adapters.activations(run.assistant_id)))
        worker.kill()
        worker.wait()
    with _worker(tmp_path):
        ended = _ended(store, run)
    assert ended.status == "passed"
    made = store.adapters.activations(run.assistant_id)
    assert [a.adapter_id for a in made] == [ended.metrics["adapter"]]


@pytest.mark.parametrize("end", ["concluded", "cancelled"])
def test_a_run_leaves_no_texts_of_people_in_its_folder(
    tmp_path: Path, store: Store, end: str
) -> None:
    run = _asked(tmp_path, store)
    tuner = Tuner(
        Settings(home=tmp_path), store, QuickStages(tmp_path, 0.0, GOOD), prepare=prepared
    )
    took = {name: getattr(tuner, name)(run.id) for name in ("pairs", "train", "merge", "evaluate")}
    job = tmp_path / "runs" / run.id
    for name in ("rows.jsonl", "preferences.jsonl", "kto.jsonl", "card.md"):
        (job / name).write_text("what a visitor said")
    assert tuner.conclude(run.id, took) if end == "concluded" else tuner.fail(run.id, end, "")
    kept = {path.name for path in job.iterdir()}
    assert kept <= {"job.json", "curve.jsonl", "progress.jsonl", "result.json", "assembled.json"}
    if end == "concluded":
        # Killed before its step was recorded, and before it had tidied up.
        (job / "rows.jsonl").write_text("what a visitor said")
        assert tuner.conclude(run.id, took) == "passed"
        assert not (job / "rows.jsonl").exists()


@pytest.mark.parametrize(
    ("kind", "told"),
    [("DIES", "The evaluation was ended."), ("CRASH", "the log of the tuning worker says why")],
)
def test_b35_a_gate_that_comes_to_no_end_leaves_what_is_active(
    tmp_path: Path, store: Store, kind: str, told: str
) -> None:
    run = _asked(tmp_path, store)
    store.plans.change(run.assistant_id, {"promote": "when the gate passes"})
    with _worker(tmp_path, kind=kind):
        ended = _ended(store, run)
    assert ended.status == "failed" and told in ended.error
    assert store.adapters.of_assistant(run.assistant_id) == []
    assert store.adapters.activations(run.assistant_id) == []
