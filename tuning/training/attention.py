"""Causal attention over packed rows that share the keys and values of a common beginning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True, slots=True)
class Heads:
    """`groups` query heads read each of `pairs` key and value heads of `size` numbers."""

    pairs: int
    groups: int
    size: int
    scale: float


@dataclass(frozen=True, slots=True)
class Past:
    """Keys and values of the common beginning in one layer, and the gradients they gather."""

    keys: Tensor
    values: Tensor
    keys_grad: Tensor
    values_grad: Tensor


@dataclass(frozen=True, slots=True)
class Attended:
    """A layer's attention, kept for its backward pass."""

    out: Tensor
    query: Tensor
    keys: Tensor
    values: Tensor
    past: Past | None
    past_keys: Tensor | None
    past_values: Tensor | None


def attend(
    query: Tensor,
    keys: Tensor,
    values: Tensor,
    *,
    heads: Heads,
    kept: Sequence[int],
    lengths: Sequence[int],
    masks: Sequence[Tensor],
    past: Past | None = None,
) -> Attended:
    """Attend each row's last `kept` positions to the row's whole and to the past.

    query: sum(kept) x heads x size; keys, values: sum(lengths) x pairs x size;
    the outcome: sum(kept) x (heads * size).
    """
    # Detached: this is the only piece that autograd follows, and it ends here.
    query, keys, values = (t.detach().requires_grad_() for t in (query, keys, values))
    behind = [None, None]
    if past is not None:
        behind = [t.detach().requires_grad_() for t in (past.keys, past.values)]  # type: ignore[misc]
    with torch.enable_grad():
        rows = zip(
            torch.split(query, list(kept)),
            torch.split(keys, list(lengths)),
            torch.split(values, list(lengths)),
            masks,
            strict=True,
        )
        out = torch.cat(
            [
                _row(q, _behind(behind[0], k), _behind(behind[1], v), mask, heads)
                for q, k, v, mask in rows
                if len(q)
            ]
        )
    return Attended(out, query, keys, values, past, *behind)


def attend_back(attended: Attended, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of query, keys and values; those of the past are added to the past."""
    inputs = [attended.query, attended.keys, attended.values]
    past = attended.past
    if past is None:
        found = torch.autograd.grad(attended.out, inputs, grad)
    else:
        assert attended.past_keys is not None and attended.past_values is not None
        inputs += [attended.past_keys, attended.past_values]
        found = torch.autograd.grad(attended.out, inputs, grad)
        past.keys_grad.add_(found[3])
        past.values_grad.add_(found[4])
    return found[0], found[1], found[2]


def causal_mask(kept: int, seen: int, groups: int, like: Tensor) -> Tensor:
    """(groups * kept) x seen, to be added to the scores: the last `kept` of `seen` positions."""
    hidden = torch.full((kept, seen), float("-inf"), dtype=like.dtype, device=like.device)
    return hidden.triu(seen - kept + 1).repeat(groups, 1)


def _behind(past: Tensor | None, row: Tensor) -> Tensor:
    return row if past is None else torch.cat([past, row])


def _row(query: Tensor, keys: Tensor, values: Tensor, mask: Tensor, heads: Heads) -> Tensor:
    # The query heads of a group are laid end to end, so that their keys need no copies.
    count = len(query)
    grouped = query.view(count, heads.pairs, heads.groups, heads.size).permute(1, 2, 0, 3)
    out = functional.scaled_dot_product_attention(
        grouped.reshape(1, heads.pairs, heads.groups * count, heads.size),
        keys.transpose(0, 1)[None],
        values.transpose(0, 1)[None],
        attn_mask=mask,
        scale=heads.scale,
    )
    rows = out.view(heads.pairs, heads.groups, count, heads.size).permute(2, 0, 1, 3)
    return rows.reshape(count, heads.pairs * heads.groups * heads.size)
