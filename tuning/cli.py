"""The tuning commands of `parlance`: tune, voice and adapters."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from server import config
from server.cli import emit, json_option, progress_bar
from server.config import Settings
from server.errors import Conflict, Invalid
from server.learn.examples import read_examples
from server.store import Store, open_store
from server.store.adapters import Adapter
from server.store.runs import GROUNDING, VOICE
from tuning import asking
from tuning.bench.cli import add_bench
from tuning.child import Children
from tuning.config import TuningConfig
from tuning.data.clean import cleaned
from tuning.meter import measure
from tuning.pairs_cli import show_pairs
from tuning.readiness import content_readiness
from tuning.rollout_cli import add_rollout
from tuning.telling import content_in_words, meter_in_words, run_report, run_state
from tuning.worker import working

_ACTOR = "cli"


def register(group: click.Group) -> None:
    """Add the tuning commands to the parlance command."""
    for command in (tune, voice, adapters):
        group.add_command(command)
    add_bench(group)


@click.group()
def tune() -> None:
    """Tune an assistant's voice on what people wrote or approved."""


@tune.command("readiness")
@click.argument("key")
@json_option
def show_readiness(key: str, as_json: bool) -> None:
    """Say whether there is enough to learn from, of what, and what to do next."""
    with _opened() as (_, store):
        assistant = store.assistants.by_key(key)
        found = measure(store, assistant, TuningConfig())
        content = content_readiness(store, assistant, TuningConfig())
        grounding = asdict(content) | {"offered": asking.is_grounding_offered(store, assistant)}
    told = found.as_dict() | {"grounding": grounding}
    emit(as_json, told, f"{meter_in_words(found)}\n{content_in_words(content, key)}")


@tune.command("run")
@click.argument("key")
@click.option("--wait", is_flag=True, help="Wait for the end, doing the work here if needed.")
@click.option(
    "--method", default="sft", type=click.Choice(["sft", "sft+dpo", "kto"]), help="How to train."
)
@click.option(
    "--kind",
    default=VOICE,
    type=click.Choice([VOICE, GROUNDING]),
    help="What to learn from: replies of people (voice), or the content alone (grounding).",
)
@click.option(
    "--set",
    "values",
    multiple=True,
    metavar="NAME=VALUE",
    callback=lambda _context, _option, given: dict(map(_value, given)),
    help="Another value of the run, such as held_out=0.4 or tuned=full.",
)
@json_option
def run_tuning(key: str, wait: bool, as_json: bool, values: dict[str, Any], **chosen: Any) -> None:
    """Train, measure and judge a new voice. It is promoted by `parlance adapters promote`."""
    chosen |= values
    with _opened() as (settings, store):
        assistant = store.assistants.by_key(key)
        run = asking.open_run(store, assistant)
        if run is None:
            asking.check_ready(store, assistant, TuningConfig.from_dict(chosen))
            run = asking.ask(settings, store, assistant, actor=_ACTOR, config=_changed(chosen))
        elif not wait:
            raise Conflict(f"Run {run.id} is still under way.", hint="Wait for it: --wait")
        if not wait:
            emit(as_json, asking.told(run), f"Run {run.id} is queued: parlance tune status {key}")
            return
        told = asking.outcome(_waited(settings, store, run.id))
    emit(as_json, told, run_report(told))


@tune.command("status")
@click.argument("key")
@json_option
def show_status(key: str, as_json: bool) -> None:
    """Show the newest run."""
    with _opened() as (_, store):
        runs = store.runs.of_assistant(store.assistants.by_key(key).id)
    if not runs:
        raise Invalid("There has been no run yet.", hint=f"Start one: parlance tune run {key}")
    told = asking.told(runs[0])
    emit(as_json, told, run_report(told) if told["gate"] else run_state(told))


tune.add_command(show_pairs)


@click.group()
def voice() -> None:
    """The owner's own example replies."""


@voice.command("import")
@click.argument("key")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@json_option
def import_voice(key: str, file: Path, as_json: bool) -> None:
    """Add example replies from JSONL or CSV: question, answer[, context]; all or none.

    Rows may also be chats as OpenAI, ShareGPT and TRL write them.
    """
    with _opened() as (_, store):
        assistant = store.assistants.by_key(key)
        found = read_examples(file.name, file.read_bytes())
        for number, example in enumerate(found, start=1):
            if cleaned(example.question) is None or cleaned(example.answer) is None:
                raise Invalid(
                    f"Reply {number} of {file.name} holds hidden characters.",
                    hint="Retype it as plain text. Nothing was imported.",
                )
        added, known = store.pairs.import_examples(assistant.id, found, origin=file.name[:200])
        store.audit.add(_ACTOR, "examples.import", assistant.id, added=added, known=known)
    told = {"imported": added, "known": known, "total": len(found)}
    emit(as_json, told, f"{added} replies imported, {known} were known already.")


@click.group()
def adapters() -> None:
    """Tuned voices: look, promote, roll back, export."""


