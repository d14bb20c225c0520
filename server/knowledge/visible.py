"""What a reader of a page sees: hidden elements and boilerplate leave the tree.

Works on lxml trees in place. The tree that was pruned holds only content.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from lxml.html import HtmlElement

_DROPPED = frozenset(
    "script style noscript template iframe object embed svg math canvas audio video map form "
    "input select textarea datalist dialog nav footer head meta link applet frame".split()
)
_ROLES = frozenset(
    "navigation banner contentinfo search complementary dialog alertdialog menu menubar toolbar "
    "doc-toc doc-pagelist doc-index".split()
)
_BOILERPLATE = re.compile(
    r"^(?:nav|navbar|navheader|navfooter|navigation|site-?nav|sidebar|sphinxsidebar|side-?bar"
    r"|related|breadcrumbs?|theme-doc-breadcrumbs|toc|contents|table-?of-?contents"
    r"|tableofcontents.*|toctree-wrapper|local-toc|page-toc|pagination.*|pager|prev-next|prevnext"
    r"|prev-next-.*|rst-footer-buttons|skip-?(?:link|nav|to-content)|skip-to-main-content"
    r"|headerlink|hash-link|header-anchor|anchor-link|heading-anchor|permalink"
    r"|cookies?|cookie-.*|.*-cookie|cookieconsent|consent|consent-.*|gdpr.*|newsletter.*"
    r"|share|sharing|share-.*|social|social-.*|social-?links|advert.*|ads|banner-ad"
    r"|edit-this-page|theme-edit-this-page|md-source-file|last-updated|site-?footer|site-?header"
    r"|page-footer|footer-.*|md-footer|md-header|md-sidebar.*|md-nav|copy-?button|copybtn"
    r"|linenos|lineno|gutter|sr-only|visually-hidden|screen-reader-text|comments|comment-list"
    r"|versionswitch|version-switcher|language-switcher|announcement|announcementbar.*)$",
    re.IGNORECASE,
)
_CONTENT_ASIDE = re.compile(
    r"note|tip|hint|caution|warning|danger|important|admonition|footnote|callout|aside|info|topic",
    re.IGNORECASE,
)
_FOOTNOTE_MARK = re.compile(r"\s*(?:\[[\w*†‡]{1,4}\]|[*†‡])\s*")
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_WHITE = r"(?:#fff(?:fff)?(?:ff)?|white|rgba?\(\s*25[0-5]\s*,\s*25[0-5]\s*,\s*25[0-5]\b[^)]*\))"
_TINY = r"(?:0?\.?0*(?:px|pt|em|rem|%|vw|vh)?|[01](?:\.\d+)?(?:px|pt)|0?\.[01]\d*(?:em|rem))"
_HIDDEN_STYLE = re.compile(
    rf"(?:^|;)(?:display:none|font-size:{_TINY}(?=;|$|!)|transform:scale\(0\)"
    r"|(?:max-)?(?:width|height):[01](?:px)?(?=;|$|!)|(?:left|top|text-indent):-\d{3,}"
    r"|margin-left:-\d{4,}|clip:rect\([01]px|clip-path:inset\((?:50|100)%|color:transparent)"
)
# Scripts fade and slide content in from these, so beside a movement they hide nothing for long.
_FADED_STYLE = re.compile(r"(?:^|;)(?:visibility:(?:hidden|collapse)|opacity:0?\.?0*(?=;|$|!))")
_MOVES = re.compile(r"(?:^|;)(?:-webkit-)?(?:transform|transition|animation)")
_COLOUR = re.compile(r"(?:^|;)color:([^;!]+)")
_BACKGROUND = re.compile(r"(?:^|;)background(?:-color)?:([^;!]+)")
_IS_WHITE = re.compile(_WHITE + "$")
_CSS_RULE = re.compile(r"([^{}]{1,400})\{([^{}]{0,4000})\}")
_CSS_COMMENT = re.compile(r"/\*[^*]*\*+(?:[^/*][^*]*\*+)*/")
_SIMPLE_SELECTOR = re.compile(r"[a-zA-Z][\w-]*|(?:[a-zA-Z][\w-]*)?[.#][\w-]+$")


def prune_hidden(root: HtmlElement) -> int:
    """Remove what is in the markup but not on the screen; return how many words that were."""
    hidden_by_sheet = _sheet_rules(root)
    doomed = [el for el in root.iter() if _is_hidden(el, hidden_by_sheet)]
    return _drop_all(doomed, count=True)


def prune_boilerplate(root: HtmlElement) -> None:
    """Remove navigation, headers, footers and widgets that surround the content."""
    _drop_all([el for el in root.iter() if _is_boilerplate(el, root)])


def main_content(root: HtmlElement) -> HtmlElement:
    """Choose the element that holds the content: the smallest candidate with most of the text."""
    body = root.find(".//body")
    whole = body if body is not None else root
    total = _visible_length(whole)
    chosen = whole
    for candidates in _candidates(whole):
        sized = [(_visible_length(el), el) for el in candidates]
        best, element = max(sized, key=lambda pair: pair[0], default=(0, chosen))
        # Several articles are a list of teasers; one that holds little is not the content.
        if best >= 0.5 * _visible_length(chosen) or (chosen is whole and best >= 0.25 * total > 0):
            chosen = element
    return chosen


def _candidates(whole: HtmlElement) -> Iterator[list[HtmlElement]]:
    yield whole.xpath(".//main|.//*[@role='main']")
    yield whole.xpath(".//article|.//*[@itemprop='articleBody']")


def _visible_length(element: HtmlElement) -> int:
    """Characters of text, where the words of links count little: navigation is links."""
    text = sum(len(t.strip()) for t in element.itertext())
    linked = sum(len(t.strip()) for a in element.iter("a") for t in a.itertext())
    return text - linked * 3 // 4


def _drop_all(elements: list[HtmlElement], *, count: bool = False) -> int:
    words = 0
    for element in elements:
        if element.getparent() is None:
            continue
        if count and isinstance(element.tag, str) and element.tag not in _DROPPED:
            words += sum(len(text.split()) for text in element.itertext())
        element.drop_tree()
    return words


def _is_hidden(element: HtmlElement, hidden_by_sheet: frozenset[str]) -> bool:
    if not isinstance(element.tag, str):
        return True  # a comment or a processing instruction
    if element.tag in {"noscript", "template", "meta", "script"}:
        return True
    if element.tag in {"html", "body"}:
        return False
    attributes = element.attrib
    if not attributes and element.tag not in hidden_by_sheet:
        return False
    # hidden="until-found" is shown to whoever looks for it.
    if "hidden" in attributes and attributes["hidden"].lower() != "until-found":
        return True
    if attributes.get("aria-hidden", "").lower() == "true":
        return True
    style = attributes.get("style", "")
    return bool(style and _style_hides(style, element)) or _sheet_hides(element, hidden_by_sheet)


def _style_hides(style: str, element: HtmlElement | None) -> bool:
    flat = re.sub(r"\s+", "", _CSS_COMMENT.sub("", style)).lower()
    if _HIDDEN_STYLE.search(flat) or (_FADED_STYLE.search(flat) and not _MOVES.search(flat)):
        return True
    colour = _COLOUR.search(flat)
    if colour is None:
        return False
    ground = _BACKGROUND.search(flat)
    if ground is not None:
        return ground.group(1) == colour.group(1) or bool(
            _IS_WHITE.match(colour.group(1)) and _IS_WHITE.match(ground.group(1))
        )
    return bool(_IS_WHITE.match(colour.group(1))) and not _stands_on_colour(element)


def _stands_on_colour(element: HtmlElement | None) -> bool:
    """Whether an ancestor's style gives the white text something to stand out from."""
    while element is not None and (element := element.getparent()) is not None:
        ground = _BACKGROUND.search(re.sub(r"\s+", "", element.get("style", "")).lower())
        if ground is not None:
            return not _IS_WHITE.match(ground.group(1))
    return False


