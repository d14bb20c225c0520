"""The parlance command: a client of the admin API, in a running server or in this process."""

from __future__ import annotations

import csv
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from server import config
from server.admin_client import AdminClient, connect
from server.config import Settings
from server.errors import AppError, Invalid

if TYPE_CHECKING:
    from server.store import Store

Emit = Callable[[dict[str, Any], str], None]

_POLL_SECONDS = 0.3
_FILE_ENDINGS = {".md", ".markdown", ".html", ".htm", ".txt", ".pdf", ".csv", ".json", ".jsonl"}


class Parlance(click.Group):
    """Tells a failure in one sentence and exits with 1."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        # The tuning commands come from their own package, which is asked only when it is needed.
        if cmd_name not in self.commands:
            self._load_plugins()
        return super().get_command(ctx, cmd_name)

    def list_commands(self, ctx: click.Context) -> list[str]:
        self._load_plugins()
        return super().list_commands(ctx)

    def _load_plugins(self) -> None:
        for plugin in entry_points(group="parlance.commands"):
            plugin.load()(self)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except AppError as error:
            click.echo(str(error), err=True)
            ctx.exit(1)


@click.group(cls=Parlance)
@click.version_option(package_name="parlance")
def main() -> None:
    """A chat assistant for your site that answers from your own content."""


def emit(as_json: bool, result: dict[str, Any], text: str) -> None:
    """Print a result: one JSON object on stdout, or a text for people."""
    click.echo(json.dumps(result, ensure_ascii=False) if as_json else text)


json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@main.command()
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=int, help="Port to listen on.")
@click.option("--demo", is_flag=True, help="Create the demo assistant if there is none.")
def serve(host: str | None, port: int | None, demo: bool) -> None:
    """Run web, jobs, engine and tuning worker as one process tree; Ctrl-C stops all of it."""
    from server.supervisor import run  # its imports are no business of the other commands

    settings = config.load()
    chosen = replace(
        settings,
        host=host or settings.host,
        port=port or settings.port,
        demo=demo or settings.demo,
    )
    sys.exit(run(chosen, progress=progress_bar(), say=click.echo))


@main.group()
def models() -> None:
    """Prepare and check models."""


@models.command("prepare")
@json_option
def prepare_models(as_json: bool) -> None:
    """Turn the base GGUF into what serving needs. At once when it is done already."""
    from server.llm.models import prepare

    settings = config.load()
    prepared = prepare(settings.home, settings.model, progress=progress_bar())
    result = {"base_sha256": prepared.base_sha256, "path": str(prepared.root)}
    emit(as_json, result, f"Ready: {prepared.root}")


@main.group()
def assistants() -> None:
    """Create and list assistants."""


@assistants.command("create")
@click.argument("name")
@click.option("--key", help="Public key; made from the name unless given.")
@click.option("--origin", "origins", multiple=True, help="Site that may show it; repeatable.")
@json_option
def create_assistant(name: str, key: str | None, origins: tuple[str, ...], as_json: bool) -> None:
    """Create an assistant."""
    with connect(config.load()) as client:
        body = {"name": name, "key": key, "settings": {"origins": list(origins)}}
        made = client.post("/assistants", body)
    emit(as_json, made, f"Created {made['key']}. Paste this into your pages:\n{made['tag']}")


@assistants.command("list")
@json_option
def list_assistants(as_json: bool) -> None:
    """List all assistants."""
    with connect(config.load()) as client:
        found = client.get("/assistants")
    lines = [f"{a['key']:24} {a['name']}" for a in found["assistants"]]
    emit(as_json, found, "\n".join(lines) or "None yet: parlance assistants create NAME")


@assistants.command("show")
@click.argument("key")
@json_option
def show_assistant(key: str, as_json: bool) -> None:
    """Show an assistant's settings and its tag."""
    with connect(config.load()) as client:
        found = client.get(f"/assistants/{key}")
    emit(as_json, found, json.dumps(found, indent=2, ensure_ascii=False))


