"""Settings of an assistant: brand, manner, limits, origins. Errors stand at their field."""

from __future__ import annotations

from typing import Any

from flask import Response, request
from pydantic import ValidationError

from server.store.assistants import Assistant, AssistantSettings
from server.web import auth
from server.web.console.home import embed_tag
from server.web.console.shell import assistant_at, back_to, blueprint, show

_LISTS = ("origins", "suggested_prompts", "guidelines", "guardrails")
_OPTIONAL = ("logo_url", "privacy_url")
_TEXTS = (
    *("color", "position", "theme", "greeting", "placeholder"),
    *("about", "tone", "refusal", "contact"),
)
# Every field by its name on screen: errors are told with it.
FIELDS = {
    "name": "Name",
    "color": "Colour",
    "position": "Position",
    "theme": "Theme",
    "logo_url": "Logo address",
    "greeting": "Greeting",
    "placeholder": "Text in the empty field",
    "suggested_prompts": "Suggested questions",
    "privacy_url": "Privacy page",
    "about": "About you",
    "tone": "Tone",
    "guidelines": "Guidelines",
    "guardrails": "Guardrails",
    "refusal": "When it does not know",
    "contact": "Talk to a person",
    "origins": "Allowed origins",
    "question": "Question",
}


@blueprint.get("/<key>/settings")
@auth.require("viewer")
def settings(key: str) -> Response:
    return settings_page(assistant_at(key))


@blueprint.post("/<key>/settings")
@auth.require("owner")
def save_settings(key: str) -> Response:
    """Store all fields, or none and say at each wrong one what is wrong."""
    assistant, store = assistant_at(key), auth.services().store
    given = typed_settings()
    wrong = wrong_fields(assistant, given)
    name = request.form.get("name", "").strip()
    if not 0 < len(name) <= 100:
        wrong["name"] = "Give it a name of 1 to 100 characters."
    if wrong:
        return settings_page(assistant, _typed(), status=400, wrong=wrong)
    before = assistant.settings.model_dump()
    store.assistants.change(key, given)
    if name != assistant.name:
        store.assistants.rename(key, name)
    changed = sorted(field for field, value in given.items() if before[field] != value)
    store.audit.add(auth.actor(), "assistant.change", assistant.id, fields=changed)
    return back_to("settings", key=key, done="saved")


def settings_page(
    assistant: Assistant,
    values: dict[str, str] | None = None,
    *,
    status: int = 200,
    wrong: dict[str, str] | None = None,
    **tried: Any,
) -> Response:
    """The page with what was typed (else what is saved), and what a question came to, if any."""
    return show(
        "settings.html",
        status=status,
        assistant=assistant,
        values=values or _shown(assistant),
        wrong=wrong or {},
        FIELDS=FIELDS,
        tag=embed_tag(assistant),
        **tried,
    )


def typed_settings() -> dict[str, Any]:
    """The form's fields as the settings' types."""
    form = request.form
    values: dict[str, Any] = {name: form.get(name, "").strip() for name in _TEXTS}
    values |= {name: form.get(name, "").strip() or None for name in _OPTIONAL}
    return values | {name: _lines(form.get(name, "")) for name in _LISTS}


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def wrong_fields(assistant: Assistant, given: dict[str, Any]) -> dict[str, str]:
    """What is wrong, by field."""
    try:
        AssistantSettings.model_validate(assistant.settings.model_dump() | given)
    except ValidationError as error:
        return {str(e["loc"][0]): _plain(str(e["type"]), str(e["msg"])) for e in error.errors()}
    return {}


def _plain(kind: str, message: str) -> str:
    if kind == "string_pattern_mismatch":
        return "That does not look right; see the example."
    return message.removeprefix("Value error, ").rstrip(".") + "."


def _shown(assistant: Assistant) -> dict[str, str]:
    stored = assistant.settings.model_dump()
    values = {name: str(stored[name] or "") for name in (*_TEXTS, *_OPTIONAL)}
    return values | {"name": assistant.name} | {n: "\n".join(stored[n]) for n in _LISTS}


def _typed() -> dict[str, str]:
    return {n: request.form.get(n, "") for n in ("name", *_TEXTS, *_OPTIONAL, *_LISTS)}
