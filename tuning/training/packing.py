"""How the rows of a batch go through the model: their common beginning once, the rest unpadded.

Pure: token ids in, token ids out. What the model does with them is `tuning.training.fast`'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from server.errors import Invalid
from tuning.data.rows import IGNORED, Encoded

# A shorter beginning is not worth a pass of its own.
_SHORTEST_PREFIX = 16
_KEPT_MULTIPLE = 32


@dataclass(frozen=True, slots=True)
class Pack:
    """Rows laid end to end.

    `lengths`: tokens of each. `kept`: how many of a row's last positions predict a token that is
    learnt; `labels` holds these tokens, row after row. Every row follows on `past` tokens that
    went through the model before.
    """

    ids: list[int]
    lengths: list[int]
    kept: list[int]
    labels: list[int]
    past: int = 0

    @property
    def positions(self) -> list[int]:
        """The place of each token in its own row."""
        return [self.past + n for length in self.lengths for n in range(length)]

    @property
    def kept_positions(self) -> list[int]:
        """Where in the pack the kept positions are."""
        found: list[int] = []
        end = 0
        for length, kept in zip(self.lengths, self.kept, strict=True):
            end += length
            found += range(end - kept, end)
        return found


@dataclass(frozen=True, slots=True)
class Plan:
    """A batch: the beginning that all its rows share (or None), and packs of what follows."""

    prefix: Pack | None
    packs: list[Pack]


def plan_batch(rows: Sequence[Encoded], *, size: int, multiple: int = 1) -> Plan:
    """Lay out a batch, `size` rows a pack; a pack's tokens are filled up to the `multiple`."""
    for row in rows:
        if not 0 < row.prompt_tokens < len(row.ids):
            raise Invalid("A batch masks nothing or everything; nothing sound can be learnt.")
    shared = _shared(rows)
    prefix = Pack(rows[0].ids[:shared], [shared], [0], []) if shared else None
    packs = [
        _pack(rows[first : first + size], shared, multiple) for first in range(0, len(rows), size)
    ]
    return Plan(prefix, packs)


def rows_of(ids: Sequence[Sequence[int]], labels: Sequence[Sequence[int]]) -> Iterator[Encoded]:
    """Read rows back from a padded batch: each is a prompt without labels, then its reply.

    The padding is on the right and carries no label either.
    """
    for row, wanted in zip(ids, labels, strict=True):
        learnt = [n for n, label in enumerate(wanted) if label != IGNORED]
        if not learnt or learnt != list(range(learnt[0], learnt[-1] + 1)):
            raise Invalid("A batch masks nothing or everything; nothing sound can be learnt.")
        yield Encoded(list(row[: learnt[-1] + 1]), learnt[0])


def _shared(rows: Sequence[Encoded]) -> int:
    """Tokens that all rows begin with, short of the last one before any reply."""
    if len(rows) < 2:
        return 0
    most = min(row.prompt_tokens for row in rows) - 1
    columns = zip(*(row.ids[:most] for row in rows), strict=True)
    shared = next((n for n, column in enumerate(columns) if len(set(column)) > 1), most)
    return shared if shared >= _SHORTEST_PREFIX else 0


def _pack(rows: Sequence[Encoded], shared: int, multiple: int) -> Pack:
    # The last token of a row predicts nothing, and nothing looks at it.
    parts = [row.ids[shared:-1] for row in rows]
    kept = [len(row.ids) - row.prompt_tokens for row in rows]
    labels = [token for row in rows for token in row.ids[row.prompt_tokens :]]
    if multiple > 1:
        spare = -len(labels) % _KEPT_MULTIPLE
        filling = -sum(map(len, parts)) % multiple
        filling += multiple if filling < spare else 0
        if filling:
            parts.append([0] * filling)
            kept.append(spare)
            labels += [IGNORED] * spare
    return Pack([t for part in parts for t in part], [len(p) for p in parts], kept, labels, shared)
