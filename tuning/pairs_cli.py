"""`parlance tune pairs`: what the newest run learnt from, what a next one could, and exports."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from server import config
from server.cli import emit, json_option
from server.errors import Conflict, Invalid
from server.learn.formats import FORMS, lines_of
from server.store import Store, open_store
from server.store.assistants import Assistant
from server.store.datasets import Dataset
from server.store.pairs import Pair
from tuning.data.pairs import gather


@click.command("pairs")
@click.argument("key")
@click.option("--run", "run_id", help="The run; default: the newest that has a dataset.")
@click.option("--export", "file", type=click.Path(dir_okay=False, path_type=Path), help="Where to.")
@click.option("--format", "form", default="openai", type=click.Choice(list(FORMS)))
@click.option("--side", default="all", type=click.Choice(["all", "train", "held_out"]))
@json_option
def show_pairs(
    key: str, run_id: str | None, file: Path | None, form: str, side: str, as_json: bool
) -> None:
    """Show what a run learnt from and what was left out, or write its pairs into a file."""
    settings = config.load()
    settings.home.mkdir(parents=True, exist_ok=True)
    store = open_store(settings.database)
    with closing(store.database):
        assistant = store.assistants.by_key(key)
        dataset = _dataset(store, assistant, run_id)
        if file is not None:
            told = _export(store, dataset, file, form=form, side=side)
            emit(as_json, told, f"Wrote {told['pairs']} pairs to {file}.")
        elif dataset is not None:
            emit(as_json, _told(dataset), dataset.card)
        else:
            told = _ready(store, assistant)
            emit(as_json, told, _sentences(told))


def _dataset(store: Store, assistant: Assistant, run_id: str | None) -> Dataset | None:
    if run_id is None:
        return next(iter(store.datasets.of_assistant(assistant.id)), None)
    found = store.datasets.of_run(run_id)
    if found is None or found.assistant_id != assistant.id:
        raise Invalid(
            f"Run {run_id[:64]!r} of this assistant has no dataset.",
            hint="See parlance tune status KEY.",
        )
    return found


def _export(
    store: Store, dataset: Dataset | None, file: Path, *, form: str, side: str
) -> dict[str, Any]:
    if dataset is None:
        raise Invalid(
            "There is no dataset yet: a run makes it.", hint="Start one: parlance tune run KEY"
        )
    if file.exists():
        raise Conflict(f"{file} exists already.", hint="Choose another place with --export.")
    pairs: list[Pair] = store.pairs.of_run(dataset.run_id, split=None if side == "all" else side)
    try:
        with file.open("x", encoding="utf-8") as stream:
            stream.writelines(lines_of(pairs, form))
    except OSError as error:
        raise Invalid(f"It could not be written: {error.strerror or error}.") from None
    told = {"run": dataset.run_id, "number": dataset.number, "hash": dataset.hash}
    return told | {"pairs": len(pairs), "format": form, "side": side, "path": str(file)}


def _told(dataset: Dataset) -> dict[str, Any]:
    told = {"run": dataset.run_id, "dataset": dataset.id, "number": dataset.number}
    return told | {"hash": dataset.hash} | dataset.counts


def _ready(store: Store, assistant: Assistant) -> dict[str, Any]:
    kept, dropped = gather(store, assistant)
    origins = Counter(candidate.origin for candidate in kept)
    return {
        "run": None,
        "pairs": len(kept),
        "origins": dict(origins),
        "dropped": dict(dropped),
    }


def _sentences(told: dict[str, Any]) -> str:
    lines = [f"No run has made a dataset yet; {told['pairs']} replies could be learnt from."]
    lines += [f"  {count} {origin}" for origin, count in told["origins"].items()]
    lines += [f"  left out {count}: {reason}" for reason, count in told["dropped"].items()]
    return "\n".join(lines)
