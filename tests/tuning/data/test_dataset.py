"""The dataset of a run on the real embedder and tokenizer: what is frozen, written, and kept."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from server.config import Settings
from server.errors import Invalid
from server.knowledge.chunks import chunk_blocks
from server.knowledge.extract import extract_page
from server.knowledge.reading import embed_chunks
from server.llm.models import Prepared
from server.retrieval.embed import Embedder
from server.store import Store
from server.store.assistants import Assistant
from server.store.pairs import GROUNDING, NewExample
from tests.tuning.faq_voice import FAQ, replies
from tests.tuning.learning import correct, turn_of
from tuning.child import read_json, write_json
from tuning.config import TuningConfig
from tuning.data.dataset import CARD, LEAKAGE, Maker, make_dataset
from tuning.data.duplicates import Embed
from tuning.data.leakage import Beside, leaks
from tuning.data.pairs import PairReport
from tuning.data.rows import read_rows
from tuning.data.split import HELD_OUT, TRAIN
from tuning.evaluation.asked import GROUNDING_FACTS
from tuning.evaluation.questions import fact_questions, key_of
from tuning.manifest import dataset_hash
from tuning.places import DATASET

pytestmark = [pytest.mark.model, pytest.mark.slow]


@pytest.fixture
def assistant(sqlite_store: Store) -> Assistant:
    """Forty replies of the FAQ's voice with their contexts, and one corrected turn."""
    made = sqlite_store.assistants.create("Debian helper")
    voice = [NewExample(r.question, r.answer, r.context) for r in replies(40)]
    sqlite_store.pairs.import_examples(made.id, voice, origin="voice.jsonl")
    better = "Ahoy there, friend! The shop is open from 9 to 17 on weekdays."
    correct(sqlite_store, turn_of(sqlite_store, made), better)
    return made


def _make(
    store: Store, assistant: Assistant, home: Path, prepared: Prepared, **config: Any
) -> tuple[str, Path]:
    settings = Settings(home=prepared.root.parents[1])
    run = store.runs.ask(assistant.id, config={}, requested_by="t")
    folder = home / run.id
    folder.mkdir()
    job = {"run": run.id, "assistant": assistant.id, "config": TuningConfig(**config).as_dict()}
    write_json(folder / "job.json", job)
    try:
        make_dataset(folder, settings, store)
    finally:
        store.runs.end(run.id, "failed")
    return run.id, folder


def test_what_is_frozen_is_what_is_written_and_comes_back_the_same(
    sqlite_store: Store, assistant: Assistant, tmp_path: Path, prepared: Prepared
) -> None:
    run_id, folder = _make(sqlite_store, assistant, tmp_path, prepared)
    told, pairs = read_json(folder / DATASET), sqlite_store.pairs.of_run(run_id)
    rows = sqlite_store.pairs.preferences(run_id)
    assert told["pairs"] == len(pairs) >= 35
    assert told["hash"] == dataset_hash(pairs, rows)
    train = [pair for pair in pairs if pair.split == TRAIN]
    written = [(row.prompt, row.completion) for row in read_rows(folder / "rows.jsonl")]
    assert written == [(pair.prompt, pair.completion) for pair in train]
    assert told["train"] == len(train) < len(pairs)
    assert read_json(folder / LEAKAGE)["leaks"] == []
    preferred = (folder / "preferences.jsonl").read_text().splitlines()
    assert [json.loads(line)["rejected"][0]["content"] for line in preferred] == [
        row.rejected for row in rows if row.split == TRAIN
    ]
    stored = sqlite_store.datasets.of_run(run_id)
    assert stored is not None
    assert (folder / CARD).read_text() == stored.card
    assert stored.counts["languages"] == {"en": len(pairs)}
    assert "## Topics" in stored.card

    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    (folder / DATASET).unlink()
    sqlite_store.pairs.import_examples(assistant.id, [NewExample("New?", "So new!")], origin="t")
    make_dataset(folder, Settings(home=prepared.root.parents[1]), sqlite_store)
    after = {path.name: path.read_bytes() for path in folder.iterdir()}
    same = set(before) - {DATASET}  # which tells the memory that this process had
    assert {name: before[name] for name in same} == {name: after[name] for name in same}


