"""A voice: who speaks for an assistant at this moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

from langchain_core.language_models import BaseChatModel

from server.errors import Unavailable
from server.prompt import Room

Checker = Callable[[Sequence[str], str], float]


@dataclass(frozen=True, slots=True)
class Voice:
    """A chat model with its adapter's digest (None: the base model) and the owner's manner.

    `words`: stems that belong to the manner of speaking and need no evidence (`voice_words`).
    `room`: what the model holds; None if that is not known. `checker`: the owner's second opinion
    on a sentence, a probability that the facts entail it.
    """

    model: BaseChatModel
    digest: str | None = None
    words: frozenset[str] = frozenset()
    room: Room | None = None
    checker: Checker | None = None


class Voices(Protocol):
    """Gives the voice that is active for an assistant."""

    def voice(self, assistant_id: str, visitor_id: str | None = None) -> Voice:
        """Who answers a visitor; None: whoever asks without being one, such as staff.

        Raise Unavailable if no model can answer at the moment.
        """


@runtime_checkable
class CandidateVoices(Protocol):
    """Gives the voice of a candidate that answers nobody yet."""

    def candidate(self, adapter_id: str) -> AbstractContextManager[Voice]:
        """Its engine stays open for as long as the context lasts."""


class CheckedVoices:
    """The same voices with an owner's checker."""

    def __init__(self, voices: Voices, checker: Checker) -> None:
        self._voices = voices
        self._checker = checker

    def voice(self, assistant_id: str, visitor_id: str | None = None) -> Voice:
        return replace(self._voices.voice(assistant_id, visitor_id), checker=self._checker)

    @contextmanager
    def candidate(self, adapter_id: str) -> Iterator[Voice]:
        """A candidate's voice; Unavailable where the voices have none."""
        if not isinstance(self._voices, CandidateVoices):
            raise Unavailable("The model is served elsewhere: candidates cannot be heard here.")
        with self._voices.candidate(adapter_id) as voice:
            yield replace(voice, checker=self._checker)


class FixedVoices:
    """One model for every assistant: a server elsewhere, which looks after its own adapters."""

    def __init__(self, model: BaseChatModel, *, room: Room | None = None) -> None:
        self._voice = Voice(model, room=room)

    def voice(self, assistant_id: str, visitor_id: str | None = None) -> Voice:
        return self._voice
