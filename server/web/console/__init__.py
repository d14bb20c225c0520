"""The console: server-rendered pages for owners, reviewers and viewers.

Every page works without JavaScript; htmx swaps parts of it where that is quicker.
"""

from __future__ import annotations

from server.web.console import (  # imported for their routes
    audit,
    checks,
    conversations,
    curated,
    home,
    learn,
    people,
    preview,
    review,
    settings,
    sign_in,
    sources,
    tuning,
)
from server.web.console.shell import blueprint

__all__ = [
    "audit",
    "blueprint",
    "checks",
    "conversations",
    "curated",
    "home",
    "learn",
    "people",
    "preview",
    "review",
    "settings",
    "sign_in",
    "sources",
    "tuning",
]
