"""The dataset card: what a run learnt from, in Markdown for people. Nothing in it is markup.

Words of visitors and owners come into it as plain text: whatever could be Markdown or HTML is
escaped, and line breaks are blanks.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import quantiles
from typing import Any

from server.answering.language import language_of
from server.store.pairs import Pair
from server.visible_text import strip_invisible
from tuning.data.conflicts import Conflict
from tuning.data.topics import Topic

_MARKUP = re.compile(r"([\\`*_{}\[\]()#+!|<>~$&-])")
_LONGEST = 160
_LISTED = 50


@dataclass(frozen=True, slots=True)
class Described:
    """What a card tells beside the counts."""

    assistant: str
    run_id: str
    hash: str
    topics: Sequence[Topic]
    conflicts: Sequence[Conflict]


def lengths(texts: Sequence[str]) -> dict[str, float]:
    """Words of some texts: least, lower quartile, median, upper quartile, most."""
    words = sorted(len(text.split()) for text in texts)
    if not words:
        return {}
    low, middle, high = quantiles(words, n=4, method="inclusive") if words[1:] else words * 3
    return {"least": words[0], "q1": low, "median": middle, "q3": high, "most": words[-1]}


def languages(texts: Sequence[str]) -> dict[str, int]:
    """How many texts are in which language; "unsure" where the words do not tell."""
    return dict(Counter(language_of(text) or "unsure" for text in texts).most_common())


def card(told: Described, pairs: Sequence[Pair], counts: Mapping[str, Any]) -> str:
    """The card of a dataset. `counts`: as the dataset is stored with them."""
    parts = [
        f"# Dataset of {plain(told.assistant)}",
        f"Run `{told.run_id}`. Hash `{told.hash}`.",
        "Only replies that a person wrote or approved, and sentences of the content, are learnt "
        "from. Facts come from the sources at the time of each question; they are shown in the "
        "prompt and are not learnt.",
        _table("Rows", "Count", _sizes(counts)),
        "## Origins",
        _table("Origin", "Pairs", counts["origins"]),
        "## Topics",
        _table("Words", "Pairs", {", ".join(t.words): t.questions for t in told.topics}),
        "## Lengths in words",
        _lengths({"question": [p.question for p in pairs], "reply": [p.completion for p in pairs]}),
        "## Languages of the replies",
        _table("Language", "Pairs", counts["languages"]),
        "## Left out",
        _table("Reason", "Replies", counts["dropped"]) or "Nothing.",
        "## Personal data",
        _table("Kind", "Values masked", counts["masked"]) or "None was found.",
        *_masked(counts),
        "## Contradictions",
        _conflicts(told.conflicts),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def plain(text: str) -> str:
    """A text on one line in which nothing is markup; long ones are cut."""
    shown = " ".join(strip_invisible(text)[0].split())
    cut = shown if len(shown) <= _LONGEST else shown[: _LONGEST - 1] + "…"
    return _MARKUP.sub(r"\\\1", cut)


def _sizes(counts: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "Pairs": counts["pairs"],
        "to train on": counts["train"],
        "kept aside to judge by": counts["held_out"],
        "that decline to answer": f"{counts['refusals']} ({counts['refusal_share']:.0%})",
        "Rows from content": counts.get("grounding", 0),
        "Preferences (better, worse)": counts["preferences"],
        "Judged replies (thumb and reviewer agree)": counts["judged"],
        "Reviewers": counts["reviewers"],
        "Visitors": counts["visitors"],
    }


def _table(first: str, second: str, rows: Mapping[str, Any]) -> str:
    if not rows:
        return ""
    lines = [f"| {first} | {second} |", "| --- | ---: |"]
    return "\n".join(lines + [f"| {plain(str(k))} | {plain(str(v))} |" for k, v in rows.items()])


def _lengths(texts: Mapping[str, Sequence[str]]) -> str:
    found = {name: lengths(own) for name, own in texts.items()}
    named = list(next(iter(found.values())))
    lines = [f"| | {' | '.join(named)} |", "| --- |" + " ---: |" * len(named)]
    lines += [
        f"| {name} | {' | '.join(f'{figure:.0f}' for figure in own.values())} |"
        for name, own in found.items()
    ]
    return "\n".join(lines) if named else ""


def _masked(counts: Mapping[str, Any]) -> list[str]:
    """Which replies held personal data, by origin; never the data."""
    lines = [
        f"- `{row['origin_id']}`: {', '.join(sorted(row['kinds']))}; "
        f"{'masked' if row['kept'] else 'left out'}"
        for row in counts["masked_pairs"][:_LISTED]
    ]
    return ["\n".join(lines)] if lines else []


def _conflicts(found: Sequence[Conflict]) -> str:
    if not found:
        return "None was found."
    lines = [
        f"- {plain(one.question)} (`{one.one}`, `{one.other}`): {plain(one.reason)}"
        for one in found[:_LISTED]
    ]
    told = "Both replies of each are left out until a person excludes one of them."
    return told + "\n\n" + "\n".join(lines)
