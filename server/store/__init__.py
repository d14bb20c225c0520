"""The truth: tables, migrations and every query. Nothing above writes SQL."""

from __future__ import annotations

from dataclasses import dataclass

from server.store.adapters import Adapters
from server.store.assistants import Assistants
from server.store.audit import AuditLog
from server.store.blind import Blind
from server.store.canaries import Canaries
from server.store.check_runs import CheckRuns
from server.store.checks import Checks
from server.store.conversations import Conversations
from server.store.curated import CuratedStore
from server.store.database import Database
from server.store.datasets import Datasets
from server.store.exclusions import Exclusions
from server.store.frontier import Frontier
from server.store.gates import Gates
from server.store.knowledge import Knowledge
from server.store.learnt import Learnt
from server.store.lexical import Lexical
from server.store.meters import Meters
from server.store.outcomes import Outcomes
from server.store.pairs import Pairs
from server.store.people import People
from server.store.plans import Plans
from server.store.replays import Replays
from server.store.reviews import Reviews
from server.store.runs import Runs
from server.store.topics import Topics


@dataclass(frozen=True, slots=True)
class Store:
    """All verbs on the database, grouped by what they own."""

    database: Database
    assistants: Assistants
    knowledge: Knowledge
    frontier: Frontier
    lexical: Lexical
    gates: Gates
    conversations: Conversations
    reviews: Reviews
    curated: CuratedStore
    pairs: Pairs
    exclusions: Exclusions
    datasets: Datasets
    runs: Runs
    adapters: Adapters
    canaries: Canaries
    replays: Replays
    outcomes: Outcomes
    plans: Plans
    meters: Meters
    blind: Blind
    checks: Checks
    check_runs: CheckRuns
    topics: Topics
    learnt: Learnt
    people: People
    audit: AuditLog


def open_store(url: str) -> Store:
    """Connect, bring the schema to the newest migration, and return the verbs."""
    database = Database(url)
    database.migrate()
    return Store(
        database=database,
        assistants=Assistants(database),
        knowledge=Knowledge(database),
        frontier=Frontier(database),
        lexical=Lexical(database),
        gates=Gates(database),
        conversations=Conversations(database),
        reviews=Reviews(database),
        curated=CuratedStore(database),
        pairs=Pairs(database),
        exclusions=Exclusions(database),
        datasets=Datasets(database),
        runs=Runs(database),
        adapters=Adapters(database),
        canaries=Canaries(database),
        replays=Replays(database),
        outcomes=Outcomes(database),
        plans=Plans(database),
        meters=Meters(database),
        blind=Blind(database),
        checks=Checks(database),
        check_runs=CheckRuns(database),
        topics=Topics(database),
        learnt=Learnt(database),
        people=People(database),
        audit=AuditLog(database),
    )
