"""What the pasted tag loads, the full-page assistant, the demo page and the manual."""

from __future__ import annotations

import re

import pytest

from server.web import docs, widget
from tests.web.conftest import World


def test_the_loader_may_be_taken_in_by_any_site(world: World) -> None:
    answer = world.client().get("/widget.js")
    if answer.status_code == 503:
        pytest.skip("the widget is not built")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert "javascript" in answer.headers["Content-Type"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "max-age" in answer.headers["Cache-Control"]
    answer.close()


@pytest.mark.parametrize("name", ["../widget.py", "..%2fwidget.py", "nothing.js", ".", "%00"])
def test_nothing_but_the_built_files_is_given_out(world: World, name: str) -> None:
    assert world.client().get(f"/widget/{name}").status_code in {404, 503}


def test_the_full_page_assistant_trusts_no_script_but_ours(world: World) -> None:
    world.store.assistants.change("acme", {"origins": ["https://www.acme.example"]})
    answer = world.client().get("/a/acme")
    assert answer.status_code == 200 and 'data-assistant="acme"' in answer.text
    policy = answer.headers["Content-Security-Policy"]
    assert "require-trusted-types-for 'script'" in policy and "unsafe" not in policy
    assert "frame-ancestors 'self' https://www.acme.example;" in policy
    assert not re.search(r"<script(?![^>]*\bsrc=)", answer.text)
    assert not re.search(r"\son\w+=|\sstyle=", answer.text)


def test_the_full_page_assistant_speaks_the_assistants_language(world: World) -> None:
    world.store.assistants.change("acme", {"language": "de"})
    assert '<html lang="de">' in world.client().get("/a/acme").text


def test_a18_a_name_full_of_markup_is_text(world: World) -> None:
    world.store.assistants.rename("acme", "<script>alert(1)</script>")
    page = world.client().get("/a/acme").text
    assert "<script>alert" not in page and "&lt;script&gt;" in page


@pytest.mark.parametrize("path", ["/a/nobody", "/demo", "/docs/nothing", "/nowhere"])
def test_what_is_not_there_is_a_page_with_a_sentence(world: World, path: str) -> None:
    answer = world.client().get(path)
    assert answer.status_code == 404 and answer.mimetype == "text/html"
    assert "Traceback" not in answer.text


def test_the_demo_page_holds_the_tag_as_an_owner_would_paste_it(world: World) -> None:
    world.store.assistants.create("Parlance", key=widget.DEMO_KEY)
    page = world.client().get("/demo").text
    tag = re.search(r"<script[^>]*/widget\.js[^>]*>", page)
    assert tag is not None and f'data-assistant="{widget.DEMO_KEY}"' in tag.group()


def test_every_page_of_the_manual_opens_and_its_anchors_exist(world: World) -> None:
    browser = world.client()
    assert browser.get("/docs/").status_code == 200
    for page in docs.manual().values():
        shown = browser.get(f"/docs/{page.name}")
        assert shown.status_code == 200 and page.title in page.html
        for anchor, _ in page.sections:
            assert f'id="{anchor}"' in shown.text


def test_links_inside_the_manual_lead_somewhere(world: World) -> None:
    browser = world.client()
    for page in docs.manual().values():
        for link in re.findall(r'href="(/docs/[^"#]*)', page.html):
            assert browser.get(link).status_code == 200, (page.name, link)


def test_an_address_of_the_api_that_is_not_there_is_json(world: World) -> None:
    answer = world.client().get("/api/v1/nothing")
    assert answer.status_code == 404 and set(answer.json["error"]) == {"code", "message", "hint"}
