"""Decide how a stream is written to: colour and cursor codes on a terminal, plain text anywhere else."""

from __future__ import annotations

from typing import Final, TextIO

from rich.console import Console
from rich.table import Column, Table

# What fits beside a diff or in a mail; a terminal's own width is taken where there is one.
PLAIN_WIDTH: Final = 100


def console_for(stream: TextIO) -> Console:
    """Return a console on *stream*. Only `isatty` counts: environment variables have misled rich before."""
    on_terminal = stream.isatty()
    return Console(
        file=stream,
        force_terminal=on_terminal,
        force_interactive=on_terminal,
        color_system="auto" if on_terminal else None,
        width=None if on_terminal else PLAIN_WIDTH,
        markup=False,
        emoji=False,
        highlight=False,
    )


def money_table(*names: str, title: str) -> Table:
    """Return a table whose narrow columns break over lines: an amount is never cut."""
    return Table(*(Column(name, overflow="fold") for name in names), title=title)


def printable(text: str) -> str:
    """Return *text* with everything that is no printable character escaped, as in a Python literal."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
