"""How the command line reaches the admin API: over HTTP if a server runs, else in this process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import httpx

from server.config import Settings
from server.errors import AppError, Invalid, Unavailable
from server.presence import running_server
from server.web import auth

_PREFIX = "/api/v1/admin"
_TIMEOUT = httpx.Timeout(10.0, read=300.0)


class AdminClient(Protocol):
    """The admin API. `local` says that work queued here is done by this very process."""

    local: bool

    def get(self, path: str) -> dict[str, Any]:
        """GET a path below /api/v1/admin; the API's error is raised as an AppError."""

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """POST JSON."""

    def patch(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """PATCH JSON."""

    def upload(self, path: str, file: Path, fields: dict[str, str]) -> dict[str, Any]:
        """POST a file."""


@contextmanager
def connect(settings: Settings) -> Iterator[AdminClient]:
    """Reach the running server of this home folder, or open everything here until done."""
    token = auth.cli_token(settings)
    if (address := running_server(settings)) is not None:
        with httpx.Client(base_url=address, timeout=_TIMEOUT, trust_env=False) as http:
            yield _Remote(http, token)
        return
    from server.app import create_app  # seconds of imports, which a running server saves us
    from server.services import open_services

    services = open_services(settings)
    try:
        yield _Local(create_app(services).test_client(), token)
    finally:
        services.close()


class _Remote:
    local = False

    def __init__(self, http: httpx.Client, token: str) -> None:
        self._http = http
        self._headers = {"Authorization": f"Bearer {token}"}

    def get(self, path: str) -> dict[str, Any]:
        return self._send("GET", path)

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return self._send("POST", path, json=body)

    def patch(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return self._send("PATCH", path, json=body)

    def upload(self, path: str, file: Path, fields: dict[str, str]) -> dict[str, Any]:
        with _opened(file) as stream:
            return self._send("POST", path, files={"file": (file.name, stream)}, data=fields)

    def _send(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        try:
            answer = self._http.request(method, _PREFIX + path, headers=self._headers, **options)
        except httpx.HTTPError as error:
            raise Unavailable(f"The running server does not answer: {error}.") from None
        return _checked(answer.status_code, answer.text)


class _Local:
    local = True

    def __init__(self, client: Any, token: str) -> None:
        self._client = client
        self._headers = {"Authorization": f"Bearer {token}"}

    def get(self, path: str) -> dict[str, Any]:
        answer = self._client.get(_PREFIX + path, headers=self._headers)
        return _checked(answer.status_code, answer.text)

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self._client.post(_PREFIX + path, headers=self._headers, json=body)
        return _checked(answer.status_code, answer.text)

    def patch(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self._client.patch(_PREFIX + path, headers=self._headers, json=body)
        return _checked(answer.status_code, answer.text)

    def upload(self, path: str, file: Path, fields: dict[str, str]) -> dict[str, Any]:
        with _opened(file) as stream:
            form = {**fields, "file": (stream, file.name)}
            answer = self._client.post(_PREFIX + path, headers=self._headers, data=form)
        return _checked(answer.status_code, answer.text)


@contextmanager
def _opened(file: Path) -> Iterator[Any]:
    try:
        stream = file.open("rb")
    except OSError as error:
        reason = error.strerror or "it cannot be opened"
        raise Invalid(f"{file} cannot be read: {reason}.", hint="Check the path.") from None
    with stream:
        yield stream


def _checked(status: int, text: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(text)
    if status < 400:
        return body
    told = body["error"]
    error = AppError(told["message"], hint=told["hint"])
    error.code = told["code"]
    raise error
