"""The manual: pages that can be read, linked and cited, and that name only what exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from lxml import html

from server.knowledge.documents import read_document
from server.web.docs import FOLDER, manual, page_name
from tests.web.conftest import World

FILES = sorted(FOLDER.glob("*.md"))
PLACEHOLDERS = {"KEY": "acme", "CNV": "cnv_1", "TRN": "trn_1"}

each_file = pytest.mark.parametrize("path", FILES, ids=[p.stem for p in FILES])


def test_the_manual_has_its_pages_in_order() -> None:
    names = "start widget knowledge answers review question-list tuning console settings"
    rest = "command-line http deploy privacy limits help"
    assert list(manual()) == [*names.split(), *rest.split()]


@each_file
def test_a_page_is_one_title_and_sections_that_are_neither_empty_nor_long(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    title, *sections = re.split(r"^## ", text, flags=re.MULTILINE)
    assert re.fullmatch(r"# .+\n\n", title)
    assert len(sections) >= 5
    for section in sections:
        heading, _, body = section.partition("\n\n")
        if "| --- |" not in body:
            assert 8 <= len(body.split()) <= 160, heading


@each_file
def test_a_page_is_shown_with_its_place_in_the_contents(world: World, path: Path) -> None:
    name = page_name(path)
    answer = world.client().get(f"/docs/{name}")
    page = html.fromstring(answer.text)
    assert answer.status_code == 200
    assert len(page.xpath("//h1")) == 1
    assert set(page.xpath("//nav//a[@aria-current]/@href")) == {f"/docs/{name}"}
    assert page.xpath("//nav[@aria-label='On this page']//a/@href") == [
        f"#{id}" for id in page.xpath("//h2/@id")
    ]
    assert page.xpath("//@style | //style | //script | //@*[starts-with(name(), 'on')]") == []


@each_file
def test_citations_of_a_page_lead_to_a_heading_that_is_there(world: World, path: Path) -> None:
    shown = html.fromstring(world.client().get(f"/docs/{page_name(path)}").text)
    anchors = {b.anchor for b in read_document(path.name, path.read_bytes()).blocks if b.anchor}
    assert anchors
    assert anchors <= set(shown.xpath("//@id"))


@each_file
def test_links_within_the_manual_lead_somewhere(world: World, path: Path) -> None:
    page = html.fromstring(world.client().get(f"/docs/{page_name(path)}").text)
    for link in page.xpath("//main//a/@href"):
        assert world.client().get(str(link)).status_code == 200, link


def test_an_unknown_page_is_told_as_such(world: World) -> None:
    answer = world.client().get("/docs/nothing")
    assert answer.status_code == 404
    assert "The manual has no such page." in answer.text


def test_the_styles_of_the_manual_are_there(world: World) -> None:
    page = html.fromstring(world.client().get("/docs/").text)
    for sheet in page.xpath("//link[@rel='stylesheet']/@href"):
        with world.client().get(str(sheet)) as answer:
            assert (answer.status_code, answer.mimetype) == (200, "text/css")


def test_every_address_in_the_http_page_exists(world: World) -> None:
    text = (FOLDER / "10-http.md").read_text(encoding="utf-8")
    named = re.findall(r"^(GET|POST)\s+(/\S+)", text, re.MULTILINE)
    assert len(named) >= 9
    routes = world.app.url_map.bind("localhost")
    for method, path in named:
        filled = "/".join(PLACEHOLDERS.get(part, part) for part in path.split("/"))
        routes.match(filled, method=method)  # NotFound or MethodNotAllowed fail the test


def test_every_command_in_the_manual_exists() -> None:
    import click

    from server.cli import main

    main.list_commands(click.Context(main))  # takes in the commands that come as plug-ins
    text = "\n".join(path.read_text(encoding="utf-8") for path in FILES)
    main.list_commands(click.Context(main))  # the groups that come from other modules
    named = set(re.findall(r"(?:^|`|/)parlance ((?:[a-z]+ ?)+)", text, re.MULTILINE))
    assert len(named) >= 15
    for command in sorted(named):
        found: click.Command = main
        for word in command.split():
            if not isinstance(found, click.Group):
                break
            assert word in found.commands, f"parlance {command}"
            found = found.commands[word]


def test_every_option_in_the_command_line_page_exists() -> None:
    import click

    from server.cli import main

    def options(command: click.Command) -> set[str]:
        own = {name for parameter in command.params for name in parameter.opts}
        below = command.commands.values() if isinstance(command, click.Group) else ()
        return own.union(*(options(one) for one in below))

    main.list_commands(click.Context(main))
    text = (FOLDER / "09-command-line.md").read_text(encoding="utf-8")
    assert set(re.findall(r"--[a-z][a-z-]*", text)) - {"--help"} <= options(main)
