"""The durable workflow of a run: pairs, train, merge, evaluate, gate.

Each stage is a step whose result is a file that appears whole, last of all. A killed run goes on
with the stage it was in; a stage that had ended is not done again, and training goes on from its
newest checkpoint.
"""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dbos import DBOS

from server.config import Settings, as_environment
from server.errors import AppError
from server.llm.models import Prepared, prepare
from server.rollout.following import follow_plan
from server.runs import WORKFLOW
from server.store import Store
from server.store.adapters import Adapter
from server.store.database import now
from server.store.runs import OPEN_STATUSES
from tuning.child import (
    PROGRESS_FILE,
    Cancelled,
    OutOfMemory,
    Runner,
    Stage,
    read_json,
    write_json,
)
from tuning.config import TuningConfig
from tuning.evaluation.gate import Gate
from tuning.loss_curve import read_curve, thinned
from tuning.manifest import manifest, read_manifest
from tuning.places import ASSEMBLED, DATASET, REPORT, TRAINED, Places
from tuning.publishing import publish
from tuning.training.curve import CURVE_FILE

log = logging.getLogger(__name__)

Figures = dict[str, Any]

# What stays of a job folder: figures and settings.
_LOG = frozenset({"job.json", PROGRESS_FILE, CURVE_FILE, TRAINED, ASSEMBLED})
_TRAIN = "tuning.training.train"
# Threads that wait for one another must not spin beside a busy server: training was 10 to 25 %
# faster so at a light load.
_GENTLE = {"GOMP_SPINCOUNT": "2000", "TOKENIZERS_PARALLELISM": "false"}


def register(tuner: Tuner) -> None:
    """Define the workflow in this process; before `jobs.launch`."""
    stages = {
        "pairs": tuner.pairs,
        "train": tuner.train,
        "merge": tuner.merge,
        "evaluate": tuner.evaluate,
    }

    @DBOS.workflow(name=WORKFLOW)
    def tune(run_id: str) -> str:
        try:
            took = {n: DBOS.run_step({"name": n}, stage, run_id) for n, stage in stages.items()}
            return DBOS.run_step({"name": "gate"}, tuner.conclude, run_id, took)
        except Cancelled:
            return DBOS.run_step({"name": "fail"}, tuner.fail, run_id, "cancelled", "")
        except AppError as error:
            return DBOS.run_step({"name": "fail"}, tuner.fail, run_id, "failed", str(error))
        except Exception:
            log.exception("run %s failed", run_id)
            told = "The run failed; the log of the tuning worker says why."
            return DBOS.run_step({"name": "fail"}, tuner.fail, run_id, "failed", told)


