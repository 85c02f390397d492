"""Make what an agent has handled durable, in one thread, so that the loop never waits for a disk.

One write is under way at a time; whoever asks meanwhile shares the next one. Promises are kept by the faster write that
only secures what a commit will take over; a commit that was asked for waits for one such write at most. After a failed
write, and after one that was given up, there is none.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

from meva_runners.commit_then_act import CommittingAgent
from meva_runners.trading.promise import Promise
from meva_runners.trading.writer_thread import WriterThread


class JournalWriter:
    """Write for *process*; *on_failure* hears of the one write that failed."""

    def __init__(self, process: CommittingAgent, *, on_failure: Callable[[BaseException], None]) -> None:
        self._process = process
        self._on_failure = on_failure
        self._thread = WriterThread("journal")
        self._waiting: list[Promise] = []
        self._underway: list[Promise] = []
        self._wanted = self._busy = self._secured = False
        self._failure: BaseException | None = None
        self._started_s = 0.0
        self.took_s = 0.0  # The last write, for people.
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def waited_s(self) -> float:
        """Return for how long the write that is under way has been so, 0 where there is none."""
        return time.monotonic() - self._started_s if self._busy else 0.0

    def durable(self) -> Promise:
        """Return the promise that everything handled so far is durable; a failed write breaks it."""
        [promise] = self.durable_for(1)
        return promise

    def durable_for(self, count: int) -> list[Promise]:
        """Return that promise for each of *count* that wait for it, kept by the same write."""
        promises = [Promise() for _ in range(count)]
        if self._failure is None:
            self._waiting += promises
            self._start_if_idle()
        else:
            for promise in promises:
                promise.set_exception(self._failure)
        return promises

    def request(self) -> None:
        """Commit what has been handled so far, as soon as the write before it is done."""
        self._wanted = True
        self._start_if_idle()

    def spare(self, work: Callable[[], None]) -> bool:
        """Do *work* in the thread of the writes if none is under way; return whether it was begun."""
        if self._busy or self._failure is not None:
            return False
        self._begin(work, [])
        return True

    def give_up(self, failure: BaseException) -> None:
        """Wait no longer for a write that does not come to its end: it counts as failed, whatever becomes of it."""
        if self._failure is None:
            self._break([*self._underway, *self._waiting], failure)

    async def close(self, wait_s: float) -> bool:
        """End the thread after the writes that were asked for; return whether it could within *wait_s*."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), wait_s)
        return self._thread.shutdown(0 if self._busy else wait_s)

    def _start_if_idle(self) -> None:
        if not self._busy and self._failure is None:
            self._start()

    def _start(self) -> None:
        self._secured = bool(self._waiting) and not (self._wanted and self._secured)
        self._wanted = self._wanted and self._secured
        waiting, self._waiting = self._waiting, []
        try:
            write = self._process.securing() if self._secured else self._process.committing()
        except Exception as failure:  # noqa: BLE001 - what cannot be laid out cannot be written.
            self._break(waiting, failure)
            return
        self._begin(write, waiting)
        if waiting:
            self._thread.give_way()

    def _begin(self, work: Callable[[], None], waiting: list[Promise]) -> None:
        """Have the thread do *work*, which keeps the promises of *waiting*."""
        self._busy = True
        self._idle.clear()
        self._started_s = time.monotonic()
        self._underway = waiting
        loop = asyncio.get_running_loop()

        def told(failure: BaseException | None) -> None:
            with suppress(RuntimeError):  # A loop that has ended waits for nothing.
                loop.call_soon_threadsafe(self._finish, waiting, failure)

        self._thread.submit(work, told)

    def _finish(self, waiting: list[Promise], failure: BaseException | None) -> None:
        self.took_s = time.monotonic() - self._started_s
        self._busy = False
        if self._failure is not None:
            return  # It was given up.
        if failure is not None:
            self._break([*waiting, *self._waiting], failure)
            return
        for promise in waiting:
            promise.keep()
        if self._wanted or self._waiting:
            self._start_if_idle()  # Whoever was told may have begun the next write.
        elif not self._busy:
            self._idle.set()

    def _break(self, promises: list[Promise], failure: BaseException) -> None:
        self._failure = failure
        self._waiting = []
        for promise in promises:
            if not promise.done():
                promise.set_exception(failure)
                promise.exception()  # It is told by `on_failure`, whether or not somebody still waits.
        self._idle.set()
        self._on_failure(failure)
