"""The least versions of libraries, as the package declares them; older ones are refused at start.

A bound may stand for a known hole (CVE-2025-68664 in langchain-core, CVE-2026-24747 in torch), and
an installer can be told to pass over it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, requires, version

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from server.errors import Unavailable

_PACKAGE = "parlance"


def check_versions(extra: str = "", *, installed: Callable[[str], str] = version) -> None:
    """Raise Unavailable for the first library that is missing or older than its bound."""
    for needed in declared(extra):
        least = SpecifierSet(",".join(str(s) for s in needed.specifier if s.operator == ">="))
        try:
            found = installed(needed.name)
        except PackageNotFoundError:
            raise Unavailable(f"{needed.name} is not installed.", hint=_hint(extra)) from None
        if not least.contains(found, prereleases=True):
            raise Unavailable(
                f"{needed.name} {found} is older than this version of Parlance allows ({least}).",
                hint=_hint(extra),
            )


def declared(extra: str = "") -> Iterator[Requirement]:
    """What the package needs, with what one of its extras adds; nothing where it is not installed.

    Run from a bare source tree there is no such list, and nothing to compare with.
    """
    try:
        lines = requires(_PACKAGE) or []
    except PackageNotFoundError:
        return
    for line in lines:
        needed = Requirement(line)
        if needed.marker is None or needed.marker.evaluate({"extra": extra}):
            yield needed


def _hint(extra: str) -> str:
    return f"Install anew: pip install '{_PACKAGE}[{extra}]'" if extra else "Run make setup."