class Tuner:
    """The steps of a run. Each returns the seconds it took, or the run's status."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        children: Runner,
        *,
        gate: Gate | None = None,
        prepare: Callable[[Path, str], Prepared] = prepare,
    ) -> None:
        self._settings = settings
        self._store = store
        self._children = children
        self._gate = gate
        self._prepare = prepare
        # When this process began with a stage; a stage taken up after a kill counts anew.
        self._began: dict[tuple[str, str], float] = {}

    def pairs(self, run_id: str) -> float:
        """Collect, split and freeze the pairs."""
        self._check_wanted(run_id)
        run = self._store.runs.run(run_id)
        self._store.runs.note(run_id, status="running")
        places = self._places(run_id)
        places.job.mkdir(parents=True, exist_ok=True)
        prepared = self._prepare(self._settings.home, self._settings.model)
        config = TuningConfig.from_dict({"threads": self._settings.tune_threads} | run.config)
        self._store.runs.note(run_id, config=config.as_dict())
        job = {
            "run": run_id,
            "assistant": run.assistant_id,
            "config": config.as_dict(),
            "prepared": str(prepared.root.resolve()),
            "making": str(places.making.resolve()),
            "candidate": str((places.making / "ir").resolve()),
            "active": self._active(run.assistant_id),
        }
        write_json(places.job / "job.json", job)
        return self._run(run_id, "pairs", "tuning.data.dataset")

    def train(self, run_id: str) -> float:
        """Train the adapter; for want of memory once more, with half as many rows at a time."""
        try:
            return self._run(run_id, "train", _TRAIN)
        except OutOfMemory:
            if not self._halve(run_id):
                raise
        return self._run(run_id, "train", _TRAIN)

    def merge(self, run_id: str) -> float:
        """Merge the adapter into the base and build what is served."""
        places = self._places(run_id)
        job = read_json(places.job / "job.json")
        job["manifest"] = manifest(
            adapter_id=places.adapter_id,
            run_id=run_id,
            base_sha256=self._prepare(self._settings.home, self._settings.model).base_sha256,
            config=TuningConfig.from_dict(job["config"]),
            pairs=self._store.pairs.of_run(run_id),
            preferences=self._store.pairs.preferences(run_id),
        )
        write_json(places.job / "job.json", job)
        return self._run(run_id, "merge", "tuning.merging.assemble")

    def evaluate(self, run_id: str) -> float:
        """Measure the candidate against the base."""
        return self._run(run_id, "evaluate", "tuning.evaluation.evaluate")

    def conclude(self, run_id: str, seconds: dict[str, float]) -> str:
        """Ask the gate, publish and register the adapter, follow the plan, close the run."""
        self._check_wanted(run_id)
        run = self._store.runs.run(run_id)
        if run.finished_at is not None:
            # Killed after it was closed, perhaps before it was tidied up.
            _tidy(self._places(run_id).job)
            return run.status
        self._note(run_id, "gate", {"done": 0, "total": 1, "note": "deciding"})
        places = self._places(run_id)
        report = read_json(places.job / REPORT)
        chosen = TuningConfig.from_dict(read_json(places.job / "job.json")["config"])
        decision = (self._gate or Gate.of(chosen.gate)).decide(report["metrics"], kind=chosen.kind)
        gate = {
            "passed": decision.passed,
            "reasons": decision.reasons,
            "hard": list(decision.hard),
        }
        metrics = self._figures(run_id, report["metrics"], seconds)
        publish(places, report)
        adapter = self._register(places, {**report, "metrics": metrics, "gate": gate})
        status = "passed" if adapter.passed else "refused"
        # Measured against what was active when the run began: over anything else a person decides.
        seen = read_json(places.job / "job.json").get("active", "")
        told = follow_plan(self._store, adapter, expected=seen) if adapter.passed else ""
        ended = {"gate": gate, "adapter": adapter.id, "promotion": told}
        self._store.runs.end(run_id, status, metrics=metrics | ended)
        _tidy(places.job)
        return status

    def fail(self, run_id: str, status: str, reason: str) -> str:
        """Close a run that did not come to its end; nothing of it stays but the log."""
        places = self._places(run_id)
        shutil.rmtree(places.making, ignore_errors=True)
        _tidy(places.job)
        self._store.runs.end(run_id, status, error=reason)
        return status

    def _run(self, run_id: str, name: str, module: str) -> float:
        self._check_wanted(run_id)
        began = time.monotonic()
        self._note(run_id, name, {"done": 0, "total": 0, "note": "starting"})
        stage = Stage(
            module=module,
            arguments=[str(self._places(run_id).job)],
            folder=self._places(run_id).job,
            environment=os.environ | as_environment(self._settings) | _GENTLE,
            nice=self._settings.tune_nice,
        )
        self._children.run(
            stage,
            report=lambda progress: self._note(run_id, name, progress),
            is_cancelled=self._is_cancelled(run_id),
        )
        return round(time.monotonic() - began, 1)

    def _check_wanted(self, run_id: str) -> None:
        # Not for one that has ended otherwise: killed while it concludes, it concludes again.
        if self._store.runs.run(run_id).status == "cancelled":
            raise Cancelled

    def _halve(self, run_id: str) -> bool:
        """Let fewer rows go through the model at a time; False if it is one already.

        A step learns from the same batch as before, so the voice becomes the same.
        """
        job = read_json(self._places(run_id).job / "job.json")
        config = TuningConfig.from_dict(job["config"])
        smaller = [n for n in range(1, config.micro_batch // 2 + 1) if config.batch % n == 0]
        if not smaller:
            return False
        job["config"]["micro_batch"] = smaller[-1]
        write_json(self._places(run_id).job / "job.json", job)
        self._store.runs.note(run_id, config=job["config"])
        log.warning("run %s wants memory: now %d rows at a time", run_id, smaller[-1])
        return True

    def _active(self, assistant_id: str) -> str:
        latest = self._store.adapters.active(assistant_id)[0]
        return latest.id if latest else ""

    def _is_cancelled(self, run_id: str) -> Callable[[], bool]:
        return lambda: self._store.runs.run(run_id).status not in OPEN_STATUSES

    def _note(self, run_id: str, stage: str, progress: Figures) -> None:
        kept = {name: progress.get(name) for name in ("done", "total", "note", "left")}
        began = self._began.setdefault((run_id, stage), time.monotonic())
        kept["seconds"] = round(time.monotonic() - began, 1)
        if points := thinned(read_curve(self._places(run_id).job)):
            kept["curve"] = points
        self._store.runs.note(run_id, stage=stage, progress=kept)

    def _figures(self, run_id: str, measured: Figures, seconds: dict[str, float]) -> Figures:
        """The run's figures: what was measured, what it took."""
        job = self._places(run_id).job
        dataset, trained = read_json(job / DATASET), read_json(job / TRAINED)
        peaks = [dataset["peak_mb"], trained["peak_mb"], read_json(job / ASSEMBLED)["peak_mb"]]
        began = self._store.runs.run(run_id).created_at
        return {
            **measured,
            "pairs": dataset["pairs"],
            "pairs_train": dataset["train"],
            "pairs_held_out": dataset["held_out"],
            "grounding": dataset.get("grounding", 0),
            "dropped": dataset["dropped"],
            "seconds": round((now() - began).total_seconds(), 1),
            "peak_mb": max([*peaks, measured["evaluate_peak_mb"]]),
            "train_steps": trained["steps"],
            "train_loss": trained["loss"],
            "train_tokens_per_second": trained["tokens_per_second"],
            "train_dtype": trained["dtype"],
            "stage_seconds": seconds,
        }

    def _register(self, places: Places, report: Figures) -> Adapter:
        content = read_manifest(places.adapter)
        return self._store.adapters.register(
            Adapter(
                seq=0,
                id=places.adapter_id,
                assistant_id=self._store.runs.run(places.run_id).assistant_id,
                run_id=places.run_id,
                digest=content["digest"],
                base_sha256=content["base_sha256"],
                prompt_version=content["prompt_version"],
                path=str(places.adapter.relative_to(places.home)),
                manifest=content,
                report=report,
                passed=report["gate"]["passed"],
                created_at=now(),
            )
        )

    def _places(self, run_id: str) -> Places:
        return Places(self._settings.home, run_id)


def _tidy(job: Path) -> None:
    """Leave the log of a run. What people wrote is frozen in the store, where it can be erased."""
    for path in job.iterdir() if job.is_dir() else ():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        elif path.name not in _LOG:
            path.unlink()