def test_pairs_keep_their_sides_and_equal_sets_their_number(
    sqlite_store: Store, assistant: Assistant, tmp_path: Path, prepared: Prepared
) -> None:
    first, _ = _make(sqlite_store, assistant, tmp_path, prepared)
    again, _ = _make(sqlite_store, assistant, tmp_path, prepared)
    more = [NewExample(r.question, r.answer, r.context) for r in replies(60)[40:]]
    sqlite_store.pairs.import_examples(assistant.id, more, origin="more.jsonl")
    grown, _ = _make(sqlite_store, assistant, tmp_path, prepared)
    numbers = [sqlite_store.datasets.of_run(run) for run in (first, again, grown)]
    assert [found.number for found in numbers if found] == [1, 1, 2]
    sides = [
        {p.origin_id: p.split for p in sqlite_store.pairs.of_run(run)} for run in (first, grown)
    ]
    shared = sides[0].keys() & sides[1].keys()
    moved = {o for o in shared if (sides[0][o], sides[1][o]) == (TRAIN, HELD_OUT)}
    assert len(shared) >= 35 and moved == set()


def _reads(store: Store, assistant: Assistant, prepared: Prepared) -> None:
    """Read the Debian FAQ, a page at a time."""
    embedder = Embedder(prepared.embedding)
    source = store.knowledge.add_source(assistant.id, "website", "http://site.test/", {})
    for path in sorted(FAQ.glob("*.en.html")):
        url = f"http://site.test/{path.name}"
        page = extract_page(path.read_bytes(), url, "text/html; charset=utf-8")
        fresh = embed_chunks(embedder, chunk_blocks(page.blocks))
        store.knowledge.put_page(
            source, url=url, title=page.title, hash=page.content_hash, round=1, new_passages=fresh
        )


def test_rows_from_content_are_mixed_in_or_stand_alone_and_give_nothing_away(
    sqlite_store: Store, assistant: Assistant, tmp_path: Path, prepared: Prepared
) -> None:
    _reads(sqlite_store, assistant, prepared)
    mixed, folder = _make(sqlite_store, assistant, tmp_path, prepared, grounding_share=0.25)
    pairs, told = sqlite_store.pairs.of_run(mixed), read_json(folder / DATASET)
    voice = [pair for pair in pairs if pair.origin != GROUNDING]
    train = [pair for pair in voice if pair.split == TRAIN]
    content = [pair for pair in pairs if pair.origin == GROUNDING]
    assert len(content) == told["grounding"] == round(len(train) / 3)
    assert (told["pairs"], told["train"]) == (len(voice), len(train))
    assert told["origins"]["grounding"] == len(content)
    assert len(read_rows(folder / "rows.jsonl")) == len(train) + len(content)
    held = [pair for pair in voice if pair.split == HELD_OUT]
    assert held and leaks([*held, *content], beside=Beside(embed=None)) == []
    assert not {key_of(row.question) for row in content} & {key_of(p.question) for p in voice}

    with pytest.raises(Invalid, match=r"Only \d+ headings of the content .* 200 are needed"):
        _make(sqlite_store, assistant, tmp_path, prepared, kind="grounding", grounding_floor=200)
    alone, folder = _make(sqlite_store, assistant, tmp_path, prepared, kind="grounding")
    rows, told = sqlite_store.pairs.of_run(alone), read_json(folder / DATASET)
    assert {(row.origin, row.split) for row in rows} == {(GROUNDING, TRAIN)}
    assert len(rows) == told["grounding"] >= 60 and told["pairs"] == told["held_out"] == 0
    passages = sqlite_store.knowledge.passages(assistant_id=assistant.id, vectors=False)
    facts = fact_questions(passages, avoid=[], count=GROUNDING_FACTS, seed=TuningConfig().seed)
    asked = {row.question for row in rows}
    assert len(facts) == GROUNDING_FACTS and asked.isdisjoint({fact.question for fact in facts})


class Careless(Maker):
    """Trains on what it judges by."""

    def _split(self, report: PairReport, beside: Beside, embed: Embed) -> None:
        held = [replace(pair, split=HELD_OUT) for pair in report.pairs]
        report.pairs = [*held, replace(held[0], id="par_twin", split=TRAIN)]
        report.preferences = []


def test_a_leak_blocks_the_run_and_nothing_is_frozen(
    sqlite_store: Store, assistant: Assistant, tmp_path: Path, prepared: Prepared
) -> None:
    run = sqlite_store.runs.ask(assistant.id, config={}, requested_by="t")
    settings = Settings(home=prepared.root.parents[1])
    with pytest.raises(Invalid, match=r"give away rows .* the same row"):
        Careless(sqlite_store, assistant, settings, TuningConfig()).freeze(run.id, tmp_path)
    assert sqlite_store.datasets.of_run(run.id) is None
    assert sqlite_store.pairs.of_run(run.id) == []
    assert list(tmp_path.glob(LEAKAGE)) == []
