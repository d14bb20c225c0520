"""Preference rows: what a correction prefers, and what a visitor and a reviewer agreed on.

A tone correction says that the corrected reply is better than the model's draft. A thumb counts
only where a reviewer came to the same verdict, and once however often it was pressed; so no visitor
shifts a voice alone (arXiv 2507.02850). The rows go beside those of the pairs, in the
conversational forms that TRL's DPOTrainer and KTOTrainer read.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

from server.store.assistants import Assistant
from server.store.database import new_id
from server.store.material import APPROVED, CORRECTED
from server.store.pairs import Preference
from tuning.child import write_lines
from tuning.data.candidates import REFUSAL
from tuning.data.clean import cleaned
from tuning.data.render import Rendered

PREFERENCE, JUDGED = "preference", "judged"
PREFERENCES_FILE, JUDGED_FILE = "preferences.jsonl", "kto.jsonl"


def preference_rows(
    assistant: Assistant, run_id: str, learnt: Sequence[Rendered]
) -> list[Preference]:
    """(prompt, corrected reply, the model's draft) of the corrections that are pairs."""
    rows = []
    for one in learnt:
        draft = cleaned(one.candidate.draft)
        corrected = one.candidate.origin == CORRECTED and one.candidate.kind != REFUSAL
        if corrected and draft and _key(draft) != _key(one.candidate.completion):
            rows.append(_row(assistant, run_id, one, PREFERENCE, rejected=draft))
    return rows


def judged_rows(assistant: Assistant, run_id: str, learnt: Sequence[Rendered]) -> list[Preference]:
    """Replies that the visitor liked and a reviewer approved, of those that are pairs."""
    return [
        _row(assistant, run_id, one, JUDGED, label=True)
        for one in learnt
        if one.candidate.origin == APPROVED and one.candidate.thumb == "up"
    ]


def disliked_rows(
    assistant: Assistant, run_id: str, disliked: Sequence[Rendered]
) -> list[Preference]:
    """Replies that the visitor disliked and a reviewer faulted in tone."""
    return [_row(assistant, run_id, one, JUDGED, label=False) for one in disliked]


def write_preferences(folder: Path, rows: Sequence[Preference]) -> None:
    """Write the rows of a job into its two files, in TRL's conversational forms."""
    for name, kind in ((PREFERENCES_FILE, PREFERENCE), (JUDGED_FILE, JUDGED)):
        write_lines(folder / name, [trl_row(row) for row in rows if row.kind == kind])


def trl_row(row: Preference) -> dict[str, Any]:
    """{"prompt", "chosen", "rejected"} or {"prompt", "completion", "label"}."""
    said = [{"role": "assistant", "content": row.completion}]
    if row.kind == PREFERENCE:
        worse = [{"role": "assistant", "content": row.rejected or ""}]
        return {"prompt": row.prompt, "chosen": said, "rejected": worse}
    return {"prompt": row.prompt, "completion": said, "label": bool(row.label)}


def _row(
    assistant: Assistant,
    run_id: str,
    one: Rendered,
    kind: str,
    *,
    rejected: str | None = None,
    label: bool | None = None,
) -> Preference:
    candidate, lineage = one.candidate, one.candidate.lineage
    texts = [
        *(m["content"] for m in one.messages),
        candidate.completion,
        rejected or "",
        str(label),
    ]
    return Preference(
        id=new_id("prf"),
        assistant_id=assistant.id,
        run_id=run_id,
        kind=kind,
        origin_id=candidate.origin_id,
        turn_id=lineage.turn_id or "",
        reviewer=lineage.reviewer,
        visitor_id=lineage.visitor_id,
        group_id=candidate.group_id,
        split="",
        question=candidate.standalone,
        prompt=one.messages,
        completion=candidate.completion,
        rejected=rejected,
        label=label,
        hash=blake2b("\0".join(texts).encode(), digest_size=16).hexdigest(),
    )


def _key(text: str) -> str:
    return " ".join(text.lower().split())
