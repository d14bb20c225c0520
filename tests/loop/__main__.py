"""`make loop`: run the loop at full length and print its table."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from tests.loop.story import tell, write

OUTPUT = Path("build/loop")


def main() -> int:
    shutil.rmtree(OUTPUT, ignore_errors=True)
    story = tell((OUTPUT / "home").resolve(), pictures=OUTPUT)
    sys.stdout.write(write(story, OUTPUT) + "\n")
    sys.stdout.write(f"pictures and the whole record: {OUTPUT}\n")
    return 0 if story.rollback.get("probes_equal") else 1


if __name__ == "__main__":
    raise SystemExit(main())
