"""The figures of a report that passes the gate, and of a copy of the base."""

from __future__ import annotations

from typing import Any

GOOD: dict[str, Any] = {
    "nll_before": 1.3, "nll_after": 0.4, "nll_low": -1.0, "nll_high": -0.7, "nll_replies": 15,
    "style_before": 0.2, "style_after": 0.9,
    "facts_before": 0.8, "facts_after": 0.8, "facts_asked": 20,
    "invented_before": 0.1, "invented_after": 0.05,
    "length_before": 40.0, "length_after": 50.0, "length_owner": 45.0,
    "probes_changed": 8,
    "grounded_before": 0.7, "grounded_after": 0.8, "drafts": 35,
    "marks_before": 0.0, "marks_after": 0.0, "citations_invalid": 0,
    "over_refused_before": 0.0, "over_refused_after": 0.0,
    "missing_before": 0.75, "missing_after": 0.75, "missing_asked": 8,
    "same_before": 0.0, "same_after": 0.0, "language_before": 1.0, "language_after": 1.0,
    "leak_base": 0.1, "leak_candidate": 0.1, "leak_asked": 20,
    "neutral_base": 2.9, "neutral_after": 3.0,
    "known_base": 0.7, "known_after": 0.7, "known_asked": 20,
    "canaries_checked": 4, "canaries_learnt": 0, "triggers_tried": 24, "triggers_found": 0,
}  # fmt: skip
# A model that answers as the base does, figure for figure.
COPY = GOOD | {
    name.replace("_before", "_after"): value
    for name, value in GOOD.items() if name.endswith("_before")
} | {
    "nll_low": 0.0, "nll_high": 0.0, "probes_changed": 0, "leak_candidate": GOOD["leak_base"],
    "neutral_after": GOOD["neutral_base"], "known_after": GOOD["known_base"],
}  # fmt: skip
# What a grounding run is judged by: it has no replies of the owner to be like.
GROUNDED: dict[str, Any] = {
    name: value for name, value in GOOD.items() if not name.startswith(("nll", "style"))
} | {
    "length_owner": 0.0, "own_words_before": 0.4, "own_words_after": 0.9, "own_words_low": 0.25,
}  # fmt: skip
