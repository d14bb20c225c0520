"""The public API that the widget speaks: by assistant key, origin-checked, rate-limited."""

from __future__ import annotations

import hmac
import re
import secrets
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Flask, Response, current_app, g, jsonify, request
from flask.typing import ResponseReturnValue

from server.answering.freshness import as_they_stand
from server.answering.related import told_beside
from server.config import Settings
from server.errors import Invalid, NotFound, Refused
from server.services import Services
from server.store.assistants import Assistant
from server.store.conversations import Conversation, Turn
from server.visible_text import storable
from server.web import sse
from server.web.limits import Limit, TooManyRequests

blueprint = Blueprint("chat_api", __name__, url_prefix="/api/v1/assistants/<key>")

_LARGEST_BODY = 1024 * 1024
_LONGEST_KEY = 128


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one visitor address."""

    turns: Limit
    conversations: Limit


def set_up(app: Flask, settings: Settings) -> None:
    """Make the limits of an application."""
    app.extensions["parlance.limits"] = Limits(
        Limit(settings.rate_turns), Limit(settings.rate_conversations)
    )


@blueprint.before_request
def _check_origin() -> ResponseReturnValue | None:
    request.max_content_length = _LARGEST_BODY
    origin = request.headers.get("Origin")
    if origin is not None and not _is_allowed(origin, _assistant()):
        raise Refused(
            "This site may not show this assistant.",
            hint=f"Its owner can add {origin[:200]} to the allowed origins in the console.",
        )
    if request.method == "OPTIONS":
        return Response(status=204)
    return None


@blueprint.after_request
def _allow_origin(response: Response) -> Response:
    response.headers.add("Vary", "Origin")
    origin = request.headers.get("Origin")
    if origin is not None and response.status_code != 403:
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Allow-Methods"] = "GET, POST, OPTIONS"
        response.headers["Access-Control-Allow-Headers"] = (
            "Authorization, Content-Type, Idempotency-Key, Last-Event-ID"
        )
        response.headers["Access-Control-Expose-Headers"] = "Retry-After"
        response.headers["Access-Control-Max-Age"] = "600"
    return response


@blueprint.errorhandler(TooManyRequests)
def _slow_down(error: TooManyRequests) -> ResponseReturnValue:
    body = {"error": {"code": error.code, "message": error.message, "hint": error.hint}}
    return jsonify(body), error.status, {"Retry-After": str(error.seconds)}


@blueprint.get("/config")
def config(key: str) -> ResponseReturnValue:
    assistant = _assistant()
    chosen = assistant.settings
    return jsonify(
        key=assistant.key,
        name=assistant.name,
        greeting=chosen.greeting,
        placeholder=chosen.placeholder,
        suggested_prompts=chosen.suggested_prompts,
        language=chosen.language,
        brand={
            "color": chosen.color,
            "logo_url": chosen.logo_url,
            "position": chosen.position,
            "theme": chosen.theme,
        },
        privacy_url=chosen.privacy_url,
    )


@blueprint.post("/conversations")
def start_conversation(key: str) -> ResponseReturnValue:
    _limits().conversations.hit(_address())
    page = _body(empty=True).get("page_url")
    token = secrets.token_urlsafe(24)
    conversation = _services().store.conversations.start(
        _assistant().id,
        # Anonymous: a new id for each conversation. No cookie, nothing that follows a visitor.
        visitor_id=f"vis_{secrets.token_hex(12)}",
        token_hash=_hash(token),
        page_url=storable(page) if isinstance(page, str) else "",
    )
    return jsonify(conversation=conversation.id, token=token), 201


@blueprint.get("/conversations/<conversation_id>")
def show_conversation(key: str, conversation_id: str) -> ResponseReturnValue:
    conversation = _own_conversation(conversation_id)
    store, contact = _services().store, _assistant().settings.contact
    turns = as_they_stand(store.knowledge, store.conversations.turns(conversation.id))
    feedback = store.conversations.feedback([t.id for t in turns])
    return jsonify(
        conversation=conversation.id,
        turns=[
            {
                "turn": t.id,
                "question": t.question,
                "reply": t.reply,
                "label": t.label,
                "citations": t.citations,
                "status": t.status,
                "feedback": feedback.get(t.id),
                **told_beside(t, contact=contact),
            }
            for t in turns
        ],
    )


@blueprint.post("/conversations/<conversation_id>/turns")
def ask(key: str, conversation_id: str) -> ResponseReturnValue:
    conversation = _own_conversation(conversation_id)
    _limits().turns.hit(_address())
    question = _body().get("question")
    if not isinstance(question, str):
        raise Invalid('The body needs a "question".', hint='Send {"question": "..."} as JSON.')
    once = request.headers.get("Idempotency-Key")
    if once is not None and not 1 <= len(once) <= _LONGEST_KEY:
        raise Invalid(f"An Idempotency-Key has 1 to {_LONGEST_KEY} characters.")
    live = _services().chat.ask(_assistant(), conversation, question, idempotency_key=once)
    return sse.stream(live)


@blueprint.get("/turns/<turn_id>/events")
def events(key: str, turn_id: str) -> ResponseReturnValue:
    after = request.headers.get("Last-Event-ID", "0")
    if not re.fullmatch(r"[0-9]{1,9}", after):
        raise Invalid("Last-Event-ID is no number.", hint="Send the id of the last event.")
    return sse.stream(_services().chat.follow(_own_turn(turn_id)), after=int(after))


@blueprint.post("/turns/<turn_id>/stop")
def stop(key: str, turn_id: str) -> ResponseReturnValue:
    turn = _own_turn(turn_id)
    _services().chat.stop(turn)
    return jsonify(turn=turn.id, status=_services().store.conversations.turn(turn.id).status)


@blueprint.post("/turns/<turn_id>/feedback")
def give_feedback(key: str, turn_id: str) -> ResponseReturnValue:
    turn = _own_turn(turn_id)
    value = _body().get("value")
    if value not in ("up", "down", None):
        raise Invalid("Feedback is up, down or null.")
    _services().store.conversations.give_feedback(turn.id, value)
    return jsonify(turn=turn.id, feedback=value)


def _services() -> Services:
    found: Services = current_app.extensions["parlance"]
    return found


def _limits() -> Limits:
    found: Limits = current_app.extensions["parlance.limits"]
    return found


def _assistant() -> Assistant:
    if "assistant" not in g:
        key = str((request.view_args or {}).get("key", ""))
        g.assistant = _services().store.assistants.by_key(key)
    found: Assistant = g.assistant
    return found


def _own_conversation(conversation_id: str) -> Conversation:
    """The conversation if the bearer token is its own; otherwise it does not exist."""
    conversation = _services().store.conversations.get(_assistant().id, conversation_id)
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    own = hmac.compare_digest(_hash(token.strip()), conversation.token_hash)
    if scheme.lower() != "bearer" or not own:
        raise NotFound("There is no such conversation.", hint="Start a new one.")
    return conversation


def _own_turn(turn_id: str) -> Turn:
    try:
        turn = _services().store.conversations.turn(turn_id, assistant_id=_assistant().id)
        _own_conversation(turn.conversation_id)
    except NotFound:
        # The same words whether it is there or not.
        raise NotFound("There is no such turn.") from None
    return turn


def _body(*, empty: bool = False) -> dict[str, Any]:
    if empty and not request.get_data(cache=True):
        return {}
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise Invalid("The body is not a JSON object.", hint="Send Content-Type: application/json.")
    return body


def _is_allowed(origin: str, assistant: Assistant) -> bool:
    """Our own pages always; other sites if the owner lists them. "*" is no origin: none is all."""
    own = {request.host, urlsplit(_services().settings.url).netloc}
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    if parts.scheme in {"http", "https"} and parts.netloc in own:
        return True
    return origin.lower() in assistant.settings.origins


def _address() -> str:
    return request.remote_addr or "unknown"


def _hash(token: str) -> str:
    return sha256(token.encode()).hexdigest()
