"""Whether a draft refuses: by the owner's own sentence, or by the words that refusals are made of.

Drafts only: what a visitor is refused with is the gate's decision and its label says so.
"""

from __future__ import annotations

import re

from server.answering.words import content_words, likeness
from tuning.data.context import sentences_of

# Word F1 with the owner's refusal from which on a sentence is taken for it.
_ALIKE = 0.6
_REFUSES = re.compile(
    r"\b(?:i|we)(?:'m| am|'re| are)? (?:(?:very |so |really )?sorry|afraid|unable|not able)\b"
    r"|\b(?:i|we) (?:do not|don't|did not|didn't) (?:have|know|find)\b"
    r"|\b(?:i|we) (?:can ?not|can't|could not|couldn't) "
    r"(?:answer|help|assist|find|say|tell|provide|comment)\b"
    r"|\b(?:no|not any) (?:information|answer|details?) (?:on|about|to|for|is|are|was|were|in)\b"
    r"|\b(?:is|are|was|were) not (?:mentioned|covered|given|provided|stated|answered)\b"
    r"|\bunable to (?:answer|help|assist|find|provide)\b"
    r"|\bsorry, (?:but )?(?:i|we|that|this|there)\b",
    re.IGNORECASE,
)
# A refusal comes first; "If you can't find it, see ..." further down is an answer.
_FIRST = 2


def refuses(draft: str, own: str = "") -> bool:
    """Whether a draft declines to answer; `own` is the owner's refusal, in whatever language."""
    opening = [s.replace("’", "'") for s in sentences_of(draft)[:_FIRST]]
    wanted = [set(content_words(s)) | _small(s) for s in sentences_of(own)[:1]]
    return any(
        _REFUSES.search(sentence)
        or any(likeness(words, set(content_words(sentence)) | _small(sentence)) >= _ALIKE
               for words in wanted)
        for sentence in opening
    )  # fmt: skip


def _small(sentence: str) -> set[str]:
    # The small words too: "I could not find that in our pages" is made of little else.
    return set(re.findall(r"[^\W\d_]+", sentence.lower()))
