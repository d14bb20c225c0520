"""Which language the widget speaks, where its words come from, and how it reads from the right."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.fake_api import KEY
from tests.e2e.test_widget_safety import STRICT
from tests.e2e.widget_page import PAGE, Site, ask, expect_answered, settle

pytestmark = pytest.mark.browser

FIELD = {
    "en": "Your question",
    "de": "Ihre Frage",
    "fr": "Votre question",
    "es": "Tu pregunta",
    "pt": "Sua pergunta",
    "it": "La tua domanda",
    "nl": "Je vraag",
    "pl": "Twoje pytanie",
    "sv": "Din fråga",
    "ja": "質問",
    "zh": "您的问题",
    "ar": "سؤالك",
}


@pytest.mark.parametrize("language", FIELD)
def test_the_tags_language_is_spoken(site: Site, page: Page, language: str) -> None:
    page.goto(site.host(more=f'lang="{language}"'))
    page.locator(".launcher").click()
    panel = page.locator(".panel")
    expect(panel).to_have_attribute("lang", language)
    expect(panel).to_have_attribute("dir", "rtl" if language == "ar" else "ltr")
    expect(page.locator("textarea")).to_have_attribute("aria-label", FIELD[language])
    files = [path for _, path in site.state.seen if ".json" in path]
    assert len(files) == (0 if language == "en" else 1)


def test_the_pages_language_comes_before_the_browsers(site: Site, browser: Browser) -> None:
    context = browser.new_context(locale="it-IT")
    page = context.new_page()
    for wanted, spoken in [("fr-CA", "fr"), ("nb", "it"), ("", "it")]:
        page.goto(site.host(lang=wanted))
        page.locator(".launcher").click()
        expect(page.locator("textarea")).to_have_attribute("aria-label", FIELD[spoken])
        expect(page.locator(".launcher")).to_have_attribute("lang", spoken)
        page.evaluate("sessionStorage.clear()")
    context.close()


def test_a_page_that_changes_its_language_is_followed_and_loses_nothing(
    site: Site, page: Page
) -> None:
    page.goto(site.host())
    page.locator(".launcher").click()
    ask(page, "Can I return a bicycle?")
    expect_answered(page)
    page.locator("textarea").fill("half a ques")
    page.evaluate("document.documentElement.lang = 'de'")
    expect(page.locator("textarea")).to_have_attribute("aria-label", "Ihre Frage")
    expect(page.locator(".sources h3")).to_have_text("Belegt durch 2 Quellen")
    expect(page.locator("textarea")).to_have_value("half a ques")
    expect(page.locator("textarea")).to_be_focused()
    expect(page.locator(".panel")).to_have_count(1)


def test_arabic_reads_from_the_right_and_counts_in_its_way(site: Site, page: Page) -> None:
    page.goto(site.host(more='lang="ar"'))
    page.locator(".launcher").click()
    ask(page, "slow please")
    expect(page.locator(".progress")).to_have_text("جارٍ قراءة صفحتين")
    expect_answered(page)
    expect(page.locator(".sources h3")).to_have_text("استنادًا إلى مصدرين")
    settle(page)
    close, title = (page.locator(place).bounding_box() for place in (".close", ".panel h1"))
    assert close and title and close["x"] < title["x"]
    # An English answer still reads from the left.
    expect(page.locator(".prose")).to_have_css("direction", "ltr")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_servers_english_is_not_shown_to_those_who_read_another(site: Site, page: Page) -> None:
    page.goto(site.host(more='lang="de"'))
    page.locator(".launcher").click()
    ask(page, "broken?")
    expect(page.locator(".notice")).to_contain_text("Der Assistent ist gerade ausgelastet.")


def test_the_owners_words_stand_in_place_of_ours(site: Site, page: Page) -> None:
    notes = told(page)
    own = """data-strings='{"disclaimer":"<b>Robot</b>","labels":{"uncertain":"Hm"},"nope":"x"}'"""
    page.goto(site.host(more=own))
    page.locator(".launcher").click()
    expect(page.locator(".small-print")).to_contain_text("<b>Robot</b>")
    ask(page, "perhaps?")
    expect(page.locator(".badge")).to_have_text("Hm")
    assert codes(notes) == ["unknown-string"]
    assert '"nope"' in notes[0] and "/widget/en.json" in notes[0]


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ("""data-strings="{'a':1}" """, "bad-strings"),
        ('lang="tlh"', "unknown-language"),
    ],
)
def test_what_cannot_be_understood_is_told_once_and_english_spoken(
    site: Site, page: Page, more: str, code: str
) -> None:
    notes = told(page)
    page.goto(site.host(more=more))
    page.locator(".launcher").click()
    expect(page.locator("textarea")).to_have_attribute("aria-label", "Your question")
    expect(page.locator(".start h2")).to_contain_text("Hello!")
    assert codes(notes) == [code]


def test_a_language_that_does_not_load_is_told_and_the_chat_speaks_english(
    site: Site, page: Page
) -> None:
    notes = told(page)
    page.route("**/sv.json*", lambda route: route.fulfill(status=404))
    page.goto(site.host(more='lang="sv"'))
    page.locator(".launcher").click()
    expect(page.locator("textarea")).to_have_attribute("aria-label", "Your question")
    assert "language-not-loaded" in codes(notes)


def test_a_strict_policy_lets_a_language_in(site: Site, page: Page) -> None:
    page.goto(site.host(more='lang="ja"', csp=STRICT))
    page.locator(".launcher").click()
    expect(page.locator("textarea")).to_have_attribute("aria-label", "質問")


def test_the_element_takes_its_language_and_words_as_attributes(site: Site, page: Page) -> None:
    body = (
        f'<parlance-chat data-assistant="{KEY}" mode="page" lang="pl" '
        """strings='{"privacy":"RODO"}'></parlance-chat>"""
        f'<script type="module" src="{site.url}/widget/chat.js"></script>'
    )
    site.pages["full"] = (PAGE.format(lang="en", head="", body=body), {})
    page.goto(f"{site.url}/host/full")
    expect(page.locator("textarea")).to_have_attribute("aria-label", "Twoje pytanie")
    expect(page.locator(".small-print a")).to_have_text("RODO")
    page.evaluate("document.querySelector('parlance-chat').lang = 'sv'")
    expect(page.locator("textarea")).to_have_attribute("aria-label", "Din fråga")


def told(page: Page) -> list[str]:
    """What the widget writes to the console from now on."""
    notes: list[str] = []
    page.on("console", lambda note: notes.append(note.text) if "Parlance [" in note.text else None)
    return notes


def codes(notes: list[str]) -> list[str]:
    return [note.split("[")[1].split("]")[0] for note in notes]
