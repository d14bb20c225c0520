"""Shadow replay: logged questions answered by both voices, side by side; no visitor sees it."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Response

from server.errors import AppError, NotFound
from server.rollout.paired import PairedShare, mean_words, paired_shares
from server.store.assistants import Assistant
from server.store.replays import Replay
from server.web import auth
from server.web.console.shell import assistant_at, back_to, blueprint, is_htmx, show
from server.web.console.tuning.charts import Interval, interval
from server.web.console.tuning.page import tuning_page
from server.web.console.tuning.rollout import adapter_of

_BETTER = {"Refused": "less", "Failed": "less", "Answered from the content": "more"}


@dataclass(frozen=True, slots=True)
class Line:
    """A paired share with its plot."""

    share: PairedShare
    plot: Interval | None


@blueprint.post("/<key>/adapters/<adapter_id>/replay")
@auth.require("owner")
def start_replay(key: str, adapter_id: str) -> Response:
    assistant = assistant_at(key)
    found = adapter_of(assistant, adapter_id)
    try:
        replay = auth.services().ask_for_replay(found.id, actor=auth.actor())
    except AppError as error:
        return tuning_page(assistant, error=error)
    return back_to("replay", key=key, replay_id=replay.id)


@blueprint.get("/<key>/replays/<replay_id>")
@auth.require("viewer")
def replay(key: str, replay_id: str) -> Response:
    """For htmx the progress, otherwise the page with what came of it so far."""
    assistant = assistant_at(key)
    found = _replay(assistant, replay_id)
    if is_htmx():
        response = show("_replay.html", assistant=assistant, replay=found)
        if not found.is_open:
            response.headers["HX-Refresh"] = "true"
        return response
    answered = [row for row in found.results if row["after"] is not None]
    differing = [row for row in answered if row["before"]["reply"] != row["after"]["reply"]]
    return show(
        "replay.html",
        assistant=assistant,
        replay=found,
        answered=len(answered),
        lines=[_line(share) for share in paired_shares(found.results)],
        words=(mean_words(found.results, "before"), mean_words(found.results, "after")),
        differing=differing,
        run_id=auth.services().store.adapters.adapter(found.adapter_id).run_id,
    )


@blueprint.post("/<key>/replays/<replay_id>/cancel")
@auth.require("owner")
def cancel_replay(key: str, replay_id: str) -> Response:
    found = _replay(assistant_at(key), replay_id)
    auth.services().cancel_replay(found, actor=auth.actor())
    return back_to("replay", key=key, replay_id=found.id)


def _line(share: PairedShare) -> Line:
    difference = share.after - share.before
    better = _BETTER[share.title]
    plot = interval(difference, share.low, share.high, better=better, share=True)
    return Line(share, plot if share.n else None)


def _replay(assistant: Assistant, replay_id: str) -> Replay:
    found = auth.services().store.replays.replay(replay_id)
    if found.assistant_id != assistant.id:
        raise NotFound(f"There is no replay {replay_id[:64]!r}.")
    return found
