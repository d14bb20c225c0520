"""The audit trail: who did what, newest first."""

from __future__ import annotations

from flask import Response

from server.web import auth
from server.web.console.shell import blueprint, show

_SHOWN = 200


@blueprint.get("/audit")
@auth.require("owner")
def audit_trail() -> Response:
    return show("audit.html", entries=auth.services().store.audit.newest(limit=_SHOWN))