@assistants.command("set")
@click.argument("key")
@click.argument("setting")
@click.argument("values", nargs=-1, required=True)
@json_option
def set_assistant(key: str, setting: str, values: tuple[str, ...], as_json: bool) -> None:
    """Change one setting: parlance assistants set KEY color '#3451b2' (lists take many values)."""
    with connect(config.load()) as client:
        present = client.get(f"/assistants/{key}")["settings"].get(setting)
        value = list(values) if isinstance(present, list) else values[0]
        changed = client.patch(f"/assistants/{key}", {setting: value})
    emit(as_json, changed, f"{setting} is now {changed['settings'][setting]!r}.")


@main.command()
@click.argument("key")
@click.argument("sources", nargs=-1, required=True)
@click.option(
    "--kind", default="auto", type=click.Choice(["auto", "website", "document", "faq", "policy"])
)
@click.option("--pages", type=int, help="Most pages of a website.")
@click.option("--depth", type=int, help="Most links from a website's start page.")
@click.option("--wait", is_flag=True, help="Wait until everything is read.")
@json_option
def ingest(
    key: str,
    sources: tuple[str, ...],
    kind: str,
    pages: int | None,
    depth: int | None,
    wait: bool,
    as_json: bool,
) -> None:
    """Read websites (URLs), files or folders into an assistant's knowledge."""
    with connect(config.load()) as client:
        added = []
        for place in sources:
            if kind == "website" or "://" in place:
                body = {"url": place, "pages": pages, "depth": depth}
                added.append(client.post(f"/assistants/{key}/sources", body))
                continue
            for path in _files(Path(place)):
                added.append(client.upload(f"/assistants/{key}/sources", path, {"kind": kind}))
        if not added:
            raise Invalid(
                "There is nothing to read.",
                hint=f"Files end in {', '.join(sorted(_FILE_ENDINGS))}.",
            )
        ended = (
            [_await_source(client, s["source"]) for s in added] if wait or client.local else added
        )
    failed = [s for s in ended if s["status"] == "failed"]
    for source in failed:
        click.echo(f"{source['location']}: {source['error']}", err=True)
    rows = [s["counts"] if s["counts"] else s for s in ended]
    emit(as_json, rows[0] if len(rows) == 1 else {"sources": rows}, _told_sources(ended))
    if failed:
        sys.exit(1)


@main.command()
@click.argument("key")
@click.argument("question")
@click.option("--conversation", help="Go on with this conversation.")
@json_option
def ask(key: str, question: str, conversation: str | None, as_json: bool) -> None:
    """Ask an assistant, as a visitor would."""
    with connect(config.load()) as client:
        body = {"question": question, "conversation": conversation}
        told = client.post(f"/assistants/{key}/ask", body)
    lines = [
        told["answer"],
        *(f"  [{n}] {c['title']}  {c['url'] or ''}" for n, c in enumerate(told["citations"], 1)),
    ]
    emit(as_json, told, "\n".join(lines))


@main.group()
def conversations() -> None:
    """Export conversations."""


@conversations.command("export")
@click.argument("key")
@click.option("--format", "form", default="jsonl", type=click.Choice(["jsonl", "csv"]))
def export_conversations(key: str, form: str) -> None:
    """Write every turn to standard output."""
    with connect(config.load()) as client:
        turns = _turns(client, key)
        if form == "jsonl":
            for turn in turns:
                click.echo(json.dumps(turn, ensure_ascii=False))
            return
        columns = [
            "id",
            "conversation_id",
            "created_at",
            "question",
            "reply",
            "label",
            "status",
            "feedback",
        ]
        writer = csv.writer(sys.stdout)
        writer.writerow(columns)
        for turn in turns:
            writer.writerow([_csv_safe(turn[c]) for c in columns])


@main.group()
def review() -> None:
    """Import and export verdicts and corrected replies."""


