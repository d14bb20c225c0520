"""Shingles: texts as sets of every three words in a row, and what of them is mere manner."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from server.answering.words import tokens
from tuning.data.context import sentences_of

LENGTH = 3
# What stands in so many replies - a greeting, a sign-off - tells no two of them apart.
_MANNER_SHARE = 0.05
_MANNER_LEAST = 3


def shingles(text: str) -> set[str]:
    """Every three words in a row; the whole text if it is no longer than that."""
    words = tokens(text)
    if len(words) <= LENGTH:
        return {" ".join(words)}
    return {" ".join(words[n : n + LENGTH]) for n in range(len(words) - LENGTH + 1)}


def without_manner(texts: Sequence[str]) -> list[set[str]]:
    """The shingles of some replies but for those that very many of them share."""
    sets = [shingles(text) for text in texts]
    counts = Counter(shingle for own in sets for shingle in own)
    manner = max(_MANNER_LEAST, _MANNER_SHARE * len(texts))
    plain = [{s for s in own if counts[s] <= manner} for own in sets]
    # Where nothing but manner is left, the whole text is what identifies it.
    return [own or {text.lower().strip()} for own, text in zip(plain, texts, strict=True)]


def cores(texts: Sequence[str]) -> list[str]:
    """Replies without the sentences that very many of them share; whole where nothing is left."""
    split = [sentences_of(text) for text in texts]
    counts = Counter(key for own in split for key in {_key(s) for s in own})
    manner = max(_MANNER_LEAST, _MANNER_SHARE * len(texts))
    kept = [" ".join(s for s in own if counts[_key(s)] <= manner) for own in split]
    return [core or text for core, text in zip(kept, texts, strict=True)]


def _key(sentence: str) -> str:
    return " ".join(tokens(sentence))
