"""Signing in and out, and the one-time set-up link of an invited person."""

from __future__ import annotations

import re

from flask import Response, abort, make_response, redirect, request, url_for

from server.errors import AppError, Conflict, Invalid
from server.web import auth
from server.web.console.shell import back_to, blueprint, show
from server.web.passwords import hash_password, is_password

_LOCAL = re.compile(r"/console(/[^\\\s]*)?$")


@blueprint.get("/sign-in")
def sign_in() -> Response:
    if auth.person() is not None:
        return make_response(redirect(_wanted(), 303))
    return show("sign_in.html", email="", error=None)


@blueprint.post("/sign-in")
def check_sign_in() -> Response:
    email, address = request.form.get("email", ""), request.remote_addr or ""
    try:
        auth.attempts().count(address, email)
    except AppError as error:
        return show("sign_in.html", status=error.status, email=email, error=error)
    found = auth.services().store.people.by_email(email)
    fits = is_password(found.password_hash if found else None, request.form.get("password", ""))
    if found is None or not fits:
        wrong = Invalid("E-mail or password is wrong.", hint="Check both and try again.")
        return show("sign_in.html", status=401, email=email, error=wrong)
    auth.attempts().succeeded(address, email)
    auth.sign_in(found)
    auth.services().store.audit.add(found.email, "person.sign_in", found.id)
    return make_response(redirect(_wanted(), 303))


@blueprint.post("/sign-out")
def sign_out() -> Response:
    auth.sign_out()
    return back_to("sign_in", done="signed-out")


@blueprint.post("/sign-out-everywhere")
@auth.require("viewer")
def sign_out_everywhere() -> Response:
    """End every session of the person, on every device."""
    found = auth.person()
    if found is None:
        abort(403)
    store = auth.services().store
    store.people.rotate_session(found.id)
    store.audit.add(auth.actor(), "person.sign_out_everywhere", found.id)
    auth.sign_out()
    return back_to("sign_in", done="signed-out-everywhere")


@blueprint.get("/setup/<token>")
def set_up(token: str) -> Response:
    role = auth.services().store.people.invited_role(token)
    return show("set_up.html", role=role, token=token, email="", error=None)


@blueprint.post("/setup/<token>")
def finish_set_up(token: str) -> Response:
    """Turn an invitation into a person; the link is spent only once all is in order."""
    people = auth.services().store.people
    role = people.invited_role(token)
    email = request.form.get("email", "").strip().lower()
    try:
        hashed = _checked(email)
    except AppError as error:
        return show(
            "set_up.html", status=error.status, role=role, token=token, email=email, error=error
        )
    person = people.add(email, role=people.use_invitation(token), password_hash=hashed)
    auth.sign_in(person)
    auth.services().store.audit.add(email, "person.set_up", person.id, role=role)
    return make_response(redirect(url_for("console.home"), 303))


def _checked(email: str) -> str:
    """Check the form of a set-up; return the password's hash."""
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", email) or len(email) > 254:
        raise Invalid(f"{email[:64]!r} is not an e-mail address.", hint="Use name@example.org.")
    if auth.services().store.people.by_email(email):
        raise Conflict(f"{email} is known already.", hint="Sign in instead.")
    password = request.form.get("password", "")
    if password != request.form.get("again", ""):
        raise Invalid("The two passwords differ.", hint="Type the same one twice.")
    return hash_password(password)


def _wanted() -> str:
    """Where the person wanted to go, if that is one of our own pages."""
    wanted = request.values.get("next", "")
    return wanted if _LOCAL.match(wanted) else url_for("console.home")
