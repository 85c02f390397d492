"""Turn the signals that end a process into a stop in good order; decide no status."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

# What a terminal, a supervisor and a closed terminal send.
STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def stopping_on_signals(stop: Callable[[str], None]) -> Iterator[list[signal.Signals]]:
    """Call *stop* with a reason at each signal; yield the list of those that came."""
    came: list[signal.Signals] = []
    loop = asyncio.get_running_loop()
    terminals = [stream.fileno() for stream in (sys.stdout, sys.stderr) if stream.isatty()]

    def take(number: signal.Signals) -> None:
        came.append(number)
        if number is signal.SIGHUP:
            _let_go(terminals)
        stop(f"{number.name} came")

    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, take, number)
    try:
        yield came
    finally:
        for number in STOP_SIGNALS:
            loop.remove_signal_handler(number)


def _let_go(terminals: Sequence[int]) -> None:
    """Write to nowhere what went to a terminal that is gone: every further write would be an error."""
    for descriptor in terminals:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, descriptor)
        os.close(nowhere)
