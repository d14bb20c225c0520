"""People: who may sign in, invitations, and one's own password."""

from __future__ import annotations

from flask import Response, request

from server.errors import AppError, Invalid, NotFound
from server.store.people import ROLES, Person
from server.web import auth
from server.web.console.shell import back_to, blueprint, show
from server.web.passwords import hash_password, is_password


@blueprint.get("/people")
@auth.require("owner")
def people() -> Response:
    return _page(link=None)


@blueprint.post("/people/invite")
@auth.require("owner")
def invite() -> Response:
    """Make a one-time link; it is shown once, on the page that answers."""
    role = request.form.get("role", "")
    if role not in ROLES:
        raise Invalid(f"{role[:32]!r} is no role.", hint=f"Use {', '.join(ROLES)}.")
    token = auth.services().store.people.invite(role=role)
    auth.services().store.audit.add(auth.actor(), "person.invite", role)
    return _page(link=f"{auth.services().settings.url}/console/setup/{token}")


@blueprint.post("/people/<person_id>/sign-out")
@auth.require("owner")
def end_sessions(person_id: str) -> Response:
    store = auth.services().store
    if person_id not in {known.id for known in store.people.all()}:
        raise NotFound("There is no such person.")
    store.people.rotate_session(person_id)
    store.audit.add(auth.actor(), "person.sign_out_everywhere", person_id)
    return back_to("people", done="signed-out-everywhere")


@blueprint.get("/account")
@auth.require("viewer")
def account() -> Response:
    return show("account.html", error=None)


@blueprint.post("/account/password")
@auth.require("viewer")
def change_password() -> Response:
    """Change one's own password, which ends every other session."""
    person = auth.person()
    if person is None:
        raise auth.NotSignedIn("You are not signed in.")
    try:
        hashed = _checked(person)
    except AppError as error:
        return show("account.html", status=error.status, error=error)
    store = auth.services().store
    store.people.set_password(person.id, hashed)
    store.audit.add(person.email, "person.password", person.id)
    renewed = store.people.by_email(person.email)
    if renewed is not None:
        auth.sign_in(renewed)
    return back_to("account", done="password")


def _checked(person: Person) -> str:
    auth.attempts().count(request.remote_addr or "", person.email)
    if not is_password(person.password_hash, request.form.get("present", "")):
        raise Invalid("The present password is wrong.", hint="Check it and try again.")
    auth.attempts().succeeded(request.remote_addr or "", person.email)
    if request.form.get("password", "") != request.form.get("again", ""):
        raise Invalid("The two new passwords differ.", hint="Type the same one twice.")
    return hash_password(request.form.get("password", ""))


def _page(*, link: str | None) -> Response:
    return show("people.html", people=auth.services().store.people.all(), link=link, roles=ROLES)
