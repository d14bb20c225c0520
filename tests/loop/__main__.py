"""`make loop`: run the loop at full length and print its table.

`python -m tests.loop --held-out 0.41` keeps 40 of the replies aside to judge the voice by.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from tests.loop.story import tell, write

OUTPUT = Path("build/loop")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.loop")
    parser.add_argument("--held-out", type=float, default=0.0, help="share of the replies")
    held_out = parser.parse_args().held_out
    shutil.rmtree(OUTPUT, ignore_errors=True)
    story = tell((OUTPUT / "home").resolve(), pictures=OUTPUT, held_out=held_out)
    sys.stdout.write(write(story, OUTPUT) + "\n")
    sys.stdout.write(f"pictures and the whole record: {OUTPUT}\n")
    return 0 if story.rollback.get("probes_equal") else 1


if __name__ == "__main__":
    raise SystemExit(main())
