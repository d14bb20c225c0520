"""The tuning page: who answers, what there is to learn from, the run at work, earlier runs."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Response, request

from server.errors import AppError, Invalid
from server.learn.examples import read_examples
from server.rollout.grounding import is_offered, standing_of
from server.rollout.rates import FLOOR as FEWEST_TURNS
from server.rollout.verdicts import Judgement
from server.rollout.watching import weigh_canary, weigh_drift
from server.store.activations import PROMOTED
from server.store.adapters import Activation, Serving
from server.store.assistants import Assistant
from server.store.canaries import Canary
from server.store.database import now
from server.store.overview import Overview
from server.store.plans import OFF, Plan
from server.store.runs import GROUNDING, OPEN_STATUSES, VOICE
from server.web import auth
from server.web.console.shell import assistant_at, back_to, blueprint, show
from server.web.console.tuning.charts import curve
from server.web.console.tuning.plan import plan_in_words
from server.web.console.tuning.reading import STAGES, time_left, usual_duration
from server.web.console.tuning.runs import alike, report_of
from server.web.console.tuning.trials import Trialled, plotted, trialled

# The fewest replies a run accepts; the run itself has the last word (tuning's `pairs_floor`).
_FLOOR = 20
# Older ones stand on pages of their own.
_SHOWN_RUNS = 8


@dataclass(frozen=True, slots=True)
class Counted:
    """What a run could learn from now. `approved`: answers that the sources carry; a run still
    leaves out mere quotes and duplicates."""

    corrected: int
    approved: int
    examples: int
    elsewhere: int
    left_out: int

    @property
    def usable(self) -> int:
        return max(0, self.corrected + self.approved + self.examples - self.left_out)


@dataclass(frozen=True, slots=True)
class Offered:
    """A grounding run in a sentence, and whether one may be started here."""

    sentence: str
    may_start: bool


@blueprint.get("/<key>/tuning")
@auth.require("viewer")
def tuning(key: str) -> Response:
    return tuning_page(assistant_at(key))


@blueprint.post("/<key>/tuning/run")
@auth.require("owner")
def start_run(key: str) -> Response:
    assistant, kind = assistant_at(key), request.form.get("kind", VOICE)
    if kind not in (VOICE, GROUNDING):
        raise Invalid(f"There is no run of kind {kind[:32]!r}.", hint="Reload the page.")
    try:
        auth.services().ask_for_run(assistant, actor=auth.actor(), kind=kind)
    except AppError as error:
        return tuning_page(assistant, error=error)
    return back_to("tuning", key=key, done="run")


@blueprint.post("/<key>/examples")
@auth.require("owner")
def add_examples(key: str) -> Response:
    """Import the owner's own example replies, all or none."""
    assistant, file, store = assistant_at(key), request.files.get("file"), auth.services().store
    try:
        name = (file.filename if file else "") or "The file"
        found = read_examples(name, file.read() if file else b"")
        added, known = store.pairs.import_examples(assistant.id, found, origin=name[:200])
    except AppError as error:
        return tuning_page(assistant, error=error)
    store.audit.add(auth.actor(), "examples.import", assistant.id, added=added, known=known)
    return back_to("tuning", key=key, done="examples")


def tuning_page(assistant: Assistant, *, error: AppError | None = None) -> Response:
    """The whole page, with what went wrong if something did."""
    store = auth.services().store
    runs = store.runs.of_assistant(assistant.id)
    latest, active = store.adapters.active(assistant.id)
    running = next((run for run in runs if run.status in OPEN_STATUSES), None)
    ended = [run for run in runs if run.finished_at]
    meter, plan = store.meters.of(assistant.id), store.plans.of(assistant.id)
    canaries = store.canaries.of_assistant(assistant.id)
    drift = _drift(latest) if plan.chosen.watch_drift else None
    return show(
        "tuning.html",
        status=error.status if error else 200,
        assistant=assistant,
        error=error,
        material=_counted(assistant),
        meter=meter.content if meter else None,
        counted_at=meter.created_at if meter else None,
        floor=_FLOOR,
        running=running,
        curve=curve(running.progress.get("curve") or []) if running else None,
        left=time_left(running, alike(ended, running)) if running else "",
        usual=usual_duration([run for run in ended if run.kind == VOICE]),
        grounding=_grounding(assistant, plan),
        ended=[report_of(run) for run in ended[:_SHOWN_RUNS]],
        older=ended[_SHOWN_RUNS:],
        stages=STAGES,
        adapters=store.adapters.of_assistant(assistant.id),
        latest=latest,
        active=active,
        history=store.adapters.activations(assistant.id),
        served=_served(latest, store.adapters.servings(assistant.id)),
        canary=_canary(canaries),
        canaries=[canary for canary in canaries if not canary.is_running],
        drift=drift,
        drift_rows=plotted(drift.rows) if drift else [],
        fewest=FEWEST_TURNS,
        plan=plan,
        planned=plan_in_words(plan, now=now()),
    )


def _grounding(assistant: Assistant, plan: Plan) -> Offered | None:
    """What the page says of a grounding run; None where it is switched off or nothing is known."""
    standing = standing_of(auth.services().store, assistant.id)
    if standing is None or plan.chosen.grounding == OFF or standing.is_tuned:
        return None
    return Offered(standing.sentence, is_offered(plan, standing))


def _canary(canaries: list[Canary]) -> Trialled | None:
    running = next((canary for canary in canaries if canary.is_running), None)
    if running is None:
        return None
    return trialled(running, weigh_canary(auth.services().store, running, at=now()))


def _drift(latest: Activation | None) -> Judgement | None:
    """How the promoted voice does beside the time before; None where nothing was promoted."""
    if latest is None or latest.reason != PROMOTED or latest.adapter_id is None:
        return None
    return weigh_drift(auth.services().store, latest)


def _counted(assistant: Assistant) -> Counted:
    store = auth.services().store
    judged = store.reviews.in_force(assistant.id)
    tone = [r for r in judged if r.verdict == "corrected" and r.fault == "tone"]
    return Counted(
        corrected=len(tone),
        approved=Overview(store.database).approved_answers(assistant.id),
        examples=len(store.pairs.examples(assistant.id)),
        elsewhere=sum(r.verdict != "approved" for r in judged) - len(tone),
        left_out=len(store.exclusions.in_force(assistant.id)),
    )


def _served(latest: Activation | None, servings: list[Serving]) -> Serving | None:
    """What the serving process said about the activation in force, None until it has."""
    wanted = latest.id if latest else None
    return next((one for one in servings if one.activation_id == wanted), None)
