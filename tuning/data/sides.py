"""The sides of preference rows: each goes where its conversation went, and gives no pair away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from server.store.pairs import Pair, Preference
from tuning.data.leakage import Beside, leaks
from tuning.data.split import HELD_OUT, TRAIN


def side_preferences(
    rows: Sequence[Preference], pairs: Sequence[Pair], groups: Mapping[str, str], beside: Beside
) -> list[Preference]:
    """Give each row the group and side of its conversation.

    `groups`: the group that each conversation's pairs came into. A row of a conversation without
    pairs is trained on, unless it gives away a held-out pair.
    """
    sides = {pair.group_id: pair.split for pair in pairs}
    joined = [replace(row, group_id=groups.get(row.group_id, row.group_id)) for row in rows]
    placed = [replace(row, split=sides.get(row.group_id, TRAIN)) for row in joined]
    telling = {leak.train for leak in leaks(pairs, placed, beside)}
    return [replace(row, split=HELD_OUT) if row.id in telling else row for row in placed]
