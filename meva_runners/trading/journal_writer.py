"""Make what an agent has handled durable, in one thread, so that the loop never waits for a disk.

One write is under way at a time; whoever asks meanwhile shares the next one. Promises are kept by the faster write that
only secures what a commit will take over; a commit that was asked for waits for one such write at most. After a failed
write there is none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Final

from meva_runners.commit_then_act import CommittingAgent

Promise = asyncio.Future[None]

# Python lets one thread run at a time, and for 5 ms: without a break the writer would begin when the loop is idle.
_BREAK_S_MAX: Final = 0.001


class JournalWriter:
    """Commit for *process*; *on_failure* hears of the one write that failed."""

    def __init__(self, process: CommittingAgent, *, on_failure: Callable[[BaseException], None]) -> None:
        self._process = process
        self._on_failure = on_failure
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._waiting: list[Promise] = []
        self._wanted = self._busy = self._secured = False
        self._failure: BaseException | None = None
        self._idle = asyncio.Event()
        self._idle.set()

    def durable(self) -> Promise:
        """Return the promise that everything handled so far is durable; a failed write breaks it."""
        promise: Promise = asyncio.get_running_loop().create_future()
        if self._failure is None:
            self._waiting.append(promise)
            self._start_if_idle()
        else:
            promise.set_exception(self._failure)
        return promise

    def request(self) -> None:
        """Commit what has been handled so far, as soon as the write before it is done."""
        self._wanted = True
        self._start_if_idle()

    async def close(self) -> None:
        """Wait for the writes that were asked for, and end the thread."""
        await self._idle.wait()
        self._thread.shutdown()

    def _start_if_idle(self) -> None:
        if not self._busy and self._failure is None:
            self._start()

    def _start(self) -> None:
        self._secured = bool(self._waiting) and not (self._wanted and self._secured)
        self._wanted, self._busy = self._wanted and self._secured, True
        self._idle.clear()
        waiting, self._waiting = self._waiting, []
        loop = asyncio.get_running_loop()
        begun = Lock()
        begun.acquire()
        try:
            write = self._process.securing() if self._secured else self._process.committing()

            def run() -> None:
                begun.release()
                write()

            work = self._thread.submit(run)
        except Exception as failure:  # noqa: BLE001 - no checkpoint, or no thread any more: a write that failed.
            self._busy = False
            self._break(waiting, failure)
            return
        work.add_done_callback(
            lambda done: loop.call_soon_threadsafe(self._finish, waiting, done.exception())
        )
        if waiting:
            begun.acquire(timeout=_BREAK_S_MAX)

    def _finish(self, waiting: list[Promise], failure: BaseException | None) -> None:
        self._busy = False
        if failure is not None:
            self._break([*waiting, *self._waiting], failure)
            return
        for promise in waiting:
            if not promise.done():  # Whoever waited may have been cancelled.
                promise.set_result(None)
        if self._wanted or self._waiting:
            self._start()
        else:
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
