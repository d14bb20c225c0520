"""Hidden characters: what a reviewer cannot see must not be learnt (hardening A67)."""

from __future__ import annotations

import re
import unicodedata

# Shown as nothing and without meaning in a reply: taken out.
_BLANK = re.compile("[\u00ad\u200b\u2060\ufeff]")
# Text that reads otherwise than it is stored: reordering marks, the tag alphabet, controls.
_DECEIVING = re.compile(
    "[\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]"
)
# A chat's own control tokens, such as <|im_end|>.
_CONTROL = re.compile(r"<\|[^|<>\s]{1,40}\|>")


def cleaned(text: str) -> str | None:
    """The text in NFC without blank characters; None if it deceives the eye or speaks protocol."""
    if _DECEIVING.search(text) or _CONTROL.search(text):
        return None
    shown = unicodedata.normalize("NFC", _BLANK.sub("", text)).replace("\r\n", "\n")
    return shown.replace("\r", "\n").strip()
