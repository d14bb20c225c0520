"""The application: blueprints, error handlers, security headers, and nothing else."""

from __future__ import annotations

import logging
import secrets
from pathlib import Path
from typing import Any

from flask import Flask, Response, g, jsonify, render_template, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.middleware.proxy_fix import ProxyFix

from server import demo
from server.errors import AppError
from server.services import Services
from server.web import (
    admin_api,
    admin_curated,
    admin_learn,
    auth,
    chat_api,
    checks_api,
    console,
    datasets_api,
    docs,
    evaluation_api,
    rollout_api,
    widget,
)

_LARGEST_UPLOAD = 51 * 1024 * 1024

log = logging.getLogger(__name__)


def create_app(services: Services) -> Flask:
    """Build the WSGI application around opened services."""
    web = Path(__file__).parent / "web"
    app = Flask("parlance", root_path=str(web), static_folder=None, template_folder="templates")
    app.extensions["parlance"] = services
    app.config["MAX_CONTENT_LENGTH"] = _LARGEST_UPLOAD
    settings = services.settings
    secret = settings.secret_key or auth.kept_once(settings.home / "secret.key")
    auth.set_up(app, settings, secret)
    chat_api.set_up(app, settings)
    if proxies := settings.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, proxies, proxies)  # type: ignore[method-assign]
    for module in (
        chat_api,
        admin_api,
        admin_curated,
        admin_learn,
        checks_api,
        datasets_api,
        evaluation_api,
        rollout_api,
        widget,
        docs,
        console,
    ):
        app.register_blueprint(module.blueprint)
    app.before_request(_make_nonce)
    app.after_request(_secure)
    app.context_processor(lambda: {"csp_nonce": g.get("csp_nonce", "")})
    app.register_error_handler(AppError, _explain)
    app.register_error_handler(HTTPException, _explain_http)
    app.register_error_handler(Exception, _explain_unforeseen)
    app.add_url_rule("/healthz", "healthz", lambda: jsonify(status="ok"))
    app.add_url_rule("/readyz", "readyz", lambda: _readiness(services))
    return app


def _readiness(services: Services) -> tuple[Response, int]:
    """200 once questions can be answered; at the first start that is when the demo is read."""
    ready = not services.settings.demo or demo.is_ready(services)
    return jsonify(status="ready" if ready else "reading"), 200 if ready else 503


def _make_nonce() -> None:
    g.csp_nonce = secrets.token_urlsafe(16)


def _secure(response: Response) -> Response:
    """Headers of every response; a view may have set stricter or wider ones itself."""
    headers = response.headers
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Referrer-Policy", "strict-origin-when-cross-origin")
    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    if "Content-Security-Policy" not in headers:
        headers["Content-Security-Policy"] = content_policy(g.get("csp_nonce", ""))
    if request.path.startswith("/api/"):
        headers.setdefault("Cache-Control", "no-store")
    return response


def content_policy(nonce: str, *, ancestors: str = "'none'") -> str:
    """The Content-Security-Policy of our own pages."""
    return (
        f"default-src 'self'; script-src 'self' 'nonce-{nonce}'; style-src 'self'; "
        "img-src 'self' https: http: data:; connect-src 'self'; object-src 'none'; "
        f"base-uri 'none'; form-action 'self'; frame-ancestors {ancestors}"
    )


def _explain(error: AppError) -> tuple[Response | str, int]:
    return _told(error.status, error.code, error.message, error.hint)


def _explain_http(error: HTTPException) -> tuple[Response | str, int]:
    status = error.code or 500
    if isinstance(error, RequestEntityTooLarge):
        return _told(status, "too_large", "That is larger than this address accepts.", "")
    code = error.name.lower().replace(" ", "_")
    return _told(status, code, f"{error.name}.", "Check the address." if status == 404 else "")


def _explain_unforeseen(error: Exception) -> tuple[Response | str, int]:
    log.exception("request to %s failed", request.path)
    hint = "Try again; the server's log says why."
    return _told(500, "error", "Something went wrong on our side.", hint)


def _told(status: int, code: str, message: str, hint: str) -> tuple[Response | str, int]:
    """One error shape for programs, one page for people."""
    if request.path.startswith(("/api/", "/v1/")) or request.is_json:
        body: dict[str, Any] = {"error": {"code": code, "message": message, "hint": hint}}
        return jsonify(body), status
    return render_template("error.html", status=status, message=message, hint=hint), status
