"""Token ids to a clean stream of text: whole characters, stop strings, no endless repetition.

Pure and single-threaded; the engine's driver owns one `TextStream` per generation.
"""

import codecs
import re
from collections.abc import Callable, Sequence

_SENTENCE_END = re.compile(r"[.!?\n]+[\s\"')\]]*|[。！？]+")
# Shorter sentences ("Yes.", "1.") may come twice in a good answer.
_SHORTEST_REPEAT = 16
_LOOP_TOKENS = 24
_LONGEST_LOOP = 8


class TextStream:
    """Turns the tokens of one generation into text that is safe to show.

    `push` returns what may be shown now. Text is held back while it could still become part of a
    longer character, of a stop string, or of a sentence the reply has already said.
    `ended` names the reason once the text itself ended the reply: "stop" or "repetition".
    """

    def __init__(
        self,
        decode_token: Callable[[int], bytes],
        *,
        stop: Sequence[str] = (),
        stop_on_repeat: bool = True,
    ) -> None:
        self.ended: str | None = None
        self._decode_token = decode_token
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="ignore")
        self._stop = tuple(filter(None, stop))
        self._watch = stop_on_repeat
        self._tokens: list[int] = []
        self._said: set[str] = set()
        self._sentence = ""
        self._held = ""

    def push(self, token: int) -> str:
        """Take one token; return the text that may be shown now (often empty)."""
        if self.ended:
            return ""
        self._tokens.append(token)
        self._held += self._decoder.decode(self._decode_token(token))
        shown = self._cut_at_stop()
        if self.ended is None and self._watch:
            shown = self._cut_at_repeat(shown)
            if _loops(self._tokens):
                self.ended = "repetition"
        self._held = self._held[len(shown) :]
        return shown

    def finish(self) -> str:
        """Return what was still held back when the model itself ended the reply."""
        if self.ended:
            return ""
        rest, self._held = self._held, ""
        if self._watch and _normal(self._sentence + rest) in self._said:
            self.ended = "repetition"
            return ""
        return rest

    def _cut_at_stop(self) -> str:
        """Return the held text up to a stop string, or up to what may become one."""
        found = [at for at in (self._held.find(text) for text in self._stop) if at >= 0]
        if found:
            self.ended = "stop"
            return self._held[: min(found)]
        keep = max((_overlap(self._held, text) for text in self._stop), default=0)
        return self._held[: len(self._held) - keep]

    def _cut_at_repeat(self, text: str) -> str:
        """Return `text` without a sentence that was said before, complete or in the making."""
        shown = ""
        while match := _SENTENCE_END.search(text, 0):
            sentence = _normal(self._sentence + text[: match.end()])
            if sentence in self._said:
                self.ended = "repetition"
                return shown
            if len(sentence) >= _SHORTEST_REPEAT:
                self._said.add(sentence)
            shown += text[: match.end()]
            text, self._sentence = text[match.end() :], ""
        begun = _normal(self._sentence + text)
        if not self._sentence and any(old.startswith(begun) for old in self._said):
            return shown
        self._sentence += text
        return shown + text


def _normal(sentence: str) -> str:
    return " ".join(sentence.split()).casefold()


def _overlap(text: str, stop: str) -> int:
    """Length of the longest end of `text` that begins `stop`."""
    longest = min(len(text), len(stop) - 1)
    return next((n for n in range(longest, 0, -1) if text.endswith(stop[:n])), 0)


def _loops(tokens: Sequence[int]) -> bool:
    """Whether the last tokens are one short phrase over and over."""
    tail = tokens[-_LOOP_TOKENS:]
    if len(tail) < _LOOP_TOKENS:
        return False
    return any(tail[size:] == tail[:-size] for size in range(1, _LONGEST_LOOP + 1))
