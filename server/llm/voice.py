"""A voice: who speaks for an assistant at this moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from langchain_core.language_models import BaseChatModel

from server.prompt import Room


@dataclass(frozen=True, slots=True)
class Voice:
    """A chat model with its adapter's digest (None: the base model) and the owner's manner.

    `words`: stems that belong to the manner of speaking and need no evidence (`voice_words`).
    `room`: what the model holds; None if that is not known.
    """

    model: BaseChatModel
    digest: str | None = None
    words: frozenset[str] = frozenset()
    room: Room | None = None


class Voices(Protocol):
    """Gives the voice that is active for an assistant."""

    def voice(self, assistant_id: str) -> Voice:
        """Raise Unavailable if no model can answer at the moment."""


class FixedVoices:
    """One model for every assistant: a server elsewhere, which looks after its own adapters."""

    def __init__(self, model: BaseChatModel, *, room: Room | None = None) -> None:
        self._voice = Voice(model, room=room)

    def voice(self, assistant_id: str) -> Voice:
        return self._voice