def _sheet_rules(root: HtmlElement) -> frozenset[str]:
    """Simple selectors (tag, .class, #id) that the page's own style elements hide."""
    found: set[str] = set()
    for sheet in root.iter("style"):
        css = _CSS_COMMENT.sub("", (sheet.text or "")[:100_000])
        for selectors, body in _CSS_RULE.findall(css):
            if _style_hides(body, None) and "@media" not in selectors:
                names = (part.strip() for part in selectors.split(","))
                found.update(name for name in names if _SIMPLE_SELECTOR.fullmatch(name))
    return frozenset(found)


def _sheet_hides(element: HtmlElement, rules: frozenset[str]) -> bool:
    if not rules:
        return False
    names = [f".{name}" for name in element.get("class", "").split()]
    if "id" in element.attrib:
        names.append(f"#{element.attrib['id']}")
    tag = str(element.tag)
    return tag in rules or any(name in rules or tag + name in rules for name in names)


def _is_boilerplate(element: HtmlElement, root: HtmlElement) -> bool:
    if not isinstance(element.tag, str) or element is root or element.tag in {"html", "body"}:
        return False
    tag = element.tag
    if tag in _DROPPED or element.get("role", "").lower() in _ROLES:
        # Some frameworks wrap the whole page in a form; and where the tags of head and body are
        # left out, as they may be, libxml2 keeps a <main> that follows the title in the head.
        return tag not in {"form", "head"} or not _holds_content(element)
    if tag == "button":
        return not any(a.tag in _HEADINGS or a.tag == "summary" for a in element.iterancestors())
    if tag == "sup":
        return bool(_FOOTNOTE_MARK.fullmatch("".join(element.itertext())))
    names = f"{element.get('class', '')} {element.get('id', '')}".split()
    if tag == "aside":
        return not any(_CONTENT_ASIDE.search(name) for name in names)
    if tag == "header":
        return not any(el.tag in _HEADINGS for el in element.iter("h1", "h2")) or _is_site(element)
    if tag in _HEADINGS or tag in {"main", "article", "section"}:
        return False
    return any(_BOILERPLATE.match(name) for name in names) and not _holds_content(element)


def _is_site(header: HtmlElement) -> bool:
    """A header outside main and article, beside one of them, belongs to the site."""
    if any(a.tag in {"main", "article", "section"} for a in header.iterancestors()):
        return False
    body = header.getroottree().getroot()
    return any(True for _ in body.iter("main", "article"))


def _holds_content(element: HtmlElement) -> bool:
    """A wrapper with an innocent name that happens to be on the list, such as #contents."""
    if next(element.iter("h1", "main", "article"), None) is not None:
        return True
    return next(element.iter("h2"), None) is not None and len(list(element.iter("p"))) >= 3
