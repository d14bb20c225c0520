"""A tuning worker whose stages are quick fakes, for the tests that kill it.

`python -m tests.tuning.stage_worker HOME SECONDS [GOOD|BAD|GROUNDED|DIES|CRASH]`: each stage writes
"begin" and "end" lines into HOME/stages.log, takes SECONDS, and leaves the files that the real one
leaves. With DIES the evaluation ends as a killed child does, with CRASH the gate itself fails.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from server import jobs
from server.config import Settings
from server.errors import Unavailable
from server.llm.models import Prepared
from server.store import open_store
from tests.tuning.evaluation.figures import GOOD, GROUNDED
from tuning import workflow
from tuning.child import Cancelled, Report, Stage, read_json, write_json
from tuning.evaluation.gate import Decision, Gate
from tuning.manifest import write_manifest
from tuning.places import ASSEMBLED, DATASET, REPORT, TRAINED


class CrashingGate(Gate):
    """Fails at whatever it is asked."""

    def decide(self, metrics: Mapping[str, Any]) -> Decision:
        raise RuntimeError("a rule divided by nothing")


class QuickStages:
    """Stands in for the child processes; `dies`: the evaluation does not come to its end."""

    def __init__(
        self, home: Path, seconds: float, metrics: dict[str, Any], *, dies: bool = False
    ) -> None:
        self._log = home / "stages.log"
        self._seconds = seconds
        self._metrics = metrics
        self._dies = dies

    def run(self, stage: Stage, *, report: Report, is_cancelled: Callable[[], bool]) -> None:
        name = stage.module.rpartition(".")[2]
        self._note(f"begin {name}")
        report({"done": 1, "total": 2, "note": f"at {name}"})
        until = time.monotonic() + self._seconds
        while time.monotonic() < until:
            if is_cancelled():
                raise Cancelled
            time.sleep(0.02)
        getattr(self, f"_{name}")(stage.folder)
        self._note(f"end {name}")

    def _dataset(self, job: Path) -> None:
        counts = {"pairs": 30, "train": 25, "held_out": 5, "dropped": {}, "peak_mb": 100}
        write_json(job / DATASET, counts)

    def _train(self, job: Path) -> None:
        (job / "adapter").mkdir()
        (job / "curve.jsonl").write_text('{"step": 1, "loss": 2.0}\n{"step": 2, "loss": 1.5}\n')
        write_json(
            job / TRAINED,
            {"steps": 9, "loss": 0.5, "tokens_per_second": 100, "dtype": "bf16", "peak_mb": 900},
        )

    def _assemble(self, job: Path) -> None:
        told = read_json(job / "job.json")
        making = Path(told["making"])
        (making / "ir").mkdir(parents=True)
        (making / "adapter").mkdir()
        (making / "model.gguf").write_bytes(b"GGUF")
        write_manifest(making / "adapter", told["manifest"])
        write_json(job / ASSEMBLED, {"digest": "d" * 64, "peak_mb": 400})

    def _evaluate(self, job: Path) -> None:
        if self._dies:
            raise Unavailable("The evaluation was ended.", hint="Start the run again.")
        metrics = self._metrics | {"evaluate_peak_mb": 800}
        probes = {"prompts": [], "base": [], "candidate": []}
        write_json(
            job / REPORT,
            {"metrics": metrics, "probes": probes, "voice_words": ["ahoy"], "samples": []},
        )

    def _note(self, line: str) -> None:
        with self._log.open("a") as log:
            log.write(line + "\n")


def prepared(home: Path, _model: str) -> Prepared:
    return Prepared("b" * 64, home, home / "source.gguf", home / "serving", home / "embedding")


def main(home: Path, seconds: float, kind: str) -> None:
    settings = Settings(home=home)
    figures = {"BAD": GOOD | {"style_after": 0.0}, "GROUNDED": GROUNDED}
    stages = QuickStages(home, seconds, figures.get(kind, GOOD), dies=kind == "DIES")
    gate = CrashingGate() if kind == "CRASH" else None
    store = open_store(settings.database)
    tuner = workflow.Tuner(settings, store, stages, gate=gate, prepare=prepared)
    jobs.migrate(settings)
    workflow.register(tuner)
    jobs.launch(settings, executor="tuning", queues=(jobs.TUNING_QUEUE,))
    time.sleep(120)


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3])
