"""Replies that a person keeps out of the next run, with the way to take them back in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, cast

from server.store import Store


class Exclusions(Protocol):
    """The store's verbs on exclusions. A subject is a turn or an example of the owner's."""

    def exclude(self, assistant_id: str, origin_id: str, *, reason: str, actor: str) -> Any: ...
    def include(self, assistant_id: str, origin_id: str, *, actor: str) -> Any: ...
    def in_force(self, assistant_id: str) -> Mapping[str, Any]: ...


def exclusions(store: Store) -> Exclusions | None:
    """None where the store knows no exclusions: then everything fit is learnt from."""
    return cast(Exclusions | None, getattr(store, "exclusions", None))


def left_out(store: Store, assistant_id: str) -> dict[str, str]:
    """What is kept out now, by subject, and why."""
    found = exclusions(store)
    if found is None:
        return {}
    return {subject: str(one.reason) for subject, one in found.in_force(assistant_id).items()}
