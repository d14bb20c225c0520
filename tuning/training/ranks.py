"""Which of several training processes this one is; alone, it is the first of one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import distributed


def is_first() -> bool:
    """Whether this process writes the job's files; the others only compute."""
    return not _many() or distributed.get_rank() == 0


def count() -> int:
    """How many processes train together."""
    return distributed.get_world_size() if _many() else 1


def wait_for_all() -> None:
    """Go on once every process has come here."""
    if _many():
        distributed.barrier()


def sum_gradients(parameters: Iterable[Any]) -> None:
    """Add up the gradients of all processes, in one message."""
    if not _many():
        return
    grads = [p.grad for p in parameters if p.grad is not None]
    joined = torch.cat([grad.flatten() for grad in grads])
    distributed.all_reduce(joined)
    sizes = [grad.numel() for grad in grads]
    for grad, part in zip(grads, torch.split(joined, sizes), strict=True):
        grad.copy_(part.view_as(grad))


def _many() -> bool:
    return distributed.is_available() and distributed.is_initialized()
