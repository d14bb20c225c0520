"""The manual: Markdown in `server/docs`, shown at /docs. The demo assistant answers from it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from server.errors import NotFound
from server.knowledge.documents import slug

blueprint = Blueprint("docs", __name__, url_prefix="/docs")

FOLDER = Path(__file__).parent.parent / "docs"


@dataclass(frozen=True, slots=True)
class ManualPage:
    """One page of the manual; `name` is its address under /docs."""

    name: str
    title: str
    html: Markup


@blueprint.get("/")
def index() -> ResponseReturnValue:
    return show(next(iter(manual())))


@blueprint.get("/<name>")
def show(name: str) -> ResponseReturnValue:
    if name not in manual():
        raise NotFound("The manual has no such page.", hint="See /docs/ for its contents.")
    return render_template("docs.html", page=manual()[name], pages=list(manual().values()))


@cache
def manual() -> dict[str, ManualPage]:
    """The pages by name, in the order of their file names (01-start.md is "start")."""
    pages = [_page(path) for path in sorted(FOLDER.glob("*.md"))]
    return {page.name: page for page in pages}


def page_name(path: Path) -> str:
    """The address of a manual file: its name without the number that orders it."""
    return path.stem.partition("-")[2] or path.stem


def _page(path: Path) -> ManualPage:
    renderer = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = renderer.parse(path.read_text(encoding="utf-8"))
    title = _add_anchors(tokens) or path.stem
    # Our own files, rendered with HTML switched off: the one place where markup is trusted.
    html = Markup(renderer.renderer.render(tokens, renderer.options, {}))
    return ManualPage(page_name(path), title, html)


def _add_anchors(tokens: list[Token]) -> str:
    """Give headings the anchors that citations point at; return the first heading."""
    first = ""
    for token, inline in itertools.pairwise(tokens):
        if token.type == "heading_open":
            token.attrSet("id", slug(inline.content))
            first = first or inline.content
    return first
