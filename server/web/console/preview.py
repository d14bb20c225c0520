"""Trying settings before they are saved: one question, answered as typed and as saved.

Nothing is written: no turn, no visitor. Only the reply is worked out, as a visitor would get it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from flask import Response, current_app, request
from flask.blueprints import BlueprintSetupState

from server.answering.answer import Outcome, answer, persona_of
from server.answering.curated import CuratedAnswers
from server.errors import AppError, Unavailable
from server.llm.chat_model import EngineChatModel
from server.prompt import build_messages
from server.store.assistants import Assistant, AssistantSettings
from server.visible_text import storable
from server.web import auth
from server.web.console.settings import FIELDS, settings_page, typed_settings, wrong_fields
from server.web.console.shell import assistant_at, blueprint, is_htmx, show
from server.web.limits import Limit

# Two answers each: as much work as a visitor's 20 questions.
_PER_MINUTE = 10
# What decides a reply; the rest is brand, which the widget's preview shows.
_DECIDES = ("about", "tone", "guidelines", "guardrails", "refusal", "greeting", "contact")
_CROWDED = 1 / 3


@dataclass(frozen=True, slots=True)
class Prompt:
    """The system prompt as it is sent; `tokens` and `room` where the model's tokenizer is here."""

    text: str
    tokens: int | None = None
    room: int | None = None

    @property
    def share(self) -> float | None:
        """How much of the model's context it takes, before any fact or question."""
        return self.tokens / self.room if self.tokens is not None and self.room else None

    @property
    def is_crowded(self) -> bool:
        return self.share is not None and self.share > _CROWDED


@dataclass(frozen=True, slots=True)
class Tried:
    """What one version of the settings came to: an outcome, or the error instead of it."""

    title: str
    prompt: Prompt
    outcome: Outcome | None = None
    error: AppError | None = None


@blueprint.record_once
def _limit(state: BlueprintSetupState) -> None:
    state.app.extensions["parlance.previews"] = Limit(_PER_MINUTE)


@blueprint.post("/<key>/settings/preview")
@auth.require("reviewer")
def preview_settings(key: str) -> Response:
    """Answer a question with the settings as typed, beside the saved ones where they differ."""
    assistant = assistant_at(key)
    question = storable(request.form.get("question", "")).strip()
    # A reviewer's browser does not send the fields, which are locked: what is saved stands.
    given = {name: value for name, value in typed_settings().items() if name in request.form}
    wrong = wrong_fields(assistant, given) | _wrong_question(question)
    if wrong:
        return _told(assistant, question, wrong=wrong)
    previews: Limit = current_app.extensions["parlance.previews"]
    previews.hit(auth.actor())
    typed = _as_typed(assistant, given)
    if _answers_alike(typed, assistant):
        return _told(assistant, question, [_try("As saved", assistant, question)])
    tried = [_try("As typed", typed, question), _try("As saved", assistant, question)]
    return _told(assistant, question, tried)


def _as_typed(assistant: Assistant, given: dict[str, Any]) -> Assistant:
    settings = AssistantSettings.model_validate(assistant.settings.model_dump() | given)
    name = request.form.get("name", "").strip()[:100] or assistant.name
    return replace(assistant, name=name, settings=settings)


def _answers_alike(one: Assistant, other: Assistant) -> bool:
    return one.name == other.name and all(
        getattr(one.settings, name) == getattr(other.settings, name) for name in _DECIDES
    )


def _wrong_question(question: str) -> dict[str, str]:
    longest = auth.services().settings.max_question
    if not question:
        return {"question": "Type a question to try."}
    if len(question) > longest:
        return {"question": f"It has {len(question)} characters; {longest} are possible."}
    return {}


def _try(title: str, assistant: Assistant, question: str) -> Tried:
    services = auth.services()
    prompt = _measured(assistant)
    steps = answer(
        assistant,
        question,
        retriever=services.retriever,
        voice=lambda: services.voices.voice(assistant.id),
        curated=CuratedAnswers(services.store, services.retriever),
    )
    try:
        outcome = next(step for step in steps if isinstance(step, Outcome))
    except AppError as error:
        return Tried(title, prompt, error=error)
    return Tried(title, prompt, outcome)


def _measured(assistant: Assistant) -> Prompt:
    """The system prompt and, where the engine runs here, its size."""
    system = build_messages(persona_of(assistant), "", [])[0]
    prompt = Prompt(system["content"])
    try:
        model = auth.services().voices.voice(assistant.id).model
    except Unavailable:
        return prompt
    if not isinstance(model, EngineChatModel):
        return prompt
    engine = model.engine() if callable(model.engine) else model.engine
    tokens = engine.count_tokens(prompt.text)
    return replace(prompt, tokens=tokens, room=engine.tokenizer.format.context_length)


def _told(
    assistant: Assistant,
    question: str,
    tried: list[Tried] | None = None,
    *,
    wrong: dict[str, str] | None = None,
) -> Response:
    status = 400 if wrong else 200
    shown: dict[str, Any] = {"status": status, "question": question, "tried": tried or []}
    if is_htmx():
        return show("_tried.html", FIELDS=FIELDS, wrong=wrong or {}, is_part=True, **shown)
    return settings_page(assistant, wrong=wrong, **shown)
