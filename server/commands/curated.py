"""`parlance curated`: curated answers from the command line, through the admin API."""

from __future__ import annotations

import click

from server import config
from server.admin_client import connect
from server.cli import emit, json_option


@click.group()
def curated() -> None:
    """List, add and switch off curated answers."""


@curated.command("list")
@click.argument("key")
@json_option
def list_curated(key: str, as_json: bool) -> None:
    """List an assistant's curated answers with their hits, and what contradicts what."""
    with connect(config.load()) as client:
        found = client.get(f"/assistants/{key}/curated")
    lines = [
        f"{c['id']}  {c['status']:8}  {c['hits']:>5} hits  {c['question']}"
        for c in found["curated"]
    ]
    for one in found["contradictions"]:
        first, second = (a["question"] for a in one["answers"])
        lines.append(f"Contradiction: “{first}” and “{second}”: {one['reason']}.")
    emit(as_json, found, "\n".join(lines) or "None yet: parlance curated add KEY QUESTION ANSWER")


@curated.command("add")
@click.argument("key")
@click.argument("question")
@click.argument("answer")
@click.option("--url", default="", help="The page that says so.")
@click.option("--variant", "variants", multiple=True, help="Another way to ask it; repeatable.")
@json_option
def add_curated(
    key: str, question: str, answer: str, url: str, variants: tuple[str, ...], as_json: bool
) -> None:
    """Add an approved answer."""
    body = {"question": question, "answer": answer, "url": url, "variants": list(variants)}
    with connect(config.load()) as client:
        made = client.post(f"/assistants/{key}/curated", body)
    emit(as_json, made, f"Added {made['id']}. It answers from the next question on.")


@curated.command("off")
@click.argument("id")
@json_option
def switch_off(id: str, as_json: bool) -> None:
    """Switch a curated answer off."""
    with connect(config.load()) as client:
        changed = client.patch(f"/curated/{id}", {"status": "off"})
    emit(as_json, changed, f"{changed['question']} is answered by the model again.")
