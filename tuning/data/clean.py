"""Hidden characters: what a reviewer cannot see must not be learnt (hardening A67)."""

from __future__ import annotations

import re
import unicodedata

from server.visible_text import deceives, strip_invisible

# A chat's own control tokens, such as <|im_end|>.
_CONTROL = re.compile(r"<\|[^|<>\s]{1,40}\|>")


def cleaned(text: str) -> str | None:
    """The text in NFC without blank characters; None if it deceives the eye or speaks protocol."""
    if deceives(text) or _CONTROL.search(text):
        return None
    shown = unicodedata.normalize("NFC", strip_invisible(text)[0]).replace("\r\n", "\n")
    return shown.replace("\r", "\n").strip()
