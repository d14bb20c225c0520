"""Signing in, sessions, CSRF and the command line's token."""

from __future__ import annotations

import stat
import time
from collections.abc import Callable

import pytest

from server.errors import Invalid
from server.web import auth
from server.web.passwords import Attempts, TooMany, hash_password, is_password
from tests.web.conftest import PASSWORD, Browser, World


def _sign_in(browser: Browser, password: str = PASSWORD, email: str = "owner@example.org", **more):
    form = {"email": email, "password": password, **more}
    return browser.post("/console/sign-in", form)


def test_right_password_signs_in_and_the_page_greets_with_the_role(world: World) -> None:
    browser = world.client()
    assert _sign_in(browser).headers["Location"] == "/console/"
    assert "owner@example.org" in browser.get("/console/").text


def test_wrong_password_and_unknown_address_get_the_same_answer(world: World) -> None:
    wrong = _sign_in(world.client(), "not the password")
    unknown = _sign_in(world.client(), email="nobody@example.org")
    assert wrong.status_code == unknown.status_code == 401
    assert "E-mail or password is wrong." in wrong.text
    assert "E-mail or password is wrong." in unknown.text


def test_a11_unknown_and_known_people_take_equal_time(world: World, hashed: str) -> None:
    is_password(None, "warm up")

    def seconds(stored: str | None) -> float:
        began = time.perf_counter()
        for _ in range(3):
            is_password(stored, "not the password")
        return time.perf_counter() - began

    assert 0.4 < seconds(None) / seconds(hashed) < 2.5


def test_a11_twenty_wrong_attempts_are_followed_by_429_even_for_the_right_password(
    make_world: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world()
    browser = world.client()
    token = browser.token()

    def attempt(password: str, email: str = "owner@example.org") -> int:
        form = {"email": email, "password": password, "csrf_token": token}
        return browser.http.post("/console/sign-in", data=form).status_code

    assert [attempt("wrong") for _ in range(20)] == [401] * 20
    assert attempt(PASSWORD) == 429
    assert attempt("wrong", "viewer@example.org") == 401


def test_attempts_are_forgotten_after_the_window_and_after_success() -> None:
    clock = [0.0]
    attempts = Attempts(per_pair=2, per_address=3, window=60, clock=lambda: clock[0])
    attempts.count("1.2.3.4", "a@example.org")
    attempts.succeeded("1.2.3.4", "A@example.org ")
    for _ in range(2):
        attempts.count("1.2.3.4", "a@example.org")
    with pytest.raises(TooMany):
        attempts.count("1.2.3.4", "a@example.org")
    attempts.count("1.2.3.4", "b@example.org")
    with pytest.raises(TooMany):
        attempts.count("1.2.3.4", "c@example.org")
    clock[0] = 61
    attempts.count("1.2.3.4", "a@example.org")


@pytest.mark.parametrize("secure", [False, True])
def test_a09_session_cookie_is_http_only_same_site_and_secure_by_setting(
    make_world: Callable[..., World], secure: bool
) -> None:
    world = make_world(cookie_secure=secure)
    base = "https://localhost" if secure else "http://localhost"
    browser = world.app.test_client()
    page = browser.get("/console/sign-in", base_url=base)
    cookie = page.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Path=/" in cookie
    assert ("Secure" in cookie) is secure
    assert cookie.startswith("__Host-parlance=" if secure else "parlance=")
    assert "Domain" not in cookie


def test_session_holds_one_value_and_changes_at_sign_in(world: World) -> None:
    browser = world.client()
    token = browser.token()
    _sign_in(browser)
    with browser.http.session_transaction() as session:
        assert {key for key in session if not key.startswith("_")} == {"person"}
    assert browser.token() != token


def test_a09_no_console_state_changes_by_get(world: World) -> None:
    browser = world.client("owner")
    adapter = world.turn()
    checked = 0
    for rule in world.app.url_map.iter_rules():
        if rule.endpoint.startswith("console.") and "POST" in (rule.methods or set()):
            twin = any(
                r.rule == rule.rule and "GET" in (r.methods or set())
                for r in world.app.url_map.iter_rules()
            )
            if not twin:
                path = rule.rule.replace("<key>", "acme")
                for name in ("turn_id", "source_id", "run_id", "adapter_id", "person_id"):
                    path = path.replace(f"<{name}>", adapter.id)
                assert browser.get(path).status_code in (404, 405), path
                checked += 1
    assert checked >= 12
    assert world.store.audit.newest() == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
)
def test_a09_request_from_another_site_is_refused_even_with_a_token(
    world: World, headers: dict[str, str]
) -> None:
    refused = world.client("owner").post("/console/assistants", {"name": "X"}, headers=headers)
    assert refused.status_code == 403
    assert len(world.store.assistants.all()) == 1


def test_a09_cross_site_text_plain_post_is_refused(world: World) -> None:
    refused = world.client("owner").http.post(
        "/console/assistants",
        data="name=X",
        content_type="text/plain",
        headers={"Sec-Fetch-Site": "cross-site"},
    )
    assert refused.status_code == 403


