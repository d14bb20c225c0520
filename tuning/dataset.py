"""The dataset of a run: `python -m tuning.dataset JOB` collects, checks, splits and freezes pairs.

Writes `rows.jsonl` (the training side) and, last of all, `dataset.json` into the job folder.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from server import config
from server.answering.evidence import find_evidence
from server.errors import Invalid
from server.llm.models import Prepared, prepare
from server.llm.tokenizer import ChatTokenizer
from server.retrieval.embed import Embedder
from server.retrieval.hybrid import Retriever
from server.retrieval.vectors import ExactIndex
from server.store import Store, open_store
from server.store.assistants import Assistant
from tuning.child import begin, guarded, peak_mb, read_json, tell, write_json
from tuning.config import TuningConfig
from tuning.context import FindFacts
from tuning.manifest import dataset_hash
from tuning.pairs import PairReport, build_pairs
from tuning.places import DATASET
from tuning.readiness import judge
from tuning.rows import encode, write_rows
from tuning.split import HELD_OUT, TRAIN, split_pairs


def make_dataset(folder: Path, settings: config.Settings, store: Store) -> None:
    """Freeze the pairs of a run; Invalid with what is missing if they are too few."""
    job = read_json(folder / "job.json")
    chosen = TuningConfig.from_dict(job["config"])
    assistant = store.assistants.by_id(job["assistant"])
    prepared = prepare(settings.home, settings.model)
    # What was frozen before a kill stays: building again could find other evidence.
    frozen = store.pairs.of_run(job["run"])
    report = PairReport(pairs=frozen)
    if not frozen:
        report = _fresh(store, assistant, job["run"], prepared, settings, chosen)
        store.pairs.freeze(job["run"], report.pairs)
    train = [p for p in report.pairs if p.split == TRAIN]
    write_rows(folder / "rows.jsonl", train)
    write_json(
        folder / DATASET,
        {
            "pairs": len(report.pairs),
            "train": len(train),
            "held_out": len(report.pairs) - len(train),
            "origins": dict(report.origins),
            "dropped": dict(report.dropped),
            "hash": dataset_hash(report.pairs),
            "peak_mb": peak_mb(),
        },
    )


def evidence_finder(store: Store, settings: config.Settings, assistant: Assistant) -> FindFacts:
    """The evidence that serving would find for a question."""
    prepared = prepare(settings.home, settings.model)
    embedder = Embedder(prepared.embedding, threads=settings.tune_threads)
    retriever = Retriever(store, embedder, ExactIndex(store))
    return lambda question: find_evidence(retriever, assistant.id, question).facts


def fitting(report: PairReport, tokenizer: ChatTokenizer, longest: int) -> PairReport:
    """Leave out pairs of more tokens than a row may have; Invalid if the template misleads."""
    kept = PairReport(dropped=report.dropped.copy())
    for pair in report.pairs:
        if len(encode(tokenizer, pair.prompt, pair.completion).ids) <= longest:
            kept.pairs.append(pair)
        else:
            kept.dropped[f"with its facts it has more than {longest} tokens"] += 1
    return kept


def _fresh(
    store: Store,
    assistant: Assistant,
    run_id: str,
    prepared: Prepared,
    settings: config.Settings,
    chosen: TuningConfig,
) -> PairReport:
    found = build_pairs(store, assistant, run_id, evidence_finder(store, settings, assistant))
    report = fitting(found, ChatTokenizer(prepared.serving), chosen.max_length)
    readiness = judge(len(report.pairs), report.origins, report.dropped, chosen)
    if not readiness.ready:
        raise Invalid(readiness.sentence)
    report.pairs = split_pairs(
        report.pairs, seed=chosen.seed, share=chosen.held_out, floor=chosen.held_out_floor
    )
    if not any(pair.split == HELD_OUT for pair in report.pairs):
        raise Invalid(
            "All replies are near copies of one another, so none can be kept aside to judge by.",
            hint="Add replies to other questions.",
        )
    return report


def main(arguments: Sequence[str]) -> int:
    """Make a job's dataset; a finished one is left as it is."""
    logging.basicConfig(level=logging.WARNING)
    folder = Path(begin(arguments)[0])
    if (folder / DATASET).is_file():
        return 0
    tell(folder, done=0, total=1, note="collecting replies and their evidence")

    def work() -> None:
        settings = config.load()
        make_dataset(folder, settings, open_store(settings.database))

    return guarded(work)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
