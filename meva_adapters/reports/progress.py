"""Show how far a long replay has come, on a terminal and nowhere else."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self, TextIO

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from meva_adapters.reports.terminal import console_for

# What is over sooner needs no bar, and ten pictures a second are smooth enough.
_PATIENCE_S: Final = 0.5
_REFRESH_S: Final = 0.1


class ReplayProgress:
    """Draw bytes, share, speed and remaining time on *stream*; do nothing when it is no terminal.

    Call `update` once per block of events, not per event. It draws in the caller's thread, at most ten times
    a second, and leaves no trace when it ends.
    """

    def __init__(
        self, stream: TextIO, total_bytes: int, *, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._now_s = now_s
        self._progress: Progress | None = None
        self._started_s = self._next_s = now_s()
        self._next_s += _PATIENCE_S
        if stream.isatty():
            self._progress = Progress(
                TextColumn("replaying"),
                BarColumn(),
                TextColumn("{task.percentage:>3.0f}%"),
                DownloadColumn(),
                TextColumn("{task.fields[speed]:>9,.0f} events/s"),
                TimeRemainingColumn(),
                console=console_for(stream),
                auto_refresh=False,
                transient=True,
                get_time=now_s,
            )
            self._task = self._progress.add_task("", total=total_bytes, speed=0.0)

    def update(self, position_bytes: int, events: int) -> None:
        """Say how far the tape was read, and how many events were handled so far."""
        if self._progress is None or self._now_s() < self._next_s:
            return
        now_s = self._now_s()
        self._next_s = now_s + _REFRESH_S
        speed = events / (now_s - self._started_s)
        self._progress.update(self._task, completed=position_bytes, speed=speed)
        if self._progress.live.is_started:
            self._progress.refresh()
        else:
            self._progress.start()  # Draws as well.

    def close(self) -> None:
        """Remove the bar."""
        if self._progress is not None and self._progress.live.is_started:
            self._progress.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
