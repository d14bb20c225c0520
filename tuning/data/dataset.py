"""The dataset of a run: `python -m tuning.data.dataset JOB` collects, checks and freezes rows.

Writes into the job folder: `rows.jsonl` (the training side), `preferences.jsonl` and `kto.jsonl`
beside it, `card.md`, `leakage.json` (where something is kept aside) and, last of all,
`dataset.json`.
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
from server.store.datasets import Dataset, NewDataset
from server.store.pairs import Pair, Preference, people_first
from server.store.runs import GROUNDING
from tuning.child import begin, guarded, peak_mb, read_json, tell, write_json
from tuning.config import TuningConfig
from tuning.data.caps import Caps
from tuning.data.card import Described, card
from tuning.data.context import FindFacts
from tuning.data.counts import count_rows
from tuning.data.duplicates import Embed, same_questions
from tuning.data.grounding import FindEvidence, Grounder
from tuning.data.leakage import Beside, check_leakage, leaks
from tuning.data.pairs import PairReport, build_pairs, team_of
from tuning.data.preferences import write_preferences
from tuning.data.rows import encode, write_rows
from tuning.data.sides import side_preferences
from tuning.data.split import HELD_OUT, TRAIN, split_pairs
from tuning.data.topics import topics
from tuning.data.unseen import unseen_of
from tuning.evaluation.asked import Sizes
from tuning.manifest import dataset_hash
from tuning.places import DATASET
from tuning.readiness import judge

LEAKAGE, CARD = "leakage.json", "card.md"


def make_dataset(folder: Path, settings: config.Settings, store: Store) -> None:
    """Freeze the rows of a run; Invalid with what is missing if they are too few, or leak."""
    job = read_json(folder / "job.json")
    chosen = TuningConfig.from_dict(job["config"])
    assistant = store.assistants.by_id(job["assistant"])
    # What was frozen before a kill stays: building again could find other evidence.
    frozen = store.datasets.of_run(job["run"])
    if frozen is None:
        maker = Maker(store, assistant, settings, chosen, sizes=Sizes.of_job(job))
        frozen = maker.freeze(job["run"], folder)
    pairs = store.pairs.of_run(job["run"])
    write_rows(folder / "rows.jsonl", [p for p in pairs if p.split == TRAIN])
    write_preferences(folder, store.pairs.preferences(job["run"], split=TRAIN))
    (folder / CARD).write_text(frozen.card, encoding="utf-8")
    told = {"number": frozen.number, "hash": frozen.hash, "peak_mb": peak_mb()}
    write_json(folder / DATASET, frozen.counts | told)


class Maker:
    """Makes and freezes the dataset of one run."""

    def __init__(
        self,
        store: Store,
        assistant: Assistant,
        settings: config.Settings,
        chosen: TuningConfig,
        *,
        sizes: Sizes | None = None,
    ) -> None:
        self._store = store
        self._assistant = assistant
        self._chosen = chosen
        self._sizes = sizes or Sizes()
        self._prepared: Prepared = prepare(settings.home, settings.model)
        self._embedder = Embedder(self._prepared.embedding, threads=settings.tune_threads)

    def freeze(self, run_id: str, folder: Path) -> Dataset:
        """Collect, check and split the rows; nothing is stored if a check fails."""
        embed: Embed = self._embedder.embed_array
        if self._chosen.kind == GROUNDING:
            report = self._content(run_id)
        else:
            report = self._replies(run_id, folder, embed)
        digest = dataset_hash(report.pairs, report.preferences)
        counts = count_rows(report)
        shown = people_first(report.pairs)
        asked = [pair.question for pair in shown]
        found = topics(asked, embed(asked), seed=self._chosen.seed)
        described = Described(self._assistant.name, run_id, digest, found, report.conflicts)
        told = card(described, shown, counts)
        new = NewDataset(self._assistant.id, run_id, digest, counts, told)
        return self._store.datasets.freeze(new, report.pairs, report.preferences)

    def mixed_in(self, run_id: str, pairs: Sequence[Pair]) -> list[Pair]:
        """The rows from content that go beside pairs that have their sides: the run's share, none
        of which gives away what is kept aside."""
        most = self._chosen.grounding_rows_for(sum(pair.split == TRAIN for pair in pairs))
        held = [pair for pair in pairs if pair.split == HELD_OUT]
        rows = self._grounded(run_id, pairs, most=most) if most else []
        beside = Beside(embed=self._embedder.embed_array)
        given_away = {leak.train for leak in leaks([*held, *rows], beside=beside)}
        return [row for row in rows if row.id not in given_away]

    def _replies(self, run_id: str, folder: Path, embed: Embed) -> PairReport:
        """What people wrote or approved, on its sides, checked; rows from content beside it."""
        report = self._fit(run_id, embed)
        beside = Beside(_conversations(report), embed)
        self._split(report, beside, embed)
        write_json(folder / LEAKAGE, check_leakage(report.pairs, report.preferences, beside))
        report.pairs += self.mixed_in(run_id, report.pairs)
        return report

    def _content(self, run_id: str) -> PairReport:
        """The rows of a grounding run; Invalid with what is missing if they are too few."""
        most = self._chosen.grounding_cap
        report = PairReport(pairs=self._grounded(run_id, [], most=most))
        if len(report.pairs) < self._chosen.grounding_floor:
            raise Invalid(
                f"Only {len(report.pairs)} headings of the content have an answer that would be "
                f"found for them, and {self._chosen.grounding_floor} are needed.",
                hint="Add pages with headings, or questions with answers, and start it again.",
            )
        return report

    def _grounded(self, run_id: str, pairs: Sequence[Pair], *, most: int) -> list[Pair]:
        passages = self._store.knowledge.passages(assistant_id=self._assistant.id, vectors=False)
        seed = self._chosen.seed
        unseen = unseen_of(self._assistant, pairs, passages, sizes=self._sizes, seed=seed)
        find = evidence_of(self._store, self._embedder, self._assistant)
        grounder = Grounder(self._assistant, run_id, find, self._embedder.embed_array)
        made = PairReport(pairs=grounder.rows(passages, unseen, most=most, seed=seed))
        return fitting(made, ChatTokenizer(self._prepared.serving), self._chosen.max_length).pairs

    def _fit(self, run_id: str, embed: Embed) -> PairReport:
        """The rows that may be learnt; Invalid with what is missing if they are too few."""
        found = build_pairs(
            self._store,
            self._assistant,
            run_id,
            evidence_finder(self._store, self._embedder, self._assistant),
            caps=Caps.of(self._chosen, team_of(self._store)),
            embed=embed,
        )
        report = fitting(found, ChatTokenizer(self._prepared.serving), self._chosen.max_length)
        readiness = judge(len(report.pairs), report.origins, report.dropped, self._chosen)
        if not readiness.ready:
            raise Invalid(readiness.sentence)
        return report

    def _split(self, report: PairReport, beside: Beside, embed: Embed) -> None:
        asked = [pair.question for pair in report.pairs]
        conversations = [pair.group_id for pair in report.pairs]
        report.pairs = split_pairs(
            report.pairs,
            seed=self._chosen.seed,
            share=self._chosen.held_out,
            floor=self._chosen.held_out_floor,
            settled=self._store.pairs.sides(self._assistant.id),
            links=same_questions(asked, embed(asked)),
        )
        if not any(pair.split == HELD_OUT for pair in report.pairs):
            raise Invalid(
                "All replies are near copies of one another, so none can be kept aside to judge "
                "by.",
                hint="Add replies to other questions.",
            )
        groups = dict(zip(conversations, (p.group_id for p in report.pairs), strict=True))
        report.preferences = side_preferences(report.preferences, report.pairs, groups, beside)


def evidence_of(store: Store, embedder: Embedder, assistant: Assistant) -> FindEvidence:
    """The evidence that serving would find for a question."""
    retriever = Retriever(store, embedder, ExactIndex(store))
    return lambda question: find_evidence(retriever, assistant.id, question)


def evidence_finder(store: Store, embedder: Embedder, assistant: Assistant) -> FindFacts:
    """The facts that serving would find for a question."""
    find = evidence_of(store, embedder, assistant)
    return lambda question: find(question).facts


def fitting(report: PairReport, tokenizer: ChatTokenizer, longest: int) -> PairReport:
    """Leave out rows of more tokens than one may have; Invalid if the template misleads."""

    def fits(prompt: list[dict[str, str]], *replies: str | None) -> bool:
        return all(len(encode(tokenizer, prompt, r).ids) <= longest for r in replies if r)

    kept = PairReport(
        pairs=[p for p in report.pairs if fits(p.prompt, p.completion)],
        dropped=report.dropped.copy(),
        conflicts=report.conflicts,
        masked=report.masked,
        preferences=[r for r in report.preferences if fits(r.prompt, r.completion, r.rejected)],
    )
    if long := len(report.pairs) - len(kept.pairs):
        kept.dropped[f"with its facts it has more than {longest} tokens"] += long
    return kept


def _conversations(report: PairReport) -> dict[str, str]:
    """The conversation of each turn, before groups are joined."""
    rows: list[Pair | Preference] = [*report.pairs, *report.preferences]
    return {row.turn_id: row.group_id for row in rows if row.turn_id}


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
