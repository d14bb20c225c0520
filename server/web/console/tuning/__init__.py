"""Tuning: what there is to learn from, runs and their reports, who answers, and the plan."""

from __future__ import annotations

from server.web.console.tuning import (  # imported for their routes
    blind,
    compare,
    page,
    plan,
    replays,
    replies,
    rollout,
    runs,
)

__all__ = ["blind", "compare", "page", "plan", "replays", "replies", "rollout", "runs"]
