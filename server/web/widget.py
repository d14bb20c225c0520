"""What the pasted tag loads, the full-page assistant, and the demo host page."""

from __future__ import annotations

from pathlib import Path

from flask import (
    Blueprint,
    Response,
    current_app,
    g,
    make_response,
    render_template,
    send_from_directory,
)
from flask.typing import ResponseReturnValue

from server.errors import NotFound, Unavailable
from server.services import Services

blueprint = Blueprint("widget", __name__)

DEMO_KEY = "demo"
_BUILT = Path(__file__).parent / "static" / "widget"


@blueprint.get("/widget.js")
def loader() -> ResponseReturnValue:
    return _built("loader.js")


@blueprint.get("/widget/<name>")
def bundle(name: str) -> ResponseReturnValue:
    return _built(name)


@blueprint.get("/a/<key>")
def page(key: str) -> ResponseReturnValue:
    """The assistant on a page of its own; the owner's sites may frame it."""
    assistant = _services().store.assistants.by_key(key)
    response = make_response(render_template("page.html", assistant=assistant))
    ancestors = " ".join(["'self'", *assistant.settings.origins])
    response.headers["Content-Security-Policy"] = (
        f"default-src 'self'; script-src 'self' 'nonce-{g.csp_nonce}'; style-src 'self'; "
        "img-src 'self' https: http: data:; connect-src 'self'; object-src 'none'; "
        f"base-uri 'none'; form-action 'none'; frame-ancestors {ancestors}; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )
    return response


@blueprint.get("/demo")
def demo() -> ResponseReturnValue:
    try:
        assistant = _services().store.assistants.by_key(DEMO_KEY)
    except NotFound:
        raise NotFound("There is no demo here.", hint="`make run` creates one.") from None
    return render_template("demo.html", assistant=assistant)


def _built(name: str) -> Response:
    if not (_BUILT / "loader.js").is_file():
        raise Unavailable("The widget is not built.", hint="Run: make widget")
    response = send_from_directory(_BUILT, name, max_age=300)
    # Any site may load these files; what they may show is decided by the assistant's origins.
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


def _services() -> Services:
    found: Services = current_app.extensions["parlance"]
    return found
