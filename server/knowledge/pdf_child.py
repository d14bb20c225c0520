"""The child that opens PDFs: bytes on stdin, one JSON object on stdout.

Run by path, not by module: it must not import the server, whose memory counts against its limit.
"""

from __future__ import annotations

import ctypes
import json
import resource
import sys
from typing import Any

_MEMORY = 1 << 30
_SECONDS = 30
_MOST_PAGES = 3_000
_MOST_CHARACTERS = 20_000_000
_WHITE = 250
_SMALLEST = 1.5  # points


def main() -> None:
    """Answer {"title", "pages", "hidden"} or {"error"}."""
    body = sys.stdin.buffer.read()
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.stdout.write(json.dumps(_read(body)))


def _read(body: bytes) -> dict[str, Any]:
    import pypdfium2 as pdfium  # type: ignore[import-untyped]  # after the limits are set

    try:
        document = pdfium.PdfDocument(body)
    except pdfium.PdfiumError as error:
        return {"error": "password" if "password" in str(error).lower() else "broken"}
    if len(document) > _MOST_PAGES:
        return {"error": "pages"}
    pages: list[str] = []
    hidden = total = 0
    for index in range(len(document)):
        text, unseen = _page_text(document, index)
        hidden += unseen
        total += len(text)
        pages.append(text)
        if total > _MOST_CHARACTERS:
            break
    title = document.get_metadata_dict().get("Title", "")
    return {"title": title, "pages": pages, "hidden": hidden}


def _page_text(document: Any, index: int) -> tuple[str, int]:
    import pypdfium2 as pdfium

    try:
        page = document[index]
        textpage = page.get_textpage()
    except pdfium.PdfiumError:
        return "", 0  # one broken page must not cost the others
    try:
        return _visible_text(textpage)
    finally:
        textpage.close()
        page.close()


def _visible_text(textpage: Any) -> tuple[str, int]:
    """The text of a page without what is white or too small to be read."""
    text = textpage.get_text_range()
    count = textpage.count_chars()
    unseen = [i for i in range(count) if _is_unseen(textpage.raw, i)]
    if not unseen:
        return text, 0
    import pypdfium2.raw as raw  # type: ignore[import-untyped]

    doomed = set(unseen)
    kept = (raw.FPDFText_GetUnicode(textpage.raw, i) for i in range(count) if i not in doomed)
    return "".join(chr(code) for code in kept if 0 < code < 0x110000), len(unseen)


def _is_unseen(textpage: Any, index: int) -> bool:
    import pypdfium2.raw as raw

    if raw.FPDFText_IsGenerated(textpage, index) == 1:
        return False
    channels = [ctypes.c_uint() for _ in range(4)]
    if not raw.FPDFText_GetFillColor(textpage, index, *(ctypes.byref(c) for c in channels)):
        return False
    red, green, blue, alpha = (c.value for c in channels)
    if min(red, green, blue) >= _WHITE or alpha < 10:
        return True
    # Size as drawn: the font's own size is often 1 and scaled by the text matrix.
    box = raw.FS_RECTF()
    if not raw.FPDFText_GetLooseCharBox(textpage, index, ctypes.byref(box)):
        return False
    return bool(0 < box.top - box.bottom < _SMALLEST)


if __name__ == "__main__":
    main()
