"""Show how far long work has come, on a terminal and nowhere else."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Final, Self, TextIO

from rich.progress import BarColumn, DownloadColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn

from meva_adapters.reports.terminal import console_for

# What is over sooner needs no bar, and ten pictures a second are smooth enough.
_PATIENCE_S: Final = 0.5
_REFRESH_S: Final = 0.1


class TransientProgress:
    """Draw a bar with *columns* on *stream*; do nothing when it is no terminal.

    It draws in the caller's thread, at most ten times a second, and leaves no trace when it ends.
    """

    def __init__(
        self,
        stream: TextIO,
        total: float,
        *,
        doing: str,
        columns: Sequence[ProgressColumn],
        now_s: Callable[[], float] = time.monotonic,
        **fields: Any,
    ) -> None:
        self._now_s = now_s
        self._progress: Progress | None = None
        self.started_s = self._next_s = now_s()
        self._next_s += _PATIENCE_S
        if stream.isatty():
            self._progress = Progress(
                TextColumn(doing),
                BarColumn(),
                TextColumn("{task.percentage:>3.0f}%"),
                *columns,
                TimeRemainingColumn(),
                console=console_for(stream),
                auto_refresh=False,
                transient=True,
                get_time=now_s,
            )
            self._task = self._progress.add_task("", total=total, **fields)

    @property
    def is_due(self) -> bool:
        """Return whether `draw` would show something new."""
        return self._progress is not None and self._now_s() >= self._next_s

    def draw(self, completed: float, **fields: Any) -> None:
        """Say how much is done."""
        if self._progress is None or not self.is_due:
            return
        self._next_s = self._now_s() + _REFRESH_S
        self._progress.update(self._task, completed=completed, **fields)
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


class ReplayProgress(TransientProgress):
    """Show bytes, share, speed and remaining time of a replay. Call `update` once per block, not per event."""

    def __init__(
        self, stream: TextIO, total_bytes: int, *, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        columns = [DownloadColumn(), TextColumn("{task.fields[speed]:>9,.0f} events/s")]
        super().__init__(stream, total_bytes, doing="replaying", columns=columns, now_s=now_s, speed=0.0)

    def update(self, position_bytes: int, events: int) -> None:
        """Say how far the tape was read, and how many events were handled so far."""
        if self.is_due:
            self.draw(position_bytes, speed=events / (self._now_s() - self.started_s))


class FetchProgress(TransientProgress):
    """Show how much of a period was fetched, how many rows, and what is waited for."""

    def __init__(self, stream: TextIO, total: float, *, doing: str) -> None:
        columns = [TextColumn("{task.fields[rows]:>11,} rows"), TextColumn("{task.fields[waiting]}")]
        super().__init__(stream, total, doing=doing, columns=columns, rows=0, waiting="")

    def update(self, completed: float, rows: int, waiting: str = "") -> None:
        """Say how far it came."""
        self.draw(completed, rows=rows, waiting=waiting)
