"""The counts of a dataset: what it holds, by origin, kind and side; what was left out, by reason.

Only figures and ids: personal data never comes in here.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any

from server.store.pairs import GROUNDING, people_first
from tuning.data.card import languages, lengths
from tuning.data.pairs import PairReport
from tuning.data.preferences import JUDGED, PREFERENCE
from tuning.data.split import HELD_OUT, TRAIN


def count_rows(report: PairReport) -> dict[str, Any]:
    """The counts of rows that have their sides; shares are from 0 to 1."""
    pairs = [pair for pair in report.pairs if pair.origin != GROUNDING]
    told = people_first(report.pairs)
    kinds = Counter(row.kind for row in report.preferences if row.split == TRAIN)
    masked: Counter[str] = Counter()
    for found in report.masked:
        masked.update(found.kinds)
    return {
        "pairs": len(pairs),
        "train": sum(pair.split == TRAIN for pair in pairs),
        # From content: nobody's replies, so they count apart.
        "grounding": len(report.pairs) - len(pairs),
        "held_out": sum(pair.split == HELD_OUT for pair in pairs),
        "groups": len({pair.group_id for pair in pairs}),
        "origins": dict(report.origins),
        "refusals": report.refusals,
        "refusal_share": round(report.refusals / len(pairs), 4) if pairs else 0.0,
        "preferences": kinds[PREFERENCE],
        "judged": kinds[JUDGED],
        "reviewers": len({pair.reviewer for pair in pairs if pair.reviewer}),
        "visitors": len({pair.visitor_id for pair in pairs if pair.visitor_id}),
        "dropped": dict(report.dropped),
        "masked": dict(masked),
        "masked_pairs": [asdict(found) for found in report.masked],
        "conflicts": [conflict.as_row() for conflict in report.conflicts],
        "lengths": lengths([pair.completion for pair in told]),
        "languages": languages([pair.completion for pair in told]),
    }
