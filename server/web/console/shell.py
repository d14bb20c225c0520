"""What every console page stands in: the blueprint, the frame, notices and error answers."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for

from server import visible_text
from server.errors import AppError
from server.store.assistants import Assistant
from server.store.overview import Overview
from server.web import auth
from server.web.console import wording

_STATIC = Path(__file__).resolve().parent.parent / "static"

blueprint = Blueprint(
    "console",
    __name__,
    url_prefix="/console",
    template_folder="../templates",
    static_folder="../static",
    static_url_path="/static",
)
blueprint.before_request(auth.protect)

_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; frame-src 'self'; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types htmx"
)

# What a page may say after an act; the address carries only the word, never the sentence.
_NOTICES = {
    "added": "Added. Reading begins now.",
    "again": "It is being read again.",
    "assistant": "The assistant is ready. Add a source next, so that it has something to say.",
    "cancelled": "Cancelled. What was read so far is kept.",
    "curated": "Stored. The next visitor who asks this gets that answer, word for word.",
    "curated-on": "Switched on again. It answers from the next question on.",
    "curated-removed": "Removed, with its log. The conversations stay.",
    "curated-saved": "Saved. It answers so from the next question on.",
    "curated-threshold": "Saved. It counts from the next question on.",
    "canary": "It answers its share of the visitors from their next turn on.",
    "canary-stopped": "Stopped. What was active answers everybody again.",
    "check-added": "It is on the list. The next run asks it.",
    "check-changed": "Changed. The next run asks it so.",
    "check-run": "The list is being asked.",
    "check-run-cancelled": "Cancelled. What was asked so far is kept.",
    "checks-imported": "The questions are on the list. The next run asks them.",
    "examples": "The example replies are in.",
    "judged": "Your verdict is stored.",
    "nothing-waiting": "Nothing waits for review. Well done.",
    "password": "Your password is changed, and you are signed out everywhere else.",
    "planned": "Saved. It goes so from now on.",
    "promoted": "Promoted. It answers from the next turn on.",
    "removed": "Removed, with its pages and passages.",
    "rolled-back": "Rolled back. The earlier voice answers from the next turn on.",
    "run": "The run is queued.",
    "run-cancelled": "The run is being cancelled.",
    "saved": "Saved. The widget shows it from the next page load on.",
    "topic-named": "Named. The topic keeps this name.",
    "taken-in": "Taken back in. The next run learns from it.",
    "signed-out": "You are signed out.",
    "signed-out-everywhere": "Signed out everywhere.",
}


def show(template: str, *, status: int = 200, **context: Any) -> Response:
    """Render a console page (or, for htmx, a part of one)."""
    response = make_response(render_template(f"console/{template}", **context), status)
    response.headers["Cache-Control"] = "no-store"
    # The same address answers htmx with a part and everybody else with the page.
    response.headers["Vary"] = "HX-Request, Cookie"
    return response


def back_to(endpoint: str, *, done: str | None = None, **values: Any) -> Response:
    """Redirect after a state change, so that a reload repeats nothing."""
    address = url_for(f"console.{endpoint}", done=done, **values)
    if is_htmx():
        return Response(status=204, headers={"HX-Redirect": address})
    return make_response(redirect(address, 303))


def is_htmx() -> bool:
    return request.headers.get("HX-Request") == "true"


def assistant_at(key: str) -> Assistant:
    """The assistant that the address names; NotFound otherwise."""
    return auth.services().store.assistants.by_key(key)


@blueprint.app_template_global("asset")
def asset(name: str) -> str:
    """The address of a static file, with its content's hash, so that caches never go stale."""
    return url_for("console.static", filename=name, v=_hash(name))


@blueprint.context_processor
def frame() -> dict[str, Any]:
    """What the frame of a signed-in page needs: who, which assistants, which one."""
    person = auth.person()
    context: dict[str, Any] = {
        "person": person,
        "allowed": auth.is_allowed,
        "csrf_token": auth.csrf_token,
        "notice": _NOTICES.get(request.args.get("done", "")),
    }
    if person is not None:
        store = auth.services().store
        assistants = store.assistants.all()
        chosen = next(
            (a for a in assistants if a.key == (request.view_args or {}).get("key")), None
        )
        waiting = Overview(store.database).waiting(chosen.id) if chosen else 0
        context |= {"assistants": assistants, "chosen": chosen, "waiting": waiting}
    return context


@blueprint.errorhandler(auth.NotSignedIn)
def ask_to_sign_in(error: auth.NotSignedIn) -> Response:
    wanted = request.full_path.rstrip("?") if request.method == "GET" else None
    address = url_for("console.sign_in", next=wanted)
    if is_htmx():
        return Response(error.message, 401, {"HX-Redirect": address})
    return make_response(redirect(address, 303))


@blueprint.errorhandler(AppError)
def explain(error: AppError) -> Response:
    """Say what went wrong: a sentence for htmx (shown as a notice), a page for everybody else."""
    if is_htmx():
        return Response(str(error), error.status, content_type="text/plain; charset=utf-8")
    page = render_template(
        "error.html", status=error.status, message=error.message, hint=error.hint
    )
    return make_response(page, error.status)


@blueprint.after_request
def restrict(response: Response) -> Response:
    """The console's own, stricter policy: no inline code, and only htmx may make markup of text."""
    response.headers.setdefault("Content-Security-Policy", _POLICY)
    return response


@cache
def _hash(name: str) -> str:
    path = _STATIC / name
    return sha256(path.read_bytes()).hexdigest()[:12] if path.is_file() else "none"


for _filter in (
    wording.ago,
    wording.moment,
    visible_text.parts,
    wording.changes,
    wording.percent,
    wording.figure,
    wording.host_of,
    wording.safe_link,
    wording.signal_figures,
):
    blueprint.app_template_filter(_filter.__name__)(_filter)