@review.command("import")
@click.argument("key")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@json_option
def import_reviews(key: str, file: Path, as_json: bool) -> None:
    """Record verdicts from JSONL: {"turn","verdict"[,"fault","reply","note"]}; all or none."""
    with connect(config.load()) as client:
        told = client.post(f"/assistants/{key}/reviews", {"reviews": read_jsonl(file)})
    emit(as_json, told, f"{told['imported']} verdicts recorded.")


@review.command("export")
@click.argument("key")
def export_reviews(key: str) -> None:
    """Write the verdicts in force as JSONL."""
    with connect(config.load()) as client:
        for row in client.get(f"/assistants/{key}/reviews")["reviews"]:
            click.echo(json.dumps(row, ensure_ascii=False))


@main.group()
def users() -> None:
    """People who may sign in to the console."""


@users.command("add")
@click.argument("email")
@click.option("--role", default="reviewer", type=click.Choice(["owner", "reviewer", "viewer"]))
@click.password_option()
def add_user(email: str, role: str, password: str) -> None:
    """Add a person with a password."""
    from server.web.passwords import hash_password

    store = _opened_store(config.load())
    person = store.people.add(email, role=role, password_hash=hash_password(password))
    store.audit.add("cli", "person.add", person.id, role=role)
    click.echo(f"{person.email} may sign in as {role}.")


@users.command("invite")
@click.option("--role", default="owner", type=click.Choice(["owner", "reviewer", "viewer"]))
def invite_user(role: str) -> None:
    """Print a one-time set-up link, good for a day."""
    settings = config.load()
    token = _opened_store(settings).people.invite(role=role)
    click.echo(f"{settings.url}/console/setup/{token}")


def read_jsonl(file: Path) -> list[dict[str, Any]]:
    """Read a JSONL file; the first row that is no JSON object is named."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise Invalid(f"{file.name} is no UTF-8 text.", hint="Nothing was imported.") from None
    rows = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if not isinstance(row, dict):
            raise Invalid(
                f"{file.name}, row {number} is no JSON object.", hint="Nothing was imported."
            )
        rows.append(row)
    return rows


def progress_bar() -> Callable[[str, float], None]:
    """Progress on stderr: a line that is rewritten on a terminal, a line per stage elsewhere."""
    last = ""

    def show(what: str, share: float) -> None:
        nonlocal last
        if sys.stderr.isatty():
            filled = round(30 * min(max(share, 0.0), 1.0))
            end = "\n" if share >= 1 else ""
            click.echo(f"\r{'█' * filled}{'·' * (30 - filled)} {what:44}{end}", err=True, nl=False)
        elif what != last:
            click.echo(f"{what} …", err=True)
        last = what

    return show


def _opened_store(settings: Settings) -> Store:
    from server.store import open_store  # half a second that most commands do not need

    settings.home.mkdir(parents=True, exist_ok=True)
    return open_store(settings.database)


def _files(place: Path) -> Iterator[Path]:
    if place.is_dir():
        yield from sorted(p for p in place.rglob("*") if p.suffix.lower() in _FILE_ENDINGS)
    else:
        yield place


def _await_source(client: AdminClient, source_id: str) -> dict[str, Any]:
    show = progress_bar()
    while True:
        source = client.get(f"/sources/{source_id}")
        if source["status"] not in ("queued", "running"):
            return source
        show(f"{source['pages']} pages, {source['passages']} passages", 0.5)
        time.sleep(_POLL_SECONDS)


def _told_sources(sources: list[dict[str, Any]]) -> str:
    return "\n".join(
        f"{s['location']}: {s['status']}"
        + (
            f", {s['counts']['pages']} pages, {s['counts']['passages']} passages"
            if s["counts"]
            else ""
        )
        for s in sources
    )


def _turns(client: AdminClient, key: str) -> Iterator[dict[str, Any]]:
    after: int | None = 0
    while after is not None:
        page = client.get(f"/assistants/{key}/turns?after={after}")
        yield from page["turns"]
        after = page["next"]


def _csv_safe(value: object) -> str:
    """A cell that a spreadsheet will not run as a formula."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