@adapters.command("list")
@click.argument("key")
@json_option
def list_adapters(key: str, as_json: bool) -> None:
    """List an assistant's adapters, newest first."""
    with _opened() as (_, store):
        assistant = store.assistants.by_key(key)
        active = store.adapters.active(assistant.id)[1]
        rows = [_row(a, active) for a in store.adapters.of_assistant(assistant.id)]
    lines = [
        f"{r['id']}  {r['created'][:16]}  {'passed' if r['passed'] else 'refused'}"
        f"{'  active' if r['active'] else ''}"
        for r in rows
    ]
    told = {"adapters": rows, "active": active.id if active else "base"}
    emit(as_json, told, "\n".join(lines) or "None yet; the base model answers.")


@adapters.command("show")
@click.argument("adapter_id")
@json_option
def show_adapter(adapter_id: str, as_json: bool) -> None:
    """Show an adapter with its report and manifest."""
    with _opened() as (_, store):
        found = store.adapters.adapter(adapter_id)
        row = _row(found, store.adapters.active(found.assistant_id)[1])
    told = row | {
        "gate": found.report.get("gate"),
        "metrics": found.report.get("metrics"),
        "samples": found.report.get("samples"),
        "manifest": found.manifest,
    }
    emit(as_json, told, run_report(told | {"run": found.run_id, "adapter": found.id}))


@adapters.command("promote")
@click.argument("adapter_id")
@json_option
def promote_adapter(adapter_id: str, as_json: bool) -> None:
    """Make an adapter that passed the gate the one that answers."""
    from server.llm.promotion import promote
    from tuning.proof import proven

    with _opened() as (settings, store):
        told = proven(settings, store, promote(store, adapter_id, actor=_ACTOR))
    emit(as_json, told, f"{told['active']} answers since {told['seconds']:.1f} s.")


@adapters.command("rollback")
@click.argument("key")
@json_option
def roll_back_adapter(key: str, as_json: bool) -> None:
    """Return to what answered before, and prove it with the probe set."""
    from server.llm.promotion import roll_back
    from tuning.proof import proven

    with _opened() as (settings, store):
        assistant = store.assistants.by_key(key)
        told = proven(settings, store, roll_back(store, assistant.id, actor=_ACTOR))
    emit(as_json, told, f"{told['active']} answers since {told['seconds']:.1f} s.")


@adapters.command("export")
@click.argument("adapter_id")
@click.option("--format", "form", required=True, type=click.Choice(["peft", "gguf"]))
@click.option("--out", type=click.Path(path_type=Path), help="Where to; default: the id, here.")
@json_option
def export_adapter(adapter_id: str, form: str, out: Path | None, as_json: bool) -> None:
    """Copy an adapter out: the PEFT folder, or the merged model as GGUF."""
    with _opened() as (settings, store):
        folder = settings.home / store.adapters.adapter(adapter_id).path
    target = out or Path(adapter_id if form == "peft" else f"{adapter_id}.gguf")
    if target.exists():
        raise Conflict(f"{target} exists already.", hint="Choose another place with --out.")
    try:
        if form == "peft":
            shutil.copytree(folder / "adapter", target)
        else:
            shutil.copyfile(folder / "model.gguf", target)
    except OSError as error:
        raise Invalid(f"It could not be written: {error.strerror or error}.") from None
    emit(as_json, {"adapter": adapter_id, "format": form, "path": str(target)}, f"Wrote {target}")


add_rollout(tune, adapters)


@contextmanager
def _opened() -> Iterator[tuple[Settings, Store]]:
    settings = config.load()
    settings.home.mkdir(parents=True, exist_ok=True)
    store = open_store(settings.database)
    with closing(store.database):
        yield settings, store


def _waited(settings: Settings, store: Store, run_id: str) -> Any:
    """Follow a run to its end; if no worker runs, this process is the worker until then."""
    children: Children | None = None
    with ExitStack() as stack:
        try:
            children = stack.enter_context(working(settings))
        except Conflict:
            click.echo("The running tuning worker does it.", err=True)
        try:
            return asking.follow(store, run_id, progress_bar())
        except KeyboardInterrupt:
            click.echo(f"Run {run_id} goes on when a worker runs again.", err=True)
            if children is not None:
                children.stop(seconds=3)
            # The thread of the cut-short stage must record nothing, so it is not waited for.
            os._exit(130)


def _value(given: str) -> tuple[str, Any]:
    """A value of a run as JSON has it, or the word itself."""
    name, is_set, value = given.partition("=")
    if not is_set:
        raise click.BadParameter(f"{given!r} is not NAME=VALUE.")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _changed(chosen: dict[str, Any]) -> dict[str, Any]:
    """Those values of a run that are not the defaults."""
    usual = TuningConfig().as_dict()
    return {name: value for name, value in chosen.items() if value != usual[name]}


def _row(adapter: Adapter, active: Adapter | None) -> dict[str, Any]:
    return {
        "id": adapter.id,
        "run": adapter.run_id,
        "created": adapter.created_at.isoformat(),
        "passed": adapter.passed,
        "active": active is not None and active.id == adapter.id,
        "digest": adapter.digest,
    }
