"""Blind comparison: a person chooses between two answers and does not know which is which."""

from __future__ import annotations

from flask import Response, request

from server.errors import Invalid, NotFound
from server.store.adapters import Adapter
from server.web import auth
from server.web.console.shell import assistant_at, back_to, blueprint, show
from server.web.console.tuning.preferring import choice_of, comparable, is_new_first, preferred
from server.web.console.tuning.runs import report_of, run_of


@blueprint.get("/<key>/runs/<run_id>/blind")
@auth.require("reviewer")
def blind(key: str, run_id: str) -> Response:
    """The next question that this person has not compared yet; the result after the last."""
    assistant, person = assistant_at(key), auth.actor()
    report = report_of(run_of(assistant, run_id))
    adapter = _made(report.adapter, run_id)
    numbers = comparable(report.samples)
    made = auth.services().store.blind.in_force(adapter.id)
    done = {one.sample for one in made if one.person == person}
    left = [n for n in numbers if n not in done]
    current = left[0] if left else None
    pair = None
    if current is not None:
        sample = report.samples[current]
        new_first = is_new_first(adapter.id, current, person)
        pair = (
            [sample["after"], sample["before"]]
            if new_first
            else [sample["before"], sample["after"]]
        )
    return show(
        "blind.html",
        assistant=assistant,
        run=report.run,
        sample=report.samples[current] if current is not None else None,
        number=current,
        pair=pair,
        asked=len(numbers),
        place=len(numbers) - len(left) + 1,
        # Who still has to choose is not told what others chose.
        preferred=preferred(made) if made and current is None else None,
    )


@blueprint.post("/<key>/runs/<run_id>/blind")
@auth.require("reviewer")
def choose_blind(key: str, run_id: str) -> Response:
    assistant, person = assistant_at(key), auth.actor()
    report = report_of(run_of(assistant, run_id))
    adapter = _made(report.adapter, run_id)
    number = request.form.get("sample", type=int)
    if number is None or number not in comparable(report.samples):
        raise Invalid("There is no such question to compare.", hint="Reload the page.")
    new_first = is_new_first(adapter.id, number, person)
    choice = choice_of(request.form.get("choice", ""), new_first=new_first)
    auth.services().store.blind.choose(
        assistant.id, adapter.id, number, person=person, choice=choice
    )
    return back_to("blind", key=key, run_id=run_id)


def _made(adapter: Adapter | None, run_id: str) -> Adapter:
    if adapter is None:
        raise NotFound(f"Run {run_id[:64]!r} made no voice to compare.")
    return adapter
