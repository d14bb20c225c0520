"""Training pairs: what people wrote or approved, each with the very prompt that serving would send.

What a candidate has to pass, in this order: nobody left it out and it can be read (`candidates`);
it is no near copy (`duplicates`) and contradicts no other (`conflicts`); its visitor has not
supplied enough (`caps`); its reply holds no personal data (`redact`) and states only what its facts
hold (`truth`); and not too many of them decline to answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from server.answering.grounding import voice_words
from server.store import Store
from server.store.assistants import Assistant
from server.store.database import new_id
from server.store.material import APPROVED, CORRECTED, VOICE
from server.store.pairs import Pair, Preference
from tuning.data.candidates import REFUSAL, Candidate, collect, disliked
from tuning.data.caps import Caps, few_refusals, within
from tuning.data.conflicts import Conflict, conflicts
from tuning.data.context import FindFacts
from tuning.data.duplicates import Compared, Embed, Text, copies
from tuning.data.preferences import disliked_rows, judged_rows, preference_rows
from tuning.data.render import PERSONAL, Rendered, Renderer
from tuning.data.rows import row_hash
from tuning.data.truth import Given, stray, untrue

__all__ = ["APPROVED", "CORRECTED", "VOICE", "Candidate", "PairReport", "build_pairs", "gather"]

NEAR_COPY = "it is a near copy of a better or newer reply"
CONTRADICTS = "it contradicts another reply to the same question"
TOO_MANY_REFUSALS = "only a small share of the pairs may decline to answer"
# Who acts on the command line is no visitor; nor are the people who sign in.
_COMMAND_LINE = "cli"


@dataclass(slots=True)
class PairReport:
    """The pairs that are fit to learn from, and what was left out, by reason.

    `conflicts`: candidates that contradict each other, all left out. `masked`: per origin id, what
    personal data was found, by kind, and whether the pair was kept. `preferences`: rows beside the
    pairs, for preference training.
    """

    pairs: list[Pair] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)
    conflicts: list[Conflict] = field(default_factory=list)
    masked: list[MaskedPair] = field(default_factory=list)
    preferences: list[Preference] = field(default_factory=list)

    @property
    def origins(self) -> Counter[str]:
        return Counter(pair.origin for pair in self.pairs)

    @property
    def refusals(self) -> int:
        return sum(pair.kind == REFUSAL for pair in self.pairs)


@dataclass(frozen=True, slots=True)
class MaskedPair:
    """A candidate in which personal data was found; the values themselves are never kept."""

    origin_id: str
    kinds: dict[str, int]
    kept: bool


@dataclass(slots=True)
class Selection:
    """Candidates that do not repeat or contradict one another, within the caps."""

    kept: list[Candidate]
    dropped: Counter[str]
    conflicts: list[Conflict]


def gather(
    store: Store, assistant: Assistant, caps: Caps | None = None
) -> tuple[list[Candidate], Counter[str]]:
    """Collect the candidates of an assistant without looking anything up; and what fell out.

    Near copies and contradictions are told by words alone here; a run looks at meaning too.
    """
    candidates, dropped = collect(store, assistant)
    found = select(candidates, caps or Caps(team=team_of(store)))
    return found.kept, dropped + found.dropped


def build_pairs(
    store: Store,
    assistant: Assistant,
    run_id: str,
    find_facts: FindFacts,
    *,
    caps: Caps | None = None,
    embed: Embed | None = None,
) -> PairReport:
    """Make the pairs of a run, and the preference rows beside them.

    `find_facts` gives the evidence that serving would find; `embed` unit vectors by which near
    copies are found that share few words.
    """
    caps = caps or Caps(team=team_of(store))
    candidates, dropped = collect(store, assistant)
    found = select(candidates, caps, embed)
    report = PairReport(dropped=dropped + found.dropped, conflicts=found.conflicts)
    renderer = Renderer(store, assistant, find_facts)
    rendered = _fit(found.kept, renderer, report)
    kept, too_many = few_refusals([r.candidate for r in rendered], caps.refusals)
    report.dropped += Counter({TOO_MANY_REFUSALS: too_many})
    ids = {candidate.origin_id for candidate in kept}
    learnt = [one for one in rendered if one.candidate.origin_id in ids]
    report.pairs = [_pair(assistant, run_id, one) for one in learnt]
    report.preferences = [
        *preference_rows(assistant, run_id, learnt),
        *judged_rows(assistant, run_id, learnt),
        *_disliked(store, assistant, run_id, renderer, caps=caps, embed=embed),
    ]
    return report


def select(candidates: Sequence[Candidate], caps: Caps, embed: Embed | None = None) -> Selection:
    """Leave out near copies, what contradicts, and what goes over a cap; the best come first."""
    texts = [Text(c.standalone, c.completion, fixed=c.kind == REFUSAL) for c in candidates]
    compared = Compared.of(texts, embed)
    copied = copies(compared)
    places = [n for n in range(len(candidates)) if n not in copied]
    unlike = [candidates[n] for n in places]
    asked = None if compared.asked is None else compared.asked[places]
    disputed = conflicts(unlike, [compared.cores[n] for n in places], asked)
    against = {origin for conflict in disputed for origin in (conflict.one, conflict.other)}
    sound = [candidate for candidate in unlike if candidate.origin_id not in against]
    kept, over = within(sound, caps)
    dropped = over + Counter({NEAR_COPY: len(copied), CONTRADICTS: len(against)})
    return Selection(kept, dropped, disputed)


def team_of(store: Store) -> frozenset[str]:
    """Who may try an assistant out and is no visitor."""
    return frozenset({_COMMAND_LINE, *(person.email for person in store.people.all())})


def _fit(candidates: Sequence[Candidate], renderer: Renderer, report: PairReport) -> list[Rendered]:
    """Those whose reply is free of personal data and states only what its facts hold."""
    rendered = [renderer.render(c, renderer.facts(c)) for c in candidates]
    manner = voice_words(
        [one.candidate.completion for one in rendered], [one.facts for one in rendered]
    )
    fit = []
    for one in rendered:
        reason = one.reason or _untrue(one, manner, renderer.owner)
        if one.masked:
            found = MaskedPair(one.candidate.origin_id, dict(one.masked), kept=reason is None)
            report.masked.append(found)
        if reason:
            report.dropped[reason] += 1
        else:
            fit.append(one)
    return fit


def _untrue(one: Rendered, manner: frozenset[str], owner: str) -> str | None:
    candidate = one.candidate
    given = Given(one.facts, candidate.question, manner, owner)
    # Who declines states nothing; but no address or figure may come in that way either.
    if candidate.kind == REFUSAL:
        return stray(candidate.completion, given)
    return untrue(candidate.completion, given)


def _disliked(
    store: Store,
    assistant: Assistant,
    run_id: str,
    renderer: Renderer,
    *,
    caps: Caps,
    embed: Embed | None,
) -> list[Preference]:
    found = select(disliked(store, assistant), caps, embed).kept
    rendered = [renderer.render(candidate, renderer.facts(candidate)) for candidate in found]
    return disliked_rows(assistant, run_id, [r for r in rendered if r.reason != PERSONAL])


def _pair(assistant: Assistant, run_id: str, one: Rendered) -> Pair:
    candidate, lineage = one.candidate, one.candidate.lineage
    return Pair(
        id=new_id("par"),
        assistant_id=assistant.id,
        run_id=run_id,
        origin=candidate.origin,
        origin_id=candidate.origin_id,
        group_id=candidate.group_id,
        split="",
        question=candidate.standalone,
        prompt=one.messages,
        completion=candidate.completion,
        hash=row_hash(one.messages, candidate.completion),
        kind=candidate.kind,
        turn_id=lineage.turn_id,
        reviewer=lineage.reviewer,
        verdict=lineage.verdict,
        visitor_id=lineage.visitor_id,
        asked_at=lineage.asked_at,
        judged_at=lineage.judged_at,
        source_hash=candidate.source_hash,
        masked=dict(one.masked),
    )
