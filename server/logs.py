"""Logging of a process: our own modules at the chosen level, libraries only when they warn."""

from __future__ import annotations

import logging


def set_up(level: str) -> None:
    """Write to stderr, one line an event."""
    logging.basicConfig(
        level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    for package in ("server", "tuning", "__main__"):
        logging.getLogger(package).setLevel(level)