def test_token_is_needed_and_belongs_to_one_session(world: World) -> None:
    owner, viewer = world.client("owner"), world.client("viewer")
    for token in ("", "0" * 64, viewer.token()):
        refused = owner.http.post("/console/assistants", data={"name": "X", "csrf_token": token})
        assert refused.status_code == 403
    header = {"X-CSRF-Token": owner.token()}
    assert (
        owner.http.post("/console/assistants", data={"name": "X"}, headers=header).status_code
        == 303
    )


def test_own_origin_is_accepted(world: World) -> None:
    for headers in ({"Origin": "http://localhost"}, {"Sec-Fetch-Site": "same-origin"}):
        made = world.client("owner").post("/console/assistants", {"name": "X"}, headers=headers)
        assert made.status_code == 303


def test_sign_out_everywhere_ends_the_other_session_too(world: World) -> None:
    here, there = world.client("owner"), world.client("owner")
    here.post("/console/sign-out-everywhere")
    assert there.get("/console/").status_code == 303
    assert here.get("/console/").status_code == 303


def test_changing_the_password_keeps_this_session_and_ends_the_others(world: World) -> None:
    here, there = world.client("owner"), world.client("owner")
    form = {"present": PASSWORD, "password": "another long one", "again": "another long one"}
    assert here.post("/console/account/password", form).status_code == 303
    assert here.get("/console/").status_code == 200
    assert there.get("/console/").status_code == 303


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({"present": "wrong"}, "The present password is wrong."),
        ({"present": PASSWORD, "password": "short", "again": "short"}, "at least 10 characters"),
        ({"present": PASSWORD, "password": "long enough 1", "again": "other"}, "passwords differ"),
    ],
)
def test_password_change_says_what_is_wrong(
    world: World, form: dict[str, str], message: str
) -> None:
    answer = world.client("owner").post("/console/account/password", form)
    assert answer.status_code == 400
    assert message in answer.text


def test_set_up_link_makes_one_person_and_works_once(world: World) -> None:
    link = f"/console/setup/{world.store.people.invite(role='reviewer')}"
    form = {"email": "New@Example.org", "password": PASSWORD, "again": PASSWORD}
    browser = world.client()
    assert "reviewer" in browser.get(link).text
    assert browser.post(link, form).headers["Location"] == "/console/"
    made = world.store.people.by_email("new@example.org")
    assert made is not None and made.role == "reviewer"
    assert "new@example.org" in browser.get("/console/").text
    again = world.client().post(link, form | {"email": "other@example.org"})
    assert again.status_code == 404
    assert "used or is too old" in again.text


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"email": "no address"}, "is not an e-mail address"),
        ({"email": "owner@example.org"}, "is known already"),
        ({"password": "short", "again": "short"}, "at least 10 characters"),
        ({"again": "something else"}, "passwords differ"),
    ],
)
def test_wrong_set_up_form_does_not_spend_the_link(
    world: World, changed: dict[str, str], message: str
) -> None:
    link = f"/console/setup/{world.store.people.invite(role='owner')}"
    form = {"email": "new@example.org", "password": PASSWORD, "again": PASSWORD}
    assert message in world.client().post(link, form | changed).text
    assert world.client().post(link, form).status_code == 303


@pytest.mark.parametrize(
    ("wanted", "reached"),
    [
        ("/console/acme/tuning", "/console/acme/tuning"),
        ("//evil.example", "/console/"),
        ("https://evil.example/console/", "/console/"),
        ("/console/..\\evil", "/console/"),
        ("/console@evil.example", "/console/"),
        ("javascript:alert(1)", "/console/"),
    ],
)
def test_sign_in_leads_only_to_our_own_pages(world: World, wanted: str, reached: str) -> None:
    assert _sign_in(world.client(), next=wanted).headers["Location"] == reached


def test_cli_token_is_private_and_opens_the_admin_api_only(world: World) -> None:
    token = auth.cli_token(world.services.settings)
    kept = world.services.settings.home / "cli.token"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert auth.cli_token(world.services.settings) == token
    bearer = {"Authorization": f"Bearer {token}"}
    http = world.app.test_client()
    made = http.post("/api/v1/admin/assistants", json={"name": "By hand"}, headers=bearer)
    assert made.status_code == 201
    assert world.store.audit.newest()[0].actor == "cli"
    assert http.get("/console/", headers=bearer).status_code == 303
    wrong = {"Authorization": f"Bearer {token}x"}
    assert http.get("/api/v1/admin/assistants", headers=wrong).status_code == 401


def test_signed_in_person_needs_the_token_on_the_admin_api(world: World) -> None:
    owner = world.client("owner")
    refused = owner.http.post("/api/v1/admin/assistants", json={"name": "X"})
    assert refused.status_code == 403
    assert refused.get_json()["error"]["code"] == "refused"


def test_password_rules_are_told() -> None:
    for password in ("short", "x" * 501):
        with pytest.raises(Invalid, match="characters"):
            hash_password(password)
