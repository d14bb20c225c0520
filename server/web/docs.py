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
    """One page of the manual; `name` is its address under /docs, `sections` (anchor, heading)."""

    name: str
    title: str
    html: Markup
    sections: tuple[tuple[str, str], ...]


@blueprint.get("/")
def index() -> ResponseReturnValue:
    return show(next(iter(manual())))


@blueprint.get("/<name>")
def show(name: str) -> ResponseReturnValue:
    if name not in manual():
        raise NotFound("The manual has no such page.", hint="See /docs/ for its contents.")
    pages = list(manual().values())
    at = pages.index(manual()[name])
    return render_template(
        "docs.html",
        page=pages[at],
        pages=pages,
        before=pages[at - 1] if at else None,
        after=pages[at + 1] if at + 1 < len(pages) else None,
    )


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
    headings = _add_anchors(tokens)
    title = headings[0][2] if headings else path.stem
    sections = tuple((anchor, text) for tag, anchor, text in headings if tag == "h2")
    # Our own files, rendered with HTML switched off: the one place where markup is trusted.
    html = Markup(renderer.renderer.render(tokens, renderer.options, {}))
    return ManualPage(page_name(path), title, html, sections)


def _add_anchors(tokens: list[Token]) -> list[tuple[str, str, str]]:
    """Give headings the anchors that citations point at; return (tag, anchor, text) of each."""
    headings = []
    for token, inline in itertools.pairwise(tokens):
        if token.type == "heading_open":
            anchor = slug(inline.content)
            token.attrSet("id", anchor)
            headings.append((token.tag, anchor, inline.content))
    return headings
