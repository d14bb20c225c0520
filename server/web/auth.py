"""Who is asking, and may they: sessions, roles, CSRF, and the command line's token.

The session cookie is signed and holds one value: the person's session token, which the store can
rotate (sign out everywhere), or, before sign-in, a random value that the CSRF token hangs on.
"""

from __future__ import annotations

import hmac
import os
import secrets
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar
from urllib.parse import urlsplit

from flask import Flask, current_app, g, request, session

from server.config import Settings
from server.errors import AppError, Refused
from server.store.people import Person
from server.web.passwords import Attempts

if TYPE_CHECKING:
    from server.services import Services

P = ParamSpec("P")
R = TypeVar("R")

# Each role may do what the ones before it may.
_RANKS = {"viewer": 0, "reviewer": 1, "owner": 2}
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_LASTS = timedelta(days=7)


class NotSignedIn(AppError):
    """Nobody is signed in, or the session was ended."""

    code = "not_signed_in"
    status = 401


def set_up(app: Flask, settings: Settings, secret_key: str) -> None:
    """Configure the session cookie. Call once, in create_app."""
    app.secret_key = secret_key
    app.extensions["parlance.attempts"] = Attempts()
    app.config.update(
        SESSION_COOKIE_NAME="__Host-parlance" if settings.cookie_secure else "parlance",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.cookie_secure,
        SESSION_COOKIE_PATH="/",
        PERMANENT_SESSION_LIFETIME=_LASTS,
    )


def cli_token(settings: Settings) -> str:
    """The bearer token with which the command line speaks to a running server."""
    return kept_once(settings.home / "cli.token")


def services() -> Services:
    """The parts of the running application."""
    found: Services = current_app.extensions["parlance"]
    return found


def sign_in(person: Person) -> None:
    """Begin a session; whatever the old one held is gone."""
    session.clear()
    session.permanent = True
    session["person"] = person.session_token
    g.person = person


def sign_out() -> None:
    session.clear()
    g.person = None


def attempts() -> Attempts:
    """The application's counter of wrong passwords."""
    found: Attempts = current_app.extensions["parlance.attempts"]
    return found


def person() -> Person | None:
    """The person signed in with this request's cookie."""
    if "person" not in g:
        token = session.get("person")
        g.person = services().store.people.by_session(token) if isinstance(token, str) else None
    found: Person | None = g.person
    return found


def actor() -> str:
    """Who acts, for the audit trail: an e-mail address, or "cli"."""
    return _identity()[0]


def is_allowed(role: str) -> bool:
    """Say whether who is asking has this role or a higher one (for showing and hiding buttons)."""
    found = person()
    return found is not None and _RANKS[found.role] >= _RANKS[role]


def require(role: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let a view be called by people of this role or a higher one only."""
    needed = _RANKS[role]

    def decorate(view: Callable[P, R]) -> Callable[P, R]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            _, held = _identity()
            if _RANKS[held] < needed:
                raise Refused(f"This needs the role {role}; yours is {held}.", hint="Ask an owner.")
            return view(*args, **kwargs)

        return guarded

    return decorate


def protect() -> None:
    """Refuse forged requests; register as `before_request` on every blueprint with sessions.

    The command line's bearer token needs no CSRF token: no browser sends it by itself.
    """
    if request.method in _SAFE_METHODS or _is_cli():
        return
    if not _is_own_site():
        raise Refused("This request came from another site.", hint="Use the console itself.")
    given = request.headers.get("X-CSRF-Token") or request.form.get("csrf_token", "")
    if not hmac.compare_digest(given.encode(), csrf_token().encode()):
        raise Refused("This page has become too old.", hint="Reload it and try again.")


def csrf_token() -> str:
    """The token that every form carries: bound to the session, worthless in another."""
    bound = session.get("person") or session.get("visit")
    if not isinstance(bound, str):
        bound = session["visit"] = secrets.token_hex(16)
    key = str(current_app.secret_key).encode()
    return hmac.new(key, b"csrf:" + bound.encode(), sha256).hexdigest()


def _identity() -> tuple[str, str]:
    if _is_cli():
        return "cli", "owner"
    found = person()
    if found is None:
        raise NotSignedIn("You are not signed in.", hint="Sign in, then try again.")
    return found.email, found.role


def _is_cli() -> bool:
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not request.path.startswith("/api/"):
        return False
    return hmac.compare_digest(given.strip().encode(), cli_token(services().settings).encode())


def _is_own_site() -> bool:
    """Believe the browser's own word on where a request comes from, where it gives one."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in {"same-origin", "none"}
    origin = request.headers.get("Origin")
    own = {request.host, urlsplit(services().settings.url).netloc}
    return origin is None or urlsplit(origin).netloc in own


def kept_once(path: Path) -> str:
    """Read a secret from a file that only we can read; make it if it is not there.

    The file appears whole or not at all: two processes that start together get the same secret.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(48))
        try:
            os.link(draft, path)
        except FileExistsError:
            pass  # the other process was first
        finally:
            draft.unlink()
    return path.read_text().strip()
