"""What one model says: answers through the serving engine, drafts without facts, the probe set."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from server.llm.adapters import probe, reply_params, room_of
from server.llm.chat_model import EngineChatModel
from server.llm.engine import Engine
from server.llm.voice import Voice
from server.retrieval.hybrid import Retriever
from server.store.assistants import Assistant
from tuning.evaluation.answers import TOGETHER, Answered, ask_all
from tuning.evaluation.asked import Asked, Messages

Item = TypeVar("Item")
Said = TypeVar("Said")
_Ask = Callable[[str, Sequence[str], Retriever], list[Answered]]

# (model, what was asked of it, the prompt or question) -> what it said.
Kept = dict[tuple[str, str, str], Any]

_DRAFT_TOKENS = 48
_PLAIN_TOKENS = 32


@dataclass(slots=True)
class Spoken:
    """What one model said. `style`: to training questions, where it was asked; `leaks`, `plain`:
    raw drafts to the leak probes and to the ordinary questions of the trigger scan; `speed`:
    tokens a second of each probe, the reading of its prompt included."""

    held_out: list[Answered] = field(default_factory=list)
    facts: list[Answered] = field(default_factory=list)
    gone: list[Answered] = field(default_factory=list)
    style: list[Answered] = field(default_factory=list)
    leaks: list[str] = field(default_factory=list)
    plain: list[str] = field(default_factory=list)
    probes: list[str] = field(default_factory=list)
    speed: list[float] = field(default_factory=list)

    @property
    def answerable(self) -> list[Answered]:
        """Answers to questions whose answer the content holds."""
        return [*self.held_out, *self.facts]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """Asks one model after the other. `hiding` finds nothing of a question's own section; `kept`
    holds what was said already."""

    assistant: Assistant
    asked: Asked
    retriever: Retriever
    hiding: Retriever
    plain: Sequence[Messages]
    threads: int
    max_tokens: int
    note: Callable[[str], None]
    kept: Kept = field(default_factory=dict)

    def listen(
        self, model_dir: Path, manner: frozenset[str], *, answers: bool = True, style: bool = False
    ) -> Spoken:
        """Have a model answer. `answers`: to all questions, otherwise to those that the base is
        needed for; `style`: to the training questions that the style classifier learns from."""
        engine = Engine(model_dir, threads=self.threads)
        try:
            params = reply_params(self.max_tokens)
            model = EngineChatModel(engine=engine, params=params)
            voice = Voice(model, None, manner, room_of(engine, params))
            said = Spoken()
            ask = partial(self._ask, str(model_dir), voice)
            if answers:
                self._answer(said, ask)
            if style:
                questions = [p.question for p in self.asked.style]
                said.style = ask("training questions", questions, self.retriever)
            self.note("questions without their facts")
            write = partial(self._draft, str(model_dir), engine)
            said.leaks = write([p.prompt for p in self.asked.leaks], _DRAFT_TOKENS)
            said.plain = write(self.plain, _PLAIN_TOKENS)
            self.note("probes")
            said.probes, said.speed = _probed(engine, self.asked.probes)
            return said
        finally:
            engine.close()

    def _answer(self, said: Spoken, ask: _Ask) -> None:
        asked = self.asked
        questions = [p.question for p in asked.questions]
        said.held_out = ask("held-out questions", questions, self.retriever)
        facts = [f.question for f in asked.facts]
        said.facts = ask("factual questions", facts, self.retriever)
        gone = [f.question for f in asked.gone]
        said.gone = ask("questions without their section", gone, self.hiding)

    def _ask(
        self, model: str, voice: Voice, note: str, questions: Sequence[str], retriever: Retriever
    ) -> list[Answered]:
        self.note(note)
        kind = "gone" if retriever is self.hiding else "asked"

        def put(some: Sequence[str]) -> list[Answered]:
            return ask_all(self.assistant, some, retriever=retriever, voice=voice)

        return self._once(model, kind, questions, questions, put)

    def _draft(
        self, model: str, engine: Engine, prompts: Sequence[Messages], tokens: int
    ) -> list[str]:
        spelled = [json.dumps(prompt) for prompt in prompts]

        def put(some: Sequence[Messages]) -> list[str]:
            return drafts(engine, some, tokens)

        return self._once(model, f"drafts of {tokens}", spelled, prompts, put)

    def _once(
        self,
        model: str,
        kind: str,
        names: Sequence[str],
        items: Sequence[Item],
        put: Callable[[Sequence[Item]], list[Said]],
    ) -> list[Said]:
        """Put those of the items that were not put before, and return what is said to all."""
        keys = [(model, kind, name) for name in names]
        fresh = {k: i for k, i in zip(keys, items, strict=True) if k not in self.kept}
        self.kept.update(zip(fresh, put(list(fresh.values())), strict=True))
        return [self.kept[key] for key in keys]


def drafts(engine: Engine, prompts: Sequence[Messages], tokens: int) -> list[str]:
    """A model's own words to each prompt, unchecked, as replies are generated."""
    params = reply_params(tokens)
    found: list[str] = []
    for first in range(0, len(prompts), TOGETHER):
        some = prompts[first : first + TOGETHER]
        open_ones = [engine.generate(engine.encode_chat(prompt), params) for prompt in some]
        found += [generation.text() for generation in open_ones]
    return found


def _probed(engine: Engine, prompts: Sequence[Messages]) -> tuple[list[str], list[float]]:
    """The replies to the probe set, one after the other, and the tokens a second of each."""
    replies, speed = [], []
    for prompt in prompts:
        began = time.perf_counter()
        replies += probe(engine, [prompt])
        spent = time.perf_counter() - began
        speed.append(engine.count_tokens(replies[-1]) / spent)
    return replies, speed
