"""Evaluation: `python -m tuning.evaluation.evaluate JOB` holds a candidate against what is active.

Both are judged on what is served: loss by the serving weights, answers by the serving engine and
the whole pipeline of a turn. The base stands beside them where an adapter is active. Writes
`report.json` into the job folder, last of all.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from server import config
from server.llm.adapters import check_servable
from server.llm.models import Prepared, prepare
from server.retrieval.embed import Embedder
from server.retrieval.vectors import ExactIndex
from server.store import Store, open_store
from server.store.adapters import Adapter
from server.store.assistants import Assistant
from tuning.child import begin, guarded, peak_mb, read_json, tell, write_json
from tuning.config import TuningConfig
from tuning.evaluation.asked import Asked, Chooser, Sizes
from tuning.evaluation.audit import Audit
from tuning.evaluation.compare import Comparison, Judged
from tuning.evaluation.figures import figures
from tuning.evaluation.gate import Gate
from tuning.evaluation.listening import Kept, Listener, Spoken
from tuning.evaluation.searching import Hiding, Remembering
from tuning.evaluation.triggers import standing_out, with_base
from tuning.evaluation.weighing import Scales, plain_prompts
from tuning.places import REPORT

# The notes of one whole evaluation, to tell how far it is; with an active adapter there are more.
_NOTES, _NOTES_OF_ACTIVE = 15, 18


class Evaluation:
    """One candidate beside what is active.

    `kept`: answers of the base from evaluations of other candidates in this process; the engine is
    exact, so what was said once would be said again.
    """

    def __init__(
        self,
        folder: Path,
        settings: config.Settings,
        store: Store,
        *,
        kept: Kept | None = None,
    ) -> None:
        job = read_json(folder / "job.json")
        self._folder = folder
        self._settings = settings
        self._config = TuningConfig.from_dict(job["config"])
        self._candidate = Path(job["candidate"])
        self._prepared: Prepared = prepare(settings.home, settings.model)
        self._assistant: Assistant = store.assistants.by_id(job["assistant"])
        self._active = store.adapters.active(self._assistant.id)[1]
        embedder = Embedder(self._prepared.embedding, threads=settings.tune_threads)
        index = ExactIndex(store)
        retriever = Remembering(store, embedder, index)
        self._chooser = Chooser(
            self._assistant,
            store.pairs.of_run(job["run"]),
            store.knowledge.passages(assistant_id=self._assistant.id),
            retriever,
            sizes=Sizes.of_job(job),
            seed=self._config.seed,
        )
        self._seconds: dict[str, float] = {}
        self._done = 0
        with self._timed("choosing"):
            self._asked = self._chooser.choose()
        gone = {question.question: question.passages for question in self._asked.gone}
        self._listener = Listener(
            assistant=self._assistant,
            asked=self._asked,
            retriever=retriever,
            hiding=Hiding(store, embedder, index, gone),
            plain=plain_prompts(self._chooser, self._asked),
            threads=settings.tune_threads,
            max_tokens=settings.max_tokens,
            note=self._note,
            kept={} if kept is None else kept,
        )

    def run(self) -> dict[str, Any]:
        """Measure everything and return the report."""
        began = time.monotonic()
        base, before = self._reference()
        after, audit = self._candidates_part(base)
        compared = Comparison(
            asked=self._asked,
            base=base,
            before=before,
            after=after,
            settings=self._assistant.settings,
            gate=Gate.of(self._config.gate),
            seed=self._config.seed,
        )
        lines = compared.lines()
        metrics = figures(compared, lines) | audit.metrics()
        metrics["against"] = self._active.id if self._active else "base"
        metrics["evaluate_seconds"] = round(time.monotonic() - began, 1)
        metrics["evaluate_parts"] = {n: round(s, 1) for n, s in self._seconds.items()}
        metrics["evaluate_peak_mb"] = peak_mb()
        return {
            "metrics": metrics,
            "scorecard": [line.as_row() for line in lines],
            "audit": audit.told(),
            "probes": {
                "prompts": self._asked.probes,
                "base": base.spoken.probes,
                "candidate": after.spoken.probes,
            },
            "samples": _samples(self._asked, before.spoken, after.spoken),
            "voice_words": sorted(self._asked.manner),
        }

    def _reference(self) -> tuple[Judged, Judged]:
        """Measure the base, and the active adapter where there is one."""
        serving = self._prepared.serving
        base = self._judge("base", serving, frozenset(), answers=not self._active, style=True)
        if self._active is None:
            return base, base
        words = frozenset(str(w) for w in self._active.manifest.get("voice_words", []))
        return base, self._judge("active", self._folder_of(self._active), words)

    def _candidates_part(self, base: Judged) -> tuple[Judged, Audit]:
        manner = self._asked.manner
        with self._timed("candidate: answers"):
            spoken = self._listener.listen(self._candidate, manner)
        with self._timed("candidate: likelihoods"):
            self._note("loss on held-out replies")
            scales = self._scales(self._candidate)
            weighed = scales.weigh(self._asked)
        return Judged(spoken, weighed, manner), self._audit(scales, spoken, base.spoken)

    def _judge(
        self,
        name: str,
        model_dir: Path,
        manner: frozenset[str],
        *,
        answers: bool = True,
        style: bool = False,
    ) -> Judged:
        with self._timed(f"{name}: answers"):
            spoken = self._listener.listen(model_dir, manner, answers=answers, style=style)
        with self._timed(f"{name}: likelihoods"):
            self._note("loss on held-out replies")
            weighed = self._scales(model_dir).weigh(self._asked)
        return Judged(spoken, weighed, manner)

    def _audit(self, scales: Scales, said: Spoken, base_said: Spoken) -> Audit:
        asked, seed = self._asked, self._config.seed
        with self._timed("canaries"):
            self._note("secrets")
            exposed = scales.expose(asked.canaries, seed=seed)
        with self._timed("triggers"):
            self._note("inputs that could flip it")
            drifts = scales.drift(asked.triggers, asked.scanned, said.plain)
        learnt = [e.canary for e in exposed if e.is_learnt]
        odd = [d.trigger for d in standing_out(drifts)]
        if not learnt and not odd:
            return Audit(exposed, drifts)
        with self._timed("base: what stood out"):
            base = self._scales(self._prepared.serving)
            known = [e.canary.secret for e in base.expose(learnt, seed=seed) if e.is_learnt]
            own = base.drift(odd, asked.scanned, base_said.plain)
        return Audit(exposed, with_base(drifts, own), frozenset(known))

    def _scales(self, model_dir: Path) -> Scales:
        return Scales(model_dir, self._chooser, threads=self._settings.tune_threads)

    def _folder_of(self, adapter: Adapter) -> Path:
        folder = self._settings.home / adapter.path
        check_servable(adapter, folder, base_sha256=self._prepared.base_sha256)
        return folder / "ir"

    @contextmanager
    def _timed(self, part: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self._seconds[part] = self._seconds.get(part, 0.0) + time.monotonic() - began

    def _note(self, note: str) -> None:
        total = _NOTES_OF_ACTIVE if self._active else _NOTES
        tell(self._folder, done=min(self._done, total), total=total, note=note)
        self._done += 1


def _samples(asked: Asked, before: Spoken, after: Spoken) -> list[dict[str, str]]:
    """Answers side by side: to held-out questions, or, without any, to those from the content."""
    owner = [p.completion for p in asked.questions] or [""] * len(before.facts)
    said = (before.held_out, after.held_out) if asked.questions else (before.facts, after.facts)
    return [
        {"question": b.question, "owner": own, "before": b.text, "after": a.text}
        for own, b, a in zip(owner, *said, strict=True)
    ]


def main(arguments: Sequence[str]) -> int:
    """Evaluate a job folder; a finished one is left as it is."""
    logging.basicConfig(level=logging.WARNING)
    folder = Path(begin(arguments)[0])
    if (folder / REPORT).is_file():
        return 0

    def work() -> None:
        settings = config.load()
        store = open_store(settings.database)
        write_json(folder / REPORT, Evaluation(folder, settings, store).run())

    return guarded(work)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
