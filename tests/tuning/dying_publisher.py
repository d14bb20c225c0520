"""Publishes an adapter and is killed on the way, for the tests of that.

`python -m tests.tuning.dying_publisher HOME WHAT N` dies with SIGKILL at the N-th call of WHAT
("fsync", "rename" or "renamed": just behind it); without WHAT it lives and says "published".
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tuning import publishing
from tuning.child import read_json
from tuning.places import REPORT, Places

RUN = "run_1"


def _dying(call: Callable[..., Any], at: int, *, behind: bool = False) -> Callable[..., Any]:
    """The same call, but for the one that the process does not live through."""
    calls = 0

    def wrapped(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == at and not behind:
            os.kill(os.getpid(), signal.SIGKILL)
        result = call(*arguments)
        if calls == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return wrapped


def main(home: Path, what: str = "", at: int = 0) -> None:
    places = Places(home, RUN)
    if what == "fsync":
        publishing.os.fsync = _dying(os.fsync, at)
    if what in ("rename", "renamed"):
        Path.rename = _dying(Path.rename, at, behind=what == "renamed")  # type: ignore[method-assign]
    publishing.publish(places, read_json(places.job / REPORT))
    sys.stdout.write("published")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:3], *map(int, sys.argv[3:4]))
