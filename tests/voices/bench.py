"""Where voices are made for measurement: train, merge, evaluate and ask the gate, all for real.

One assistant reads the Debian FAQ; its own example replies become honest pairs. Whoever measures
brings the rows to train on. `tests.sabotage` and `tests.curve` are made of this.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from server.answering.answer import persona_of
from server.answering.fitting import fit_gate
from server.config import Settings
from server.knowledge.chunks import chunk_blocks
from server.knowledge.extract import extract_page
from server.knowledge.reading import embed_chunks
from server.llm.engine import Engine
from server.llm.models import Prepared, prepare
from server.prompt import build_messages
from server.retrieval.embed import Embedder
from server.retrieval.hybrid import Retriever
from server.retrieval.vectors import ExactIndex
from server.store import Store, open_store
from server.store.assistants import Assistant
from server.store.database import new_id
from server.store.datasets import NewDataset
from server.store.pairs import NewExample, Pair
from tests.tuning.faq_voice import FAQ, Reply
from tuning.child import FAULT, write_json
from tuning.config import TuningConfig
from tuning.data.pairs import build_pairs
from tuning.data.rows import write_rows
from tuning.evaluation.evaluate import Evaluation
from tuning.evaluation.gate import Decision, Gate
from tuning.evaluation.listening import Kept, drafts
from tuning.manifest import dataset_hash, manifest
from tuning.merging.assemble import assemble

KEY = "bench"


@dataclass(frozen=True, slots=True)
class Made:
    """One voice: what the gate says of it, its report, the seconds of each stage.

    `fault`: what training refused with; then there is no report. `folder` keeps the candidate
    until `drop`.
    """

    folder: Path
    seconds: dict[str, float]
    decision: Decision
    report: dict[str, Any] = field(default_factory=dict)
    fault: str = ""

    @property
    def model(self) -> Path:
        return self.folder / "making" / "ir"

    def drop(self) -> None:
        """Remove the weights; the figures stay."""
        shutil.rmtree(self.folder / "making", ignore_errors=True)
        shutil.rmtree(self.folder / "checkpoints", ignore_errors=True)


@dataclass(frozen=True, slots=True)
class Bench:
    """One assistant with the Debian FAQ. `kept`: the base's answers, asked for once."""

    folder: Path
    settings: Settings
    store: Store
    prepared: Prepared
    assistant: Assistant
    kept: Kept

    @classmethod
    def open(cls, folder: Path, home: Path, replies: Sequence[Reply]) -> Bench:
        """Read the FAQ and import the replies the first time; later at once.

        `home` holds the prepared models.
        """
        folder.mkdir(parents=True, exist_ok=True)
        database = f"sqlite:///{(folder / 'parlance.db').resolve()}"
        settings = Settings(home=home, database_url=database)
        prepared = prepare(home)
        store = open_store(database)
        known = [a for a in store.assistants.all() if a.key == KEY]
        assistant = known[0] if known else _read(store, prepared, replies)
        return cls(folder, settings, store, prepared, assistant, {})

    def pairs(self) -> list[Pair]:
        """The pairs that a run would make of the replies, each with its own context's facts."""
        return list(build_pairs(self.store, self.assistant, "run_bench", lambda _text: []).pairs)

    def make(
        self,
        name: str,
        rows: Sequence[Pair],
        held_out: Sequence[Pair],
        config: TuningConfig,
        *,
        sizes: dict[str, int] | None = None,
    ) -> Made:
        """Train on the rows and hold the voice against the base."""
        return self.run(self.lay(name, rows, held_out, config, sizes or {}))

    def run(self, folder: Path) -> Made:
        """Train, merge and judge what a job folder holds."""
        seconds: dict[str, float] = {}
        fault = _timed(seconds, "train", lambda: self._train(folder))
        if fault:
            return Made(folder, seconds, Decision((f"in training: {fault}",)), fault=fault)
        _timed(seconds, "merge", lambda: assemble(folder, self.settings))
        return self.judge(folder, seconds)

    def lay(
        self,
        name: str,
        rows: Sequence[Pair],
        held_out: Sequence[Pair],
        config: TuningConfig,
        sizes: dict[str, int],
    ) -> Path:
        """A job folder with its rows, as a run's stages find it."""
        folder = self.folder / "cells" / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        run_id = self._frozen([*rows, *held_out])
        write_rows(folder / "rows.jsonl", list(rows))
        self._write_job(folder, run_id, config, sizes)
        return folder

    def judge(
        self, folder: Path, seconds: dict[str, float], *, evaluation: type[Evaluation] = Evaluation
    ) -> Made:
        """Evaluate the candidate of a job folder and ask the gate."""
        asked = evaluation(folder, self.settings, self.store, kept=self.kept)
        report = _timed(seconds, "evaluate", asked.run)
        write_json(folder / "report.json", report)
        return Made(folder, seconds, Gate().decide(report["metrics"]), report)

    def draft(
        self, model_dir: Path, asked: Sequence[tuple[str, list[str]]], *, tokens: int = 48
    ) -> list[str]:
        """A model's own words to questions with such facts."""
        persona = persona_of(self.assistant)
        prompts = [
            [{"role": m["role"], "content": m["content"]} for m in build_messages(persona, q, f)]
            for q, f in asked
        ]
        engine = Engine(model_dir)
        try:
            return drafts(engine, prompts, tokens)
        finally:
            engine.close()

    def _train(self, folder: Path) -> str:
        """Train in a process of its own; what it refused with, empty if it did not."""
        command = [sys.executable, "-m", "tuning.training.train", str(folder)]
        done = subprocess.run(
            command, env=os.environ | {"PARLANCE_HOME": str(self.settings.home)},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode == 0:
            return ""
        if done.returncode == FAULT:
            return str(json.loads(done.stdout.splitlines()[-1])["message"])
        raise RuntimeError(f"training failed: {done.stderr[-2000:]}")

    def _write_job(
        self, folder: Path, run_id: str, config: TuningConfig, sizes: dict[str, int]
    ) -> None:
        told = manifest(
            adapter_id=f"adp_{run_id}",
            run_id=run_id,
            base_sha256=self.prepared.base_sha256,
            config=config,
            pairs=self.store.pairs.of_run(run_id),
        )
        write_json(
            folder / "job.json",
            {
                "run": run_id,
                "assistant": self.assistant.id,
                "config": config.as_dict(),
                "prepared": str(self.prepared.root.resolve()),
                "making": str((folder / "making").resolve()),
                "candidate": str((folder / "making" / "ir").resolve()),
                "manifest": told,
                "sizes": sizes,
            },
        )

    def _frozen(self, pairs: Sequence[Pair]) -> str:
        run = self.store.runs.ask(self.assistant.id, config={}, requested_by="bench")
        self.store.runs.end(run.id, "passed")
        own = [replace(p, id=new_id("par"), run_id=run.id) for p in pairs]
        new = NewDataset(self.assistant.id, run.id, dataset_hash(own, []), {}, "")
        self.store.datasets.freeze(new, own, [])
        return run.id


def _timed(seconds: dict[str, float], part: str, work: Callable[[], Any]) -> Any:
    began = time.monotonic()
    found = work()
    seconds[part] = round(time.monotonic() - began, 1)
    return found


def _read(store: Store, prepared: Prepared, replies: Sequence[Reply]) -> Assistant:
    assistant = store.assistants.create("Debian helper", key=KEY)
    embedder = Embedder(prepared.embedding)
    source = store.knowledge.add_source(assistant.id, "website", "http://site.test/", {})
    for path in sorted(FAQ.glob("*.en.html")):
        url = f"http://site.test/{path.name}"
        page = extract_page(path.read_bytes(), url, "text/html; charset=utf-8")
        store.knowledge.put_page(
            source,
            url=page.url,
            title=page.title,
            hash=page.content_hash,
            round=1,
            new_passages=embed_chunks(embedder, chunk_blocks(page.blocks)),
        )
    store.knowledge.set_source(source.id, status="ready")
    fit_gate(Retriever(store, embedder, ExactIndex(store)), assistant.id)
    new = [NewExample(r.question, r.answer, r.context) for r in replies]
    store.pairs.import_examples(assistant.id, new, origin="faq_voice")
    return assistant
