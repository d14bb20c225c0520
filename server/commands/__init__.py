"""Commands in modules of their own; `server.cli` finds them by the project's entry points."""

from __future__ import annotations

import click

from server.commands.checks import test
from server.commands.curated import curated
from server.commands.evaluate import evaluate


def register(group: click.Group) -> None:
    """Add the commands to the parlance group."""
    for command in (curated, evaluate, test):
        group.add_command(command)
